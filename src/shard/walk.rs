//! Walks: over the sockets of one key, over those of the shard.

use crate::shard::Shard;
use crate::storage::slab::SlotChain;
use crate::storage::slot::{SlotAddr, SlotState, state};
use crate::storage::table::{ActiveKey, Bucket};

impl<K, M> Shard<K, M> {
    /// Calls `f` for each live socket of the key: for all that are live from before the call until after it, and for none of another key.
    /// Returns whether the key has a chain.
    ///
    /// A socket's word is read first, then the key's presence. If that is as it was, the word is of that key; the chain
    /// stays the key's as long.
    #[inline]
    pub(crate) fn walk_key<'a>(
        &'a self,
        key: &ActiveKey<'a, K, M>,
        mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot),
    ) -> bool {
        if let (Some(seen), _) = Self::own(key) {
            f(SlotAddr::bucket(key.table.number(), key.number), &key.bucket.word, seen);
        }
        // After `f`, which may have found that somebody in the chain took over.
        let is_chained = key.bucket.presence.load().is_chained();
        if is_chained {
            self.walk_chain(key, f);
        }
        is_chained
    }

    /// The key's socket in the bucket's own place, if there is one, and whether there are other places.
    #[inline]
    fn own(key: &ActiveKey<'_, K, M>) -> (Option<state::Snapshot>, bool) {
        let own_seen = key.bucket.word.load();
        let now = key.bucket.presence.load();
        ((now.is_still(key.seen) && own_seen.is_live()).then_some(own_seen), now.is_chained())
    }

    /// The part of `walk_key` that few keys need.
    #[inline(never)]
    fn walk_chain<'a>(
        &'a self,
        key: &ActiveKey<'a, K, M>,
        mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot),
    ) {
        let &ActiveKey { table, number, bucket: Bucket { presence, .. }, seen } = key;
        let mut next = table.extras(number).chain.first();
        while let Some((spot, slot)) = next.and_then(|spot| Some((spot, self.slab.slot(spot)?))) {
            let word = slot.word();
            let slot_seen = word.load();
            next = SlotChain::after(slot);
            if !presence.load().is_still(seen) {
                return;
            }
            if slot_seen.is_live() {
                f(spot, word, slot_seen);
            }
        }
    }

    /// Calls `look`, which walks the key, until no takeover has come between; returns the last result. See `succession`.
    ///
    /// A key without a chain was not taken over: the old socket and the new one cannot both have had its own place.
    pub(crate) fn undisturbed<R>(&self, key: &ActiveKey<'_, K, M>, mut look: impl FnMut() -> (R, bool)) -> R {
        let version = || key.table.extras(key.number).succession.version();
        let mut before = key.seen.is_chained().then(version);
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
            table.each_word(|bucket, word| {
                let seen = word.load();
                if seen.is_live() {
                    f(SlotAddr::bucket(table.number(), bucket), word, seen);
                }
            });
        }
        for (spot, slot) in self.slab.iter() {
            let word = slot.word();
            let seen = word.load();
            if seen.is_live() {
                f(spot, word, seen);
            }
        }
    }

    /// The places that the walk would pass.
    pub(crate) fn places(&self) -> impl Iterator<Item = (SlotAddr, &SlotState)> {
        let buckets = self.tables.iter().flat_map(|table| {
            let words = (0..).map_while(|bucket| table.word(bucket)).zip(0..);
            words.map(|(word, bucket)| (SlotAddr::bucket(table.number(), bucket), word))
        });
        buckets.chain(self.slab.iter().map(|(spot, slot)| (spot, slot.word())))
    }
}
