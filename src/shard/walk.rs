//! Walks over the sockets of one key and over those of a shard.

use crate::shard::Shard;
use crate::shard::observer::Observer;
use crate::storage::slab::SlotChain;
use crate::storage::slot::{Generation, SlotAddr, SlotState, state};
use crate::storage::table::{ActiveKey, Table};
use std::ops::ControlFlow;

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Calls `f` for each live socket of the key: for all that are live from before the call until
    /// after it, and for none of another key.
    ///
    /// The walk loads the state of the inline slot first and the key's state second. If the key's
    /// state still shows the same occupancy, the socket belongs to that key.
    pub(crate) fn walk_key<'a>(
        &'a self,
        active: &ActiveKey<'a, K, M>,
        f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot),
    ) {
        self.walk_key_where(active, state::Snapshot::is_live, f);
    }

    /// Does the same as `walk_key` for the sockets that `meets` chooses by their states, which need
    /// not be live.
    pub(crate) fn walk_key_where<'a>(
        &'a self,
        active: &ActiveKey<'a, K, M>,
        meets: impl Fn(state::Snapshot) -> bool,
        mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot),
    ) {
        if let Some(seen) = Self::inline(active, &meets) {
            f(active.bucket.addr(), &active.bucket.head().state, seen);
        }
        if active.bucket.key_state.load().is_chained() {
            self.walk_chain(active, meets, f);
        }
    }

    /// Returns the state of the key's socket in the bucket's inline slot, if `meets` chooses it.
    #[inline]
    fn inline(active: &ActiveKey<'_, K, M>, meets: impl Fn(state::Snapshot) -> bool) -> Option<state::Snapshot> {
        let seen = active.bucket.head.state.load();
        let is_keys = active.bucket.key_state.load().is_still(active.seen);
        (is_keys && meets(seen)).then_some(seen)
    }

    /// Walks the key's chain: the part of `walk_key` that few keys need. `SlotChain` says why the
    /// walk meets the slots of this key alone, and each at most once.
    #[inline(never)]
    fn walk_chain<'a>(
        &'a self,
        active: &ActiveKey<'a, K, M>,
        meets: impl Fn(state::Snapshot) -> bool,
        mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot),
    ) {
        let chain = &active.bucket.cold().chain;
        // The position of the slot that was met last: no slot from there on is met again.
        let mut met = u64::MAX;
        'start: loop {
            let first = chain.first();
            let slot_at = |addr| (addr, self.slab.slot_at(addr));
            let mut found = first.map(slot_at);
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
                    if meets(seen) {
                        f(addr, state, seen);
                    }
                }
                found = next.map(slot_at);
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
        let version = || active.bucket.cold().takeovers.load();
        let before = active.seen.is_chained().then(version);
        let inline = Self::inline(active, state::Snapshot::is_live);
        let addr = active.bucket.addr();
        let is_met = inline.is_some_and(|seen| f(addr, &active.bucket.head().state, seen));
        // A key without a chain was not taken over: the old socket and the new one cannot both have
        // been in its inline slot.
        if !active.bucket.key_state.load().is_chained() {
            return;
        }
        // If there was no chain before, there are two cases. Either the walk met the key's only
        // socket, and only takeovers from here on matter; or that socket was already gone, and
        // every socket in the chain is newer.
        let since = before.unwrap_or_else(|| if is_met { version() } else { 0 });
        self.walk_chain(active, state::Snapshot::is_live, |addr, state, seen| {
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
        let version = || active.bucket.cold().takeovers.load();
        loop {
            let now = version();
            self.walk_key(active, |addr, state, seen| {
                let is_met = !addr.is_overflow() && Some(seen.generation()) == met;
                if !is_met && self.slot_of(active.bucket, addr).turn.has_taken_over_since(since) {
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
        let _ = self.walk_after(None, |addr, state, seen| {
            f(addr, state, seen);
            ControlFlow::Continue(())
        });
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
        for active in self.active_keys() {
            self.revisit_if_taken_over(&active, since, &mut f);
        }
    }

    /// Calls `f` for the sockets of the key that took over since that step of the shard's takeover
    /// clock.
    pub(super) fn revisit_if_taken_over<'a>(
        &'a self,
        active: &ActiveKey<'a, K, M>,
        since: u64,
        mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot),
    ) {
        if active.seen.is_chained() && active.bucket.cold().takeovers.load() > since {
            self.revisit_key(active, since, None, |addr, state, seen| {
                f(addr, state, seen);
                true
            });
        }
    }

    /// Returns how many groups of buckets and slots may be in use: see `occupancy`.
    #[cfg(feature = "stats")]
    pub(crate) fn groups_in_use(&self) -> usize {
        let buckets = self.tables.iter().map(|table| table.occupancy.groups_in_use());
        buckets.chain(self.slab.pages().map(|page| page.groups_in_use())).sum()
    }

    /// Iterates over the active keys: over each that is active throughout.
    pub(crate) fn active_keys(&self) -> impl Iterator<Item = ActiveKey<'_, K, M>> {
        self.active_keys_after(None)
    }

    /// Iterates over the active keys whose buckets come after the one at `last`, or over all, in
    /// the order of `walk_after`.
    pub(super) fn active_keys_after(&self, last: Option<SlotAddr>) -> impl Iterator<Item = ActiveKey<'_, K, M>> {
        let first = move |table: &Table<K, M>| first_after(last, table.addr(0), table.bucket_count());
        self.tables.iter().flat_map(move |table| table.active_keys_from(first(table)))
    }

    /// Calls `f` for each live socket after the slot at `last`, or for all, until `f` breaks: for
    /// each that stays in its slot throughout. It walks the tables first, from the newest to the
    /// oldest, then the slab's pages likewise, and only the groups that may be in use. It may meet
    /// the socket at `last` again.
    #[inline]
    pub(crate) fn walk_after<'a>(
        &'a self,
        last: Option<SlotAddr>,
        mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut look = |addr, state: &'a SlotState| {
            let seen = state.load();
            if seen.is_live() { f(addr, state, seen) } else { ControlFlow::Continue(()) }
        };
        for table in self.tables.iter() {
            let (start, first) = (table.first(), first_after(last, table.addr(0), table.bucket_count()));
            table.each_slot(first, |bucket, state| look(SlotAddr::inline(start + bucket), state))?;
        }
        for page in self.slab.pages() {
            let (start, first) = (page.addr(0).index(), first_after(last, page.addr(0), page.slot_count()));
            page.each_slot(first, |offset, state| look(SlotAddr::overflow(start + offset), state))?;
        }
        ControlFlow::Continue(())
    }
}

/// Returns the offset of the first slot after the one at `last`, in the order of `walk_after`,
/// within the table or page of `len` slots whose first one is at `start`. If the walk has passed
/// all of it, returns an offset beyond its end.
fn first_after(last: Option<SlotAddr>, start: SlotAddr, len: u32) -> u32 {
    let Some(last) = last else { return 0 };
    match (start.is_overflow(), last.is_overflow()) {
        (true, false) => 0,
        (false, true) => u32::MAX,
        // Newer segments have higher addresses, and come first.
        _ if last.index() < start.index() => u32::MAX,
        _ if last.index() - start.index() >= len => 0,
        _ => last.index() - start.index() + 1,
    }
}
