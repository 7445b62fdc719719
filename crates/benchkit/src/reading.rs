//! Questions that change nothing.

use super::{
    peers::{Key, Peer},
    population::Population,
    timing::{Sample, on_threads, timed},
};
use std::{hint::black_box, time::Duration};

/// Counting takes from nanoseconds to milliseconds: count until this much time is gone.
const COUNTING: Duration = Duration::from_millis(1);

impl<K: Key, P: Peer<K>> Population<K, P> {
    pub(super) fn is_active(&self, keys: &[K], threads: usize) -> Sample {
        let registry = self.registry.get();
        let shares = keys.chunks(keys.len().div_ceil(threads)).collect();
        on_threads(shares, |keys: &[K]| {
            timed(keys.len(), || {
                for key in keys {
                    black_box(registry.is_active(key));
                }
            })
        })
    }

    pub(super) fn count(&self, count: fn(&P) -> usize) -> Sample {
        const AT_ONCE: usize = 8;
        let mut total = Sample::default();
        while total.elapsed < COUNTING {
            total += timed(AT_ONCE, || {
                for _ in 0..AT_ONCE {
                    black_box(count(self.registry.get()));
                }
            });
        }
        total
    }

    pub(super) fn for_each(&self) -> Sample {
        timed(self.sockets.len(), || {
            self.registry.get().for_each(|key| {
                black_box(key);
            });
        })
    }
}
