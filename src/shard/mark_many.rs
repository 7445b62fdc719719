//! Marks of many keys, with the memory of several of them on its way at once.

use crate::shard::Shard;
use crate::storage::fingerprint::Fingerprint;
use crate::sync::full_fence;
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;

/// About as many cache misses as a core can have under way.
const AHEAD: usize = 16;

/// Keys to be marked, whose memory has been asked for.
pub(crate) struct Batch<'a, K, M> {
    keys: [Option<(&'a Shard<K, M>, Fingerprint)>; AHEAD],
    len: usize,
}

impl<'a, K, M> Batch<'a, K, M> {
    pub(crate) fn new() -> Self {
        Self { keys: [const { None }; AHEAD], len: 0 }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len == AHEAD
    }

    /// Adds a key; not if the batch is full.
    #[inline]
    pub(crate) fn push(&mut self, shard: &'a Shard<K, M>, fingerprint: Fingerprint) {
        shard.prefetch(&fingerprint, 0);
        self.keys[self.len] = Some((shard, fingerprint));
        self.len += 1;
    }

    /// Marks the keys, which are then out of the batch; returns how many sockets they have.
    pub(crate) fn mark(&mut self, topics: Topics, panics: &mut DeferredPanics) -> usize {
        let mut marked = 0;
        let keys = &mut self.keys[..std::mem::take(&mut self.len)];
        // One for all: see `SlotState::mark_fenced`.
        full_fence();
        for entry in &mut *keys {
            let Some((shard, fingerprint)) = entry else { continue };
            match shard
                .candidate(fingerprint, 0)
                .and_then(|candidate| Some((candidate.bucket.single_socket(fingerprint)?, candidate)))
            {
                Some((seen, candidate)) if shard.try_mark(&candidate.bucket.state, seen, topics, true) => marked += 1,
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
            marked += shard.find(fingerprint).map_or(0, |active| shard.mark_key(&active, topics, true, panics));
        }
        marked
    }
}
