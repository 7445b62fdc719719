//! Clocks, threads and percentiles.

use std::{
    hint,
    ops::AddAssign,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// How long some operations took.
#[derive(Clone, Copy, Default)]
pub struct Sample {
    pub elapsed: Duration,
    pub operations: usize,
}

impl Sample {
    pub fn nanos(self) -> f64 {
        self.elapsed.as_nanos() as f64 / self.operations as f64
    }
}

impl AddAssign for Sample {
    fn add_assign(&mut self, other: Self) {
        self.elapsed += other.elapsed;
        self.operations += other.operations;
    }
}

pub fn timed(operations: usize, work: impl FnOnce()) -> Sample {
    let start = Instant::now();
    work();
    Sample { elapsed: start.elapsed(), operations }
}

/// Runs the work on every share at the same time, a thread each, and adds up what the threads took:
/// the result is the time of an operation as one thread sees it, which stays flat where threads do
/// not disturb each other. Threads are started and meet at a barrier before any of them looks at a
/// clock.
pub fn on_threads<S: Send>(mut shares: Vec<S>, work: impl Fn(S) -> Sample + Sync) -> Sample {
    if shares.len() == 1 {
        return work(shares.remove(0));
    }
    let barrier = Barrier::new(shares.len());
    let mut total = Sample::default();
    thread::scope(|scope| {
        let start = |share| {
            scope.spawn(|| {
                barrier.wait();
                work(share)
            })
        };
        let threads: Vec<_> = shares.into_iter().map(start).collect();
        threads.into_iter().for_each(|thread| total += thread.join().expect("a thread that does not panic"));
    });
    total
}

/// Single operations' times in nanoseconds, sorted.
pub struct Latencies(Vec<u64>);

impl Latencies {
    pub fn new(mut nanos: Vec<u64>) -> Self {
        assert!(!nanos.is_empty(), "nothing was measured");
        nanos.sort_unstable();
        Self(nanos)
    }

    /// The smallest value that at least this share of all values does not exceed.
    pub fn quantile(&self, share: f64) -> f64 {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1] as f64
    }

    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<u64>() as f64 / self.0.len() as f64
    }

    pub fn worst(&self) -> f64 {
        self.quantile(1.0)
    }
}

/// Whether the scheduler gave this thread's core to another thread. Such a call says nothing about
/// the contestant; waiting for a lock is another thing, and counts.
pub struct Preemptions(i64);

impl Preemptions {
    /// Only slower calls are worth asking about.
    const SLOW: u64 = 20_000;

    pub fn watch() -> Self {
        Self(Self::so_far())
    }

    /// Whether a call that took so long was interrupted.
    pub fn hit(&mut self, nanos: u64) -> bool {
        nanos > Self::SLOW && {
            let before = std::mem::replace(&mut self.0, Self::so_far());
            self.0 != before
        }
    }

    fn so_far() -> i64 {
        // SAFETY: all zeros is a valid `rusage`.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: `usage` is valid for writing.
        let failed = unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) };
        assert_eq!(failed, 0, "no usage of this thread");
        usage.ru_nivcsw
    }
}

/// CPU time that this process has used, in all its threads.
pub fn cpu_time() -> Duration {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// CPU time that this thread has used.
pub fn thread_cpu_time() -> Duration {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn read(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing, and both clocks exist wherever this is built for.
    let failed = unsafe { libc::clock_gettime(clock, &mut time) };
    assert_eq!(failed, 0, "no CPU clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Busy: a sleep's granularity is coarser than what is measured.
pub fn pause(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        hint::spin_loop();
    }
}

/// Binds this thread to one of the cores that it may use. The scheduler would put a woken thread
/// next to its waker.
pub fn pin(nth: usize) {
    const SIZE: usize = size_of::<libc::cpu_set_t>();
    // SAFETY: all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is valid for writing that many bytes.
    let failed = unsafe { libc::sched_getaffinity(0, SIZE, &mut set) };
    assert_eq!(failed, 0, "no set of cores");
    let all = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: the core's number is within the set.
    let allowed: Vec<_> = all.filter(|&core| unsafe { libc::CPU_ISSET(core, &set) }).collect();
    // SAFETY: as above.
    let mut one: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    unsafe { libc::CPU_SET(allowed[nth % allowed.len()], &mut one) };
    // SAFETY: `one` is valid for reading that many bytes.
    let failed = unsafe { libc::sched_setaffinity(0, SIZE, &one) };
    assert_eq!(failed, 0, "not bound to a core");
}

pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
