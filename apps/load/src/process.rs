//! What processes use, as `/proc` tells it.

use std::cell::{Cell, RefCell};
use std::fs;
use std::time::{Duration, Instant};

use tokio::time::{interval, sleep};

/// The unit of CPU time in `/proc`, on every architecture that Rust's std supports there.
const TICKS_PER_SECOND: f64 = 100.0;
/// So long that a tick is 2 % of it.
const LEAST: f64 = 0.5;
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Of all the processes together, over some time.
pub(crate) struct Load {
    /// 1 is one core. Nothing where it took too short a time to tell.
    pub(crate) cores: Option<f64>,
    /// Resident memory in bytes at the end.
    pub(crate) resident: u64,
    /// And once a second: after how many seconds it was what.
    pub(crate) samples: Vec<(f64, u64)>,
}

impl Load {
    /// How fast memory grows, in bytes per second: least squares over the second half, when buffers
    /// have their size.
    pub(crate) fn slope(&self) -> Option<f64> {
        let samples = &self.samples[self.samples.len() / 2..];
        let count = samples.len() as f64;
        let time = samples.iter().map(|&(time, _)| time).sum::<f64>() / count;
        let bytes = samples.iter().map(|&(_, bytes)| bytes as f64).sum::<f64>() / count;
        let (mut together, mut alone) = (0.0, 0.0);
        for &(at, resident) in samples {
            together += (at - time) * (resident as f64 - bytes);
            alone += (at - time).powi(2);
        }
        (samples.len() > 2).then(|| together / alone)
    }
}

/// Does the work, and tells what the processes used meanwhile. Nothing where there is no `/proc`,
/// or no process.
pub(crate) async fn watched<T>(pids: &[u32], work: impl Future<Output = T>) -> (T, Option<Load>) {
    let start = Instant::now();
    let before = cpu_seconds(pids);
    let samples = RefCell::new(Vec::new());
    let sampling = async {
        let mut time = interval(SAMPLE_EVERY);
        loop {
            time.tick().await;
            samples.borrow_mut().extend(resident(pids).map(|bytes| (start.elapsed().as_secs_f64(), bytes)));
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = sampling => unreachable!("sampling has no end"),
    };
    let load = || {
        let (used, seconds) = (cpu_seconds(pids)? - before?, start.elapsed().as_secs_f64());
        let cores = (seconds >= LEAST).then_some(used / seconds);
        Some(Load { cores, resident: resident(pids)?, samples: samples.into_inner() })
    };
    (done, load())
}

/// Does the work, and tells the longest time for which this process, which has nothing to do
/// meanwhile, was not run when it should have been: the whole machine stood still, or others had
/// it. What is slow then is not the server.
pub(crate) async fn with_longest_pause<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let longest = Cell::new(Duration::ZERO);
    let looking = async {
        loop {
            let asleep = Instant::now();
            sleep(LOOK_EVERY).await;
            longest.set(longest.get().max(asleep.elapsed().saturating_sub(LOOK_EVERY)));
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = looking => unreachable!("looking has no end"),
    };
    (done, longest.get())
}

pub(crate) fn resident(pids: &[u32]) -> Option<u64> {
    let of_one = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        kib.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib << 10)
    };
    if pids.is_empty() { None } else { pids.iter().map(of_one).sum() }
}

fn cpu_seconds(pids: &[u32]) -> Option<f64> {
    let of_one = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything; user and system time are the 12th and 13th
        // field after it.
        let mut times = stat.rsplit_once(") ")?.1.split(' ').skip(11).map(|ticks| ticks.parse::<f64>());
        Some((times.next()?.ok()? + times.next()?.ok()?) / TICKS_PER_SECOND)
    };
    if pids.is_empty() { None } else { pids.iter().map(of_one).sum() }
}
