//! How much is measured.

use benchkit::{
    timing::cores,
    workload::{DRAWS, FEW_DRAWS},
};

pub struct Scale {
    pub name: &'static str,
    pub rounds: usize,
    /// Operations per round.
    pub draws: usize,
    /// Numbers of threads to try besides one and all cores.
    pub threads: &'static [usize],
    /// Populations, from the one that fits into the first caches to the one that fits into none.
    pub sizes: &'static [usize],
    /// Sockets of one key.
    pub crowd: usize,
    /// Sockets that leave at the same time.
    pub leaving: usize,
    /// Waiting tasks in a runtime.
    pub tasks: &'static [usize],
    /// Single marks timed in one round of waking.
    pub wakes: usize,
}

impl Scale {
    pub const FULL: Self = Self {
        name: "full",
        rounds: 7,
        draws: DRAWS,
        threads: &[2, 4],
        sizes: &[1_000, 10_000, 100_000, 1_000_000],
        crowd: 100_000,
        leaving: 100_000,
        tasks: &[10_000, 100_000],
        wakes: 10_000,
    };
    pub const QUICK: Self = Self {
        name: "quick",
        rounds: 3,
        draws: DRAWS / 2,
        threads: &[2],
        sizes: &[1_000, 100_000],
        crowd: 10_000,
        leaving: 100_000,
        tasks: &[10_000],
        wakes: 2_000,
    };
    pub const SMOKE: Self = Self {
        name: "smoke",
        rounds: 1,
        draws: FEW_DRAWS,
        threads: &[2],
        sizes: &[100, 200],
        crowd: 100,
        leaving: 100,
        tasks: &[100],
        wakes: 100,
    };

    /// One, those to try, and all cores.
    pub fn all_threads(&self) -> Vec<usize> {
        let mut threads = [&[1, cores()], self.threads].concat();
        threads.sort_unstable();
        threads.dedup();
        threads
    }

    pub fn small(&self) -> usize {
        self.sizes[0]
    }

    pub fn big(&self) -> usize {
        self.sizes[self.sizes.len() - 1]
    }
}

/// `1000000` as `1M`.
pub fn short(count: usize) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{}k", count / 1_000),
        _ => format!("{}M", count / 1_000_000),
    }
}
