//! Marks of many keys, with several keys' cache misses in flight together.

use crate::shard::Shard;
use crate::shard::observer::Observer;
use crate::storage::fingerprint::Fingerprint;
use crate::storage::slot::Fence;
use crate::storage::table::BucketRef;
use crate::sync::{full_fence, prefetch};
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;

/// About the number of cache misses that a core can have in flight. The documentation of
/// `mark_many` states this number.
const AHEAD: usize = 16;

/// A key, and the shard that it belongs to.
type Located<'a, K, M, O> = (&'a Shard<K, M, O>, Fingerprint);

/// Marks many keys in batches. `push` prefetches a key's memory; the key is marked when the batch
/// is full or ends. A panic of the iterator that yields the keys ends the batch, too.
pub(crate) struct Batch<'a, K, M, O: Observer<K>> {
    keys: [Option<Located<'a, K, M, O>>; AHEAD],
    len: usize,
    topics: Topics,
    marked: usize,
    panics: DeferredPanics,
}

impl<'a, K, M, O: Observer<K>> Batch<'a, K, M, O> {
    pub(crate) fn new(topics: Topics) -> Self {
        Self { keys: [const { None }; AHEAD], len: 0, topics, marked: 0, panics: DeferredPanics::default() }
    }

    /// Adds a key.
    #[inline]
    pub(crate) fn push(&mut self, shard: &'a Shard<K, M, O>, fingerprint: Fingerprint) {
        shard.prefetch(&fingerprint);
        self.keys[self.len] = Some((shard, fingerprint));
        self.len += 1;
        if self.len == AHEAD {
            self.flush();
        }
    }

    /// Marks the remaining keys; returns how many sockets all keys have. Propagates the first panic
    /// of a waker.
    pub(crate) fn finish(mut self) -> usize {
        self.flush();
        std::mem::take(&mut self.panics).resume();
        self.marked
    }

    /// Marks the keys of the batch and empties it.
    fn flush(&mut self) {
        let Self { topics, ref mut marked, ref mut panics, .. } = *self;
        let keys = &mut self.keys[..std::mem::take(&mut self.len)];
        if keys.is_empty() {
            return;
        }
        // One fence serves all the marks.
        full_fence();
        for entry in &mut *keys {
            let Some((shard, fingerprint)) = entry else { continue };
            let bucket = shard.candidate(fingerprint);
            match bucket.and_then(|bucket| Some((&bucket.head().state, bucket.single_socket(fingerprint)?))) {
                Some((state, seen)) if shard.try_mark(state, seen, topics, Fence::Shared) => *marked += 1,
                Some(_) => continue,
                None => {
                    shard.displaced(fingerprint).for_each(|bucket| prefetch(bucket.head()));
                    continue;
                }
            }
            *entry = None;
        }
        for (shard, fingerprint) in keys.iter().flatten() {
            let is_marked = |bucket: BucketRef<'_, K, M>| {
                let seen = bucket.single_socket(fingerprint);
                seen.is_some_and(|seen| shard.try_mark(&bucket.head().state, seen, topics, Fence::Shared))
            };
            *marked += if shard.displaced(fingerprint).any(is_marked) {
                1
            } else {
                let active = shard.find(fingerprint);
                active.map_or(0, |active| shard.mark_key(&active, None, topics, Fence::Shared, panics))
            };
        }
    }
}

impl<K, M, O: Observer<K>> Drop for Batch<'_, K, M, O> {
    /// Marks the remaining keys. After `finish` there are none.
    fn drop(&mut self) {
        self.flush();
        std::mem::take(&mut self.panics).resume_unless_panicking();
    }
}
