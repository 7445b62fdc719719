//! Walks over the sockets of one key and over those of a shard.

use crate::shard::Shard;
use crate::shard::observer::Observer;
use crate::storage::slab::SlotChain;
use crate::storage::slot::{Generation, SlotAddr, SlotState, state};
use crate::storage::table::{ActiveKey, BUCKETS_PER_LINE};

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Calls `f` for each live socket of the key: for all that are live from before the call until
    /// after it, and for none of another key.
    ///
    /// The walk loads the state of the inline slot first and the key's state second. If the key's
    /// state still shows the same occupancy, the socket belongs to that key.
    pub(crate) fn walk_key<'a>(
        &'a self,
        active: &ActiveKey<'a, K, M>,
        mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot),
    ) {
        if let Some(seen) = Self::inline(active) {
            f(SlotAddr::inline(active.table.id(), active.index), &active.bucket.state, seen);
        }
        if active.bucket.key_state.load().is_chained() {
            self.walk_chain(active, f);
        }
    }

    /// Returns the state of the key's socket in the bucket's inline slot, if there is one.
    #[inline]
    fn inline(active: &ActiveKey<'_, K, M>) -> Option<state::Snapshot> {
        let seen = active.bucket.state.load();
        let is_keys = active.bucket.key_state.load().is_still(active.seen);
        (is_keys && seen.is_live()).then_some(seen)
    }

    /// Walks the key's chain: the part of `walk_key` that few keys need. `SlotChain` says why the
    /// walk meets the slots of this key alone, and each at most once.
    #[inline(never)]
    fn walk_chain<'a>(
        &'a self,
        active: &ActiveKey<'a, K, M>,
        mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot),
    ) {
        let chain = &active.table.cold(active.index).chain;
        // The position of the slot that was met last: no slot from there on is met again.
        let mut met = u64::MAX;
        'start: loop {
            let first = chain.first();
            let slot_at = |addr| Some((addr, self.slab.slot(addr)?));
            let mut found = first.and_then(slot_at);
            let Some((_, head)) = found else { return };
            // Higher than the head's position alone.
            let mut before = head.position() + 1;
            if chain.first() != first {
                continue;
            }
            if !active.bucket.key_state.load().is_still(active.seen) {
                return;
            }
            while let Some((addr, slot)) = found {
                let position = slot.position();
                let state = slot.state();
                let seen = state.load();
                let next = SlotChain::next_of(slot);
                if position >= before || slot.position() != position {
                    continue 'start;
                }
                before = position;
                if position < met {
                    met = position;
                    if seen.is_live() {
                        f(addr, state, seen);
                    }
                }
                found = next.and_then(slot_at);
            }
            return;
        }
    }

    /// Calls `f` for the sockets of the key like `walk_key`, and misses no socket that a takeover
    /// replaced meanwhile: `f` meets the old one or the new one. See `takeover_order`. `f` returns
    /// whether the socket was still there.
    ///
    /// The walk may meet a socket whose own takeover is in progress more than once, and every other
    /// socket at most once.
    #[inline]
    pub(crate) fn visit_key<'a>(
        &'a self,
        active: &ActiveKey<'a, K, M>,
        mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot) -> bool,
    ) {
        let version = || active.table.cold(active.index).takeovers.load();
        let before = active.seen.is_chained().then(version);
        let inline = Self::inline(active);
        let addr = SlotAddr::inline(active.table.id(), active.index);
        let is_met = inline.is_some_and(|seen| f(addr, &active.bucket.state, seen));
        // A key without a chain was not taken over: the old socket and the new one cannot both have
        // been in its inline slot.
        if !active.bucket.key_state.load().is_chained() {
            return;
        }
        // If there was no chain before, there are two cases. Either the walk met the key's only
        // socket, and only takeovers from here on matter; or that socket was already gone, and
        // every socket in the chain is newer.
        let since = before.unwrap_or_else(|| if is_met { version() } else { 0 });
        self.walk_chain(active, |addr, state, seen| {
            f(addr, state, seen);
        });
        if version() != since {
            let met = inline.filter(|_| is_met).map(state::Snapshot::generation);
            self.revisit_key(active, since, met, f);
        }
    }

    /// Calls `f` for the sockets of the key that took over since that version, and repeats until no
    /// further takeover comes. The caller has already met the socket of generation `met` in the
    /// inline slot.
    #[cold]
    #[inline(never)]
    fn revisit_key<'a>(
        &'a self,
        active: &ActiveKey<'a, K, M>,
        mut since: u64,
        met: Option<Generation>,
        mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot) -> bool,
    ) {
        let version = || active.table.cold(active.index).takeovers.load();
        loop {
            let now = version();
            self.walk_key(active, |addr, state, seen| {
                let is_met = !addr.is_overflow() && Some(seen.generation()) == met;
                if !is_met && self.slot_at(addr).turn.has_taken_over_since(since) {
                    f(addr, state, seen);
                }
            });
            if version() == now {
                return;
            }
            since = now;
        }
    }

    /// Calls `f` for each live socket: once for each that is live from before the call until after
    /// it.
    ///
    /// Like `visit_key`, it meets the old socket or the new one if a takeover comes in between. It
    /// may meet a socket whose own takeover is in progress more than once.
    pub(crate) fn visit<'a>(&'a self, mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot)) {
        let since = self.takeovers.now();
        self.walk(&mut f);
        if self.takeovers.now() != since {
            self.revisit(since, f);
        }
    }

    /// Calls `f` for the sockets that took over since that step of the shard's takeover clock.
    ///
    /// One more round is enough: a takeover raises the version of its key before it supersedes any
    /// socket, and the version is never reset.
    #[cold]
    #[inline(never)]
    fn revisit<'a>(&'a self, since: u64, mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot)) {
        for table in self.tables.iter() {
            for index in 0..(table.line_count() * BUCKETS_PER_LINE) as u32 {
                let active = ActiveKey::now(table, index);
                let is_chained = active.seen.is_active() && active.seen.is_chained();
                if is_chained && table.cold(index).takeovers.load() > since {
                    self.revisit_key(&active, since, None, |addr, state, seen| {
                        f(addr, state, seen);
                        true
                    });
                }
            }
        }
    }

    /// Calls `f` for each live socket that stays in its slot throughout.
    fn walk<'a>(&'a self, mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot)) {
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
}
