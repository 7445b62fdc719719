//! Marks of many keys, with the memory of several of them on its way at once.

use crate::shard::Shard;
use crate::shard::observer::Observer;
use crate::storage::fingerprint::Fingerprint;
use crate::sync::full_fence;
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;

/// About as many cache misses as a core can have under way. The documentation of `mark_many` names
/// it.
const AHEAD: usize = 16;

/// A key, and the shard that it belongs to.
type Located<'a, K, M, O> = (&'a Shard<K, M, O>, Fingerprint);

/// Marks of many keys. Those whose memory has been asked for are marked when the batch is full, or
/// ends: also by a panic of the iterator that gives them.
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
        shard.prefetch(&fingerprint, 0);
        self.keys[self.len] = Some((shard, fingerprint));
        self.len += 1;
        if self.len == AHEAD {
            self.flush();
        }
    }

    /// Marks what is left; returns how many sockets all keys have. Passes the first waker's panic
    /// on.
    pub(crate) fn finish(mut self) -> usize {
        self.flush();
        std::mem::take(&mut self.panics).resume();
        self.marked
    }

    /// Marks the keys, which are then out of the batch.
    fn flush(&mut self) {
        let Self { topics, ref mut marked, ref mut panics, .. } = *self;
        let keys = &mut self.keys[..std::mem::take(&mut self.len)];
        if keys.is_empty() {
            return;
        }
        // One for all: see `SlotState::mark_fenced`.
        full_fence();
        for entry in &mut *keys {
            let Some((shard, fingerprint)) = entry else { continue };
            match shard
                .candidate(fingerprint, 0)
                .and_then(|candidate| Some((candidate.bucket.single_socket(fingerprint)?, candidate)))
            {
                Some((seen, candidate)) if shard.try_mark(&candidate.bucket.state, seen, topics, true) => *marked += 1,
                Some((_, candidate)) => {
                    candidate.table.prefetch_slot_data(candidate.line);
                    continue;
                }
                None => {
                    shard.prefetch(fingerprint, 1);
                    continue;
                }
            }
            *entry = None;
        }
        for (shard, fingerprint) in keys.iter().flatten() {
            *marked += shard.find(fingerprint).map_or(0, |active| shard.mark_key(&active, topics, true, panics));
        }
    }
}

impl<K, M, O: Observer<K>> Drop for Batch<'_, K, M, O> {
    /// After `finish` there is nothing left to do.
    fn drop(&mut self) {
        self.flush();
        std::mem::take(&mut self.panics).resume_unless_panicking();
    }
}
