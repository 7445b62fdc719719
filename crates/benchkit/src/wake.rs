//! From a mark to the task that runs, in a tokio runtime.

use super::{
    peers::{Key, Peer, PeerSocket},
    population::Lasting,
    timing::{Latencies, cores, cpu_time, pause, thread_cpu_time},
    workload::Random,
};
use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    MultiThread,
    CurrentThread,
}

impl Flavour {
    /// One core is left to the thread that marks.
    fn runtime(self) -> Runtime {
        let mut builder = match self {
            Self::MultiThread => Builder::new_multi_thread(),
            Self::CurrentThread => Builder::new_current_thread(),
        };
        builder.worker_threads(self.workers()).enable_time().build().expect("a runtime")
    }

    fn workers(self) -> usize {
        match self {
            Self::MultiThread => cores().saturating_sub(1).max(1),
            Self::CurrentThread => 1,
        }
    }
}

#[derive(Clone, Copy)]
pub struct Plan {
    pub flavour: Flavour,
    /// So many wait, each on its own key.
    pub tasks: usize,
    /// So many single marks are timed.
    pub marks: usize,
}

pub struct Wakes {
    /// Single marks of an otherwise idle runtime, mark to poll.
    pub latencies: Latencies,
    /// CPU time per wake-up in nanoseconds, marker's and tasks': of the single marks, each with the
    /// runtime asleep;
    pub cpu_asleep: f64,
    /// and of all tasks, marked before any of them may run.
    pub cpu_batch: f64,
}

pub struct Idle {
    /// CPU time over wall time while nothing happens, in percent of one core.
    pub cpu_percent: f64,
    /// Of a few marks, mark to poll.
    pub latencies: Latencies,
}

/// Where marker and tasks meet.
struct Board {
    origin: Instant,
    /// Per task, when it was marked.
    marked: Vec<AtomicU64>,
    /// In the order of waking.
    nanos: Vec<AtomicU64>,
    woken: AtomicUsize,
    waiting: AtomicUsize,
}

impl Board {
    fn new(tasks: usize, wakes: usize) -> Self {
        let zeros = |count| std::iter::repeat_with(AtomicU64::default).take(count).collect();
        Self {
            origin: Instant::now(),
            marked: zeros(tasks),
            nanos: zeros(wakes),
            woken: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
        }
    }

