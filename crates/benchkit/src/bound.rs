//! What the machine's memory allows, measured on the plainest table: no removal, no growth, no
//! second socket, no wake-up.

use super::{
    limit::Limit,
    operations::{Operation, Stand},
    peers::Key,
    timing::{Latencies, Sample, on_threads, pause, timed},
    workload::Workload,
};
use std::{
    hint::black_box,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const AHEAD: usize = 16;

/// Half a cache line, as much as a registry needs to keep at one place for a key.
#[repr(align(32))]
#[derive(Default)]
struct Bucket {
    identity: u64,
    word: AtomicU64,
}

impl Bucket {
    #[inline]
    fn mark(&self) {
        black_box(self.word.fetch_or(1, Ordering::AcqRel));
    }
}

/// Open addressing, at most half full.
pub struct Bound {
    hasher: ahash::RandomState,
    buckets: Vec<Bucket>,
    /// Where the uniformly drawn keys are.
    addresses: Vec<usize>,
}

impl Bound {
    pub fn new<K: Key>(work: &Workload<K>) -> Self {
        let buckets = (0..(2 * work.sockets()).next_power_of_two()).map(|_| Bucket::default()).collect();
        let mut bound = Self { hasher: ahash::RandomState::new(), buckets, addresses: Vec::new() };
        for key in &work.keys {
            let identity = bound.identity(key);
            let at = bound.find(identity);
            bound.buckets[at].identity = identity;
        }
        bound.addresses = work.uniform.keys.iter().map(|key| bound.find(bound.identity(key))).collect();
        bound
    }

    /// Never 0, which is an empty bucket.
    fn identity<K: Key>(&self, key: &K) -> u64 {
        self.hasher.hash_one(key) | 1 << 63
    }

    #[inline]
    fn home(&self, identity: u64) -> usize {
        identity as usize & (self.buckets.len() - 1)
    }

    /// Where the identity is, or else could be put.
    #[inline]
    fn find(&self, identity: u64) -> usize {
        let mut at = self.home(identity);
        while ![0, identity].contains(&self.buckets[at].identity) {
            at = (at + 1) & (self.buckets.len() - 1);
        }
        at
    }

    fn mark_each<K: Key>(&self, keys: &[K]) -> Sample {
        timed(keys.len(), || {
            for key in keys {
                self.buckets[self.find(self.identity(key))].mark();
            }
        })
    }

    fn mark_ahead<K: Key>(&self, keys: &[K]) -> Sample {
        timed(keys.len(), || {
            let mut ahead = [0; AHEAD];
            for keys in keys.chunks(AHEAD) {
                for (identity, key) in ahead.iter_mut().zip(keys) {
                    *identity = self.identity(key);
                    prefetch(&self.buckets[self.home(*identity)]);
                }
                ahead[..keys.len()].iter().for_each(|&identity| self.buckets[self.find(identity)].mark());
            }
        })
    }

    fn mark_known(&self, addresses: &[usize]) -> Sample {
        timed(addresses.len(), || addresses.iter().for_each(|&at| self.buckets[at].mark()))
    }

    /// At least so many.
    fn mark_all(&self, times: usize) -> Sample {
        let mut total = Sample::default();
        while total.operations < times {
            total += timed(self.buckets.len(), || self.buckets.iter().for_each(Bucket::mark));
        }
        total
    }

    pub fn measure<K: Key>(&self, limit: Limit, keys: &[K], threads: usize) -> Sample {
        let shares = keys.chunks(keys.len().div_ceil(threads)).collect();
        match limit {
            Limit::OneMiss => on_threads(shares, |keys: &[K]| self.mark_each(keys)),
            Limit::Prefetched => on_threads(shares, |keys: &[K]| self.mark_ahead(keys)),
            Limit::Random => self.mark_known(&self.addresses),
            Limit::Sequential => self.mark_all(keys.len()),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn prefetch(bucket: &Bucket) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint, without effect on what the program sees; every x86-64 has it.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(bucket).cast()) };
}

/// Elsewhere the processor's own reordering is what there is.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn prefetch(_: &Bucket) {}

impl<K: Key> Stand<K> for Bound {
    fn run(&mut self, operation: Operation, threads: usize, work: &Workload<K>) -> Sample {
        let keys = if operation == Operation::MarkZipf { &work.zipf.keys } else { &work.uniform.keys };
        self.measure(operation.limit().expect("an operation with a limit"), keys, threads)
    }
}

/// From `unpark` to the parked thread running, so many times.
pub fn unpark(times: usize) -> Latencies {
    /// Long enough for the thread to be asleep in the kernel.
    const PAUSE: Duration = Duration::from_micros(50);
    let origin = Instant::now();
    let (called, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let ready = Barrier::new(2);
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| {
            let mut nanos = Vec::with_capacity(times);
            ready.wait();
            while !done.load(Ordering::Acquire) {
                thread::park();
                match called.swap(0, Ordering::AcqRel) {
                    0 => {}
                    at => nanos.push(origin.elapsed().as_nanos() as u64 - at),
                }
            }
            nanos
        });
        ready.wait();
        for _ in 0..times {
            pause(PAUSE);
            called.store(origin.elapsed().as_nanos() as u64, Ordering::Release);
            sleeper.thread().unpark();
        }
        pause(PAUSE);
        done.store(true, Ordering::Release);
        sleeper.thread().unpark();
        Latencies::new(sleeper.join().expect("a thread that does not panic"))
    })
}
