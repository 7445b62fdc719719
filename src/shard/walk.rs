//! Walks: over the sockets of one key, over those of the shard.

use crate::shard::Shard;
use crate::storage::slab::SlotChain;
use crate::storage::slot::{SlotAddr, SlotState, state};
use crate::storage::table::{ActiveKey, Bucket};

impl<K, M> Shard<K, M> {
    /// Calls `f` for each live socket of the key: for all that are live from before the call until after it, and for none of another key.
    /// Returns whether the key has a chain.
    ///
    /// A socket's state is read first, then the key's state. If that is as it was, the socket is of that key; the chain
    /// stays the key's as long.
    #[inline]
    pub(crate) fn walk_key<'a>(
        &'a self,
        active: &ActiveKey<'a, K, M>,
        mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot),
    ) -> bool {
        if let (Some(seen), _) = Self::own(active) {
            f(SlotAddr::inline(active.table.id(), active.index), &active.bucket.state, seen);
        }
        // After `f`, which may have found that somebody in the chain took over.
        let is_chained = active.bucket.key_state.load().is_chained();
        if is_chained {
            self.walk_chain(active, f);
        }
        is_chained
    }

    /// The key's socket in the bucket's inline slot, if there is one, and whether there are other slots.
    #[inline]
    fn own(active: &ActiveKey<'_, K, M>) -> (Option<state::Snapshot>, bool) {
        let own_seen = active.bucket.state.load();
        let now = active.bucket.key_state.load();
        ((now.is_still(active.seen) && own_seen.is_live()).then_some(own_seen), now.is_chained())
    }

    /// The part of `walk_key` that few keys need.
    #[inline(never)]
    fn walk_chain<'a>(
        &'a self,
        active: &ActiveKey<'a, K, M>,
        mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot),
    ) {
        let &ActiveKey { table, index, bucket: Bucket { key_state, .. }, seen } = active;
        let mut next = table.cold(index).chain.first();
        while let Some((addr, slot)) = next.and_then(|addr| Some((addr, self.slab.slot(addr)?))) {
            let state = slot.state();
            let slot_seen = state.load();
            next = SlotChain::next_of(slot);
            if !key_state.load().is_still(seen) {
                return;
            }
            if slot_seen.is_live() {
                f(addr, state, slot_seen);
            }
        }
    }

    /// Calls `look`, which walks the key, until no takeover has come between; returns the last result. See `takeover_order`.
    ///
    /// A key without a chain was not taken over: the old socket and the new one cannot both have had the inline slot.
    pub(crate) fn retry_across_takeovers<R>(
        &self,
        active: &ActiveKey<'_, K, M>,
        mut look: impl FnMut() -> (R, bool),
    ) -> R {
        let version = || active.table.cold(active.index).takeover_order.version();
        let mut before = active.seen.is_chained().then(version);
        loop {
            let (result, is_chained) = look();
            let after = is_chained.then(version);
            if after == before {
                return result;
            }
            before = after;
        }
    }

    /// Calls `f` for each live socket: once for each that is so from before the call until after it.
    pub(crate) fn walk<'a>(&'a self, mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot)) {
        for table in self.tables.iter() {
            table.each_state(|bucket, state| {
                let seen = state.load();
                if seen.is_live() {
                    f(SlotAddr::inline(table.id(), bucket), state, seen);
                }
            });
        }
        for (addr, slot) in self.slab.iter() {
            let state = slot.state();
            let seen = state.load();
            if seen.is_live() {
                f(addr, state, seen);
            }
        }
    }

    /// The slots that the walk would pass.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (SlotAddr, &SlotState)> {
        let buckets = self.tables.iter().flat_map(|table| {
            let states = (0..).map_while(|bucket| table.state(bucket)).zip(0..);
            states.map(|(state, bucket)| (SlotAddr::inline(table.id(), bucket), state))
        });
        buckets.chain(self.slab.iter().map(|(addr, slot)| (addr, slot.state())))
    }
}