    fn now(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    fn mark(&self, task: usize) {
        self.marked[task].store(self.now(), Ordering::Release);
    }

    fn wake(&self, task: usize) {
        let nanos = self.now() - self.marked[task].load(Ordering::Acquire);
        let turn = self.woken.fetch_add(1, Ordering::AcqRel);
        if let Some(place) = self.nanos.get(turn) {
            place.store(nanos, Ordering::Release);
        }
    }

    fn latencies(&self) -> Latencies {
        let woken = self.woken.load(Ordering::Acquire).min(self.nanos.len());
        Latencies::new(self.nanos[..woken].iter().map(|nanos| nanos.load(Ordering::Acquire)).collect())
    }

    /// Looks once per millisecond: the time of looking is neither latency nor worth mentioning as
    /// CPU time.
    fn wait_for(&self, count: &AtomicUsize, target: usize) {
        const PATIENCE: Duration = Duration::from_secs(60);
        let start = Instant::now();
        while count.load(Ordering::Acquire) < target {
            assert!(start.elapsed() < PATIENCE, "a mark was lost: fewer than {target} tasks woke");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Keeps a runtime from running tasks: as many of them as it has workers block theirs.
struct Gate(Arc<Barrier>);

impl Gate {
    fn shut(runtime: &Runtime, workers: usize) -> Self {
        let barrier = Arc::new(Barrier::new(workers + 1));
        for _ in 0..workers {
            let barrier = barrier.clone();
            runtime.spawn(async move {
                barrier.wait();
                barrier.wait();
            });
        }
        barrier.wait();
        Self(barrier)
    }

    fn open(self) {
        self.0.wait();
    }
}

/// Starts the tasks, lets them all wait, and runs the scene outside the runtime.
fn on_stage<K: Key, P: Peer<K>, R>(
    flavour: Flavour,
    tasks: usize,
    wakes: usize,
    scene: impl FnOnce(&'static P, &Board, &Runtime) -> R,
) -> R {
    let registry = Lasting::new(P::sized_for(tasks));
    let board = Arc::new(Board::new(tasks, wakes));
    let runtime = flavour.runtime();
    for task in 0..tasks {
        let mut socket = registry.get().register(K::nth(task as u64));
        let board = board.clone();
        runtime.spawn(async move {
            board.waiting.fetch_add(1, Ordering::AcqRel);
            loop {
                socket.due().await;
                board.wake(task);
            }
        });
    }
    let over = Notify::new();
    thread::scope(|scope| {
        scope.spawn(|| runtime.block_on(over.notified()));
        board.wait_for(&board.waiting, tasks);
        let result = scene(registry.get(), &board, &runtime);
        over.notify_one();
        result
    })
}

/// First single marks, with the runtime asleep in between; then all tasks at the same time.
pub fn wake<K: Key, P: Peer<K>>(plan: Plan) -> Wakes {
    /// Long enough for a worker to park.
    const PAUSE: Duration = Duration::from_micros(50);
    on_stage::<K, P, _>(plan.flavour, plan.tasks, plan.marks, |registry, board, runtime| {
        let keys: Vec<_> = (0..plan.tasks as u64).map(K::nth).collect();
        let mut order: Vec<_> = (0..plan.tasks).collect();
        Random(2).shuffle(&mut order);
        // In turn, so that no socket is marked again before it ran.
        let (all, own) = (cpu_time(), thread_cpu_time());
        let mut marking = Duration::ZERO;
        for &task in order.iter().cycle().take(plan.marks) {
            pause(PAUSE);
            let before = thread_cpu_time();
            board.mark(task);
            registry.mark(&keys[task]);
            marking += thread_cpu_time() - before;
        }
        board.wait_for(&board.woken, plan.marks);
        // Of this thread the marks alone: the pauses are busy.
        let running = (cpu_time() - all).saturating_sub(thread_cpu_time() - own);
        let cpu_asleep = (marking + running).as_nanos() as f64 / plan.marks as f64;
        let latencies = board.latencies();

        let gate = Gate::shut(runtime, plan.flavour.workers());
        let before = cpu_time();
        // In another order than they came, as everywhere: what a map keeps in the order of
        // registration would profit from a walk in that order.
        for &task in &order {
            registry.mark(&keys[task]);
        }
        gate.open();
        board.wait_for(&board.woken, plan.marks + plan.tasks);
        let cpu_batch = (cpu_time() - before).as_nanos() as f64 / plan.tasks as f64;
        Wakes { latencies, cpu_asleep, cpu_batch }
    })
}

/// Some seconds in which nothing happens, and then a mark now and then.
pub fn idle<K: Key, P: Peer<K>>(tasks: usize) -> Idle {
    const QUIET: Duration = Duration::from_secs(3);
    const PAUSE: Duration = Duration::from_millis(5);
    let marks = tasks.min(300);
    on_stage::<K, P, _>(Flavour::MultiThread, tasks, marks, |registry, board, _| {
        let (start, before) = (Instant::now(), cpu_time());
        thread::sleep(QUIET);
        let cpu_percent = 100.0 * (cpu_time() - before).as_secs_f64() / start.elapsed().as_secs_f64();

        let mut order: Vec<_> = (0..tasks).collect();
        Random(3).shuffle(&mut order);
        for &task in &order[..marks] {
            thread::sleep(PAUSE);
            board.mark(task);
            registry.mark(&K::nth(task as u64));
        }
        board.wait_for(&board.woken, marks);
        Idle { cpu_percent, latencies: board.latencies() }
    })
}
