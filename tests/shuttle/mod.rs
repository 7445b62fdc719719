//! Whole-registry scenarios, too large for loom, in schedules chosen at random: half of them by a
//! uniform choice at every atomic operation, half by PCT, which preempts rarely and so finds what
//! needs long runs between few preemptions.
//!
//! `cargo shuttle` runs them all. `SOCKET_REGISTRY_SCHEDULES` sets how many schedules they explore
//! together. A failure prints its schedule; `SOCKET_REGISTRY_SCHEDULE=<what was printed> cargo
//! shuttle <the scenario's name>` runs that one again.
//!
//! Every operation is sequentially consistent here: orderings are loom's to check. Values the
//! scenarios keep for themselves are in `std`'s atomics, which add no steps to the schedule.

mod churn;
mod frozen;
mod limits;
mod takeover;
mod waiting;
mod years;

use crate::{Registry, Socket, SocketId};
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, Runner, thread};
use std::collections::HashSet;
use std::env;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

/// How many scenarios share the schedules.
const SCENARIOS: usize = 12;
const SCHEDULES: usize = 100_000;
/// The same schedules in every run; `SHUTTLE_RANDOM_SEED` asks for others.
const SEED: u64 = 0;
/// How many preemptions PCT places, less one.
const DEPTH: usize = 4;

/// Runs the scenario in its share of the schedules, or in the one that the environment names.
fn explore(scenario: fn()) {
    if let Ok(schedule) = env::var("SOCKET_REGISTRY_SCHEDULE") {
        run(ReplayScheduler::new_from_encoded(&schedule), scenario);
        return;
    }
    let schedules = match env::var("SOCKET_REGISTRY_SCHEDULES") {
        Ok(value) => value.parse().expect("SOCKET_REGISTRY_SCHEDULES is not a number"),
        Err(_) => SCHEDULES,
    };
    let half = schedules.div_ceil(2 * SCENARIOS);
    assert_eq!(run(RandomScheduler::new_from_seed(SEED, half), scenario), half);
    assert_eq!(run(PctScheduler::new_from_seed(SEED, DEPTH, half), scenario), half);
}

fn run(scheduler: impl Scheduler + 'static, scenario: fn()) -> usize {
    let mut config = Config::new();
    // What it warns of is said above.
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(scenario)
}

/// A number below `end`, part of the schedule.
fn choose(end: usize) -> usize {
    shuttle::rand::Rng::gen_range(&mut shuttle::rand::thread_rng(), 0..end)
}

/// Runs `f(0)` to `f(threads - 1)` at the same time; their results in that order.
fn crowd<T: Send + 'static>(threads: usize, f: impl Fn(usize) -> T + Send + Sync + 'static) -> Vec<T> {
    let f = Arc::new(f);
    let start = |n| {
        let f = Arc::clone(&f);
        thread::spawn(move || f(n))
    };
    let running: Vec<_> = (0..threads).map(start).collect();
    running.into_iter().map(|thread| thread.join().expect("a thread of the scenario failed")).collect()
}

/// What a scenario knows of its sockets.
#[derive(Clone, Default)]
struct Census(Arc<Counts>);

#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    registered: AtomicUsize,
    leaving: AtomicUsize,
    left: AtomicUsize,
    issued: Mutex<HashSet<SocketId>>,
    values: AtomicUsize,
}

/// Metadata that counts as one value from its creation to its only drop.
struct Tracked {
    key: usize,
    census: Census,
    dropped: AtomicBool,
}

type World = Registry<usize, Tracked>;

impl Census {
    fn register(&self, registry: &World, key: usize) -> Result<Socket<usize, Tracked>, crate::RegisterError> {
        self.0.values.fetch_add(1, SeqCst);
        self.0.begun.fetch_add(1, SeqCst);
        let metadata = Tracked { key, census: self.clone(), dropped: AtomicBool::new(false) };
        let registered = registry.register_with(key, metadata);
        if registered.is_err() {
            self.0.begun.fetch_sub(1, SeqCst);
        }
        let socket = registered?;
        self.0.registered.fetch_add(1, SeqCst);
        // Before the lock, which is none of shuttle's: looking at the id is a step.
        let id = socket.id();
        let is_new = self.0.issued.lock().unwrap().insert(id);
        assert!(is_new, "{id} came twice");
        assert!(registry.contains(id));
        assert!(registry.is_active(&key));
        Ok(socket)
    }

    fn leave(&self, registry: &World, socket: Socket<usize, Tracked>) {
        let id = socket.id();
        socket.metadata().look();
        self.0.leaving.fetch_add(1, SeqCst);
        drop(socket);
        self.0.left.fetch_add(1, SeqCst);
        assert!(!registry.contains(id), "{id} was removed and is there");
        assert!(!registry.mark_socket_topics(id, crate::Topics::ALL), "{id} was removed and marked");
        assert!(registry.with_socket(id, |_| ()).is_none(), "{id} was removed and shown");
    }

    /// One shard only: the sum over several is not of one moment.
    fn check_bounds(&self, registry: &World, keys: usize) {
        let Counts { begun, registered, leaving, left, .. } = &*self.0;
        let (left, registered) = (left.load(SeqCst), registered.load(SeqCst));
        let sockets = registry.socket_count();
        assert!(sockets <= begun.load(SeqCst) - left, "{sockets} sockets are more than ever were live");
        assert!(sockets + leaving.load(SeqCst) >= registered, "{sockets} sockets are too few");
        // A key counts until the call that made it idle is done, and may be active again by then.
        let active = registry.key_count();
        let in_flight = begun.load(SeqCst) - registered + leaving.load(SeqCst) - left;
        assert!(active <= keys + in_flight, "{active} keys are active of {keys}");
    }

    fn check_empty(&self, registry: World) {
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
        registry.for_each(|socket| panic!("{} is left", socket.id()));
        assert_eq!(registry.mark_all(), 0);
        drop(registry);
        assert_eq!(self.0.values.load(SeqCst), 0, "values outlive their registry");
    }
}

impl Tracked {
    fn look(&self) -> usize {
        assert!(!self.dropped.load(SeqCst), "looked at after its drop");
        self.key
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        assert!(!self.dropped.swap(true, SeqCst), "dropped twice");
        self.census.0.values.fetch_sub(1, SeqCst);
    }
}

fn world(shards: usize) -> World {
    Registry::builder().shards(shards).build().expect("a possible size")
}
