//! One shard: its tables and its slab; looking up, marking and walking in terms of them.

pub(crate) mod geometry;
pub(crate) mod mark_many;
pub(crate) mod register;
pub(crate) mod remove;
pub(crate) mod takeover;
pub(crate) mod totals;

use crate::error::Closed;
use crate::id::SocketId;
use crate::registry::stats::Counters;
use crate::shard::geometry::{BUCKETS_PER_LINE, Geometry};
use crate::shard::totals::Totals;
use crate::storage::fingerprint::Fingerprint;
use crate::storage::slab::{OverflowSlot, Slab, SlotChain};
use crate::storage::slot::access::SlotRef;
use crate::storage::slot::addr::SlotAddr;
use crate::storage::slot::generation::Generation;
use crate::storage::slot::state::{self, MarkOutcome, SlotState, WakeToken};
use crate::storage::table::{ActiveKey, Bucket, Candidate, Table};
use crate::sync::{Arc, AtomicU32, Ordering, full_fence};
use crate::topics::Topics;
use crate::util::append_list::AppendList;
use crate::util::panic::DeferredPanics;
use crate::watch::Watchers;
use crossbeam_utils::CachePadded;

/// One shard. Its first cache lines are read by every operation and written by none that is frequent.
pub(crate) struct Shard<K, M> {
    pub(crate) tables: CachePadded<AppendList<Table<K, M>>>,
    pub(crate) slab: CachePadded<Slab<M>>,
    pub(crate) sizes: Geometry,
    pub(crate) index: usize,
    pub(crate) ledger: Arc<Totals>,
    pub(crate) counters: Counters,
    /// How many calls mark all sockets just now.
    marking: CachePadded<AtomicU32>,
    /// None: this is the audience.
    pub(crate) audience: Option<Arc<Watchers<K>>>,
}

/// Why a place that a socket has had is there.
pub(crate) const PLACES_STAY: &str = "tables and pages stay as long as the shard";

impl<K, M> Shard<K, M> {
    pub(crate) fn new(index: usize, sizes: Geometry, ledger: Arc<Totals>, audience: Option<Arc<Watchers<K>>>) -> Self {
        let (tables, slab) = (CachePadded::default(), CachePadded::new(Slab::new(2 * sizes.max_lines)));
        let (counters, marking) = (Counters::default(), CachePadded::default());
        Self { tables, slab, sizes, index, ledger, counters, marking, audience }
    }

    pub(crate) fn id(&self, spot: SlotAddr, generation: Generation) -> SocketId {
        SocketId::new(self.index, self.sizes.shard_bits, spot, generation)
    }

    /// Asks for the memory that looking the key up will need: first, or next if the key is not there.
    #[inline]
    pub(crate) fn prefetch(&self, print: &Fingerprint, distance: usize) {
        if let Some(table) = self.tables.newest() {
            table.prefetch(print, distance);
        }
    }

    /// The key, if it is active.
    #[inline]
    pub(crate) fn find(&self, print: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        self.glance(print).or_else(|| {
            // Copied and taken apart, lest all of this goes through memory also if a glance was enough.
            let print = *print;
            let ActiveKey { table, number, bucket, seen } = self.search(&print)?;
            Some(ActiveKey { table, number, bucket, seen })
        })
    }

    /// Where the key is, if it is where it is looked for first, or next.
    #[inline]
    pub(crate) fn guess(&self, print: &Fingerprint, distance: usize) -> Option<Candidate<'_, K, M>> {
        self.tables.newest()?.guess(print, distance)
    }

    /// The key, if it is active and where it is looked for first.
    #[inline]
    pub(crate) fn glance(&self, print: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        self.tables.newest()?.glance(print)
    }

    /// The key, if it is active, wherever it may be.
    #[inline(never)]
    pub(crate) fn search(&self, print: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        self.tables.iter().find_map(|table| table.find(print))
    }

    #[inline]
    pub(crate) fn table(&self, number: u32) -> Option<&Table<K, M>> {
        let newest = self.tables.newest()?;
        if newest.number() == number { Some(newest) } else { self.older_table(number) }
    }

    #[inline(never)]
    fn older_table(&self, number: u32) -> Option<&Table<K, M>> {
        self.tables.iter().map(|layer| &**layer).find(|table| table.number() == number)
    }

    /// The place at `spot`, if there is one.
    pub(crate) fn place(&self, spot: SlotAddr) -> Option<SlotRef<'_, M>> {
        if spot.is_slot() {
            self.slab.slot(spot).map(|slot| slot.place())
        } else {
            self.table(spot.layer())?.place(spot.offset())
        }
    }

    /// The place of a socket that exists.
    pub(crate) fn trusted_place(&self, spot: SlotAddr) -> SlotRef<'_, M> {
        self.place(spot).expect(PLACES_STAY)
    }

    /// Where the socket at `spot` is, by who knows that its key is in `bucket`.
    #[inline]
    pub(crate) fn place_of<'a>(&'a self, table: &'a Table<K, M>, bucket: u32, spot: SlotAddr) -> SlotRef<'a, M> {
        if spot.is_slot() { self.trusted_place(spot) } else { table.own_place(bucket) }
    }

    /// Marks all sockets of a key; returns how many.
    ///
    /// Most keys have one socket, are where they are looked for first, and nobody waits. Their way is short, so that the processor can
    /// work on several marks at once; every other begins with a call.
    #[inline(always)]
    pub(crate) fn mark(&self, print: &Fingerprint, topics: Topics) -> usize {
        if let Some(Candidate { table, line, side, bucket }) = self.guess(print, 0)
            && let Some(seen) = bucket.sole(print)
            // Taken apart, lest it goes through memory also if the short way was enough.
            && (self.mark_at_once(&bucket.word, seen, topics, false) || self.mark_sole(table, line, side, seen, topics))
        {
            return 1;
        }
        self.mark_further(*print, topics)
    }

    /// Marks the key's one socket, thoroughly: most often its task waits. False: it is gone, and somebody may have taken over.
    #[inline(never)]
    fn mark_sole(&self, table: &Table<K, M>, line: usize, side: usize, seen: state::Snapshot, topics: Topics) -> bool {
        // By the line, which is known long before the side: a processor that expects a task to wait asks for both lines at once.
        table.prefetch_seats(line);
        let place = table.own_place((line * BUCKETS_PER_LINE + side) as u32);
        let marked = place.word.mark(seen, topics);
        if marked == MarkOutcome::Gone {
            return false;
        }
        self.counters.marked(marked == MarkOutcome::Unchanged);
        if let MarkOutcome::Wake(duty) = marked {
            let mut panics = DeferredPanics::default();
            let spot = SlotAddr::bucket(table.number(), (line * BUCKETS_PER_LINE + side) as u32);
            self.wake_at(place, spot, seen.generation(), duty, &mut panics);
            panics.resume();
        }
        true
    }

    /// Marks all sockets of a key that is not in the first line, or has several.
    #[inline(never)]
    fn mark_further(&self, print: Fingerprint, topics: Topics) -> usize {
        if let Some(Candidate { table, line, side, bucket }) = self.guess(&print, 1)
            && let Some(seen) = bucket.sole(&print)
            && (self.mark_at_once(&bucket.word, seen, topics, false) || self.mark_sole(table, line, side, seen, topics))
        {
            return 1;
        }
        let mut panics = DeferredPanics::default();
        let marked = self.search(&print).map_or(0, |key| self.mark_key(&key, topics, false, &mut panics));
        panics.resume();
        marked
    }

    /// The short way: see [`SlotState::mark_at_once`].
    #[inline]
    pub(crate) fn mark_at_once(&self, word: &SlotState, seen: state::Snapshot, topics: Topics, fenced: bool) -> bool {
        self.counters.marked_at_once(word.mark_at_once(seen, topics, fenced), seen, topics)
    }

    /// Marks all sockets of a key; returns how many. `fenced`: see [`SlotState::mark_fenced`].
    pub(crate) fn mark_key(
        &self,
        key: &ActiveKey<'_, K, M>,
        topics: Topics,
        fenced: bool,
        panics: &mut DeferredPanics,
    ) -> usize {
        self.undisturbed(key, || {
            let mut marked = 0;
            let is_chained = self.walk_key(key, |spot, word, seen| {
                let done = if fenced { word.mark_fenced(seen, topics) } else { word.mark(seen, topics) };
                marked += usize::from(self.marked(spot, seen.generation(), done, panics));
            });
            (marked, is_chained)
        })
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

    /// Marks one socket; false if it is gone.
    #[inline]
    pub(crate) fn mark_socket(&self, spot: SlotAddr, generation: Generation, topics: Topics) -> bool {
        let Some(word) = self.word(spot) else { return false };
        let seen = word.load();
        if !seen.is_live_as(generation) {
            return false;
        }
        self.mark_at_once(word, seen, topics, false) || self.mark_socket_thoroughly(spot, word, seen, topics)
    }

    /// As `mark_socket`, in the middle of something that a waker's panic must not end.
    pub(crate) fn mark_socket_or_panic_later(
        &self,
        spot: SlotAddr,
        generation: Generation,
        topics: Topics,
        panics: &mut DeferredPanics,
    ) -> bool {
        self.word(spot).is_some_and(|word| {
            let seen = word.load();
            seen.is_live_as(generation) && self.done(spot, generation, word.mark(seen, topics), panics)
        })
    }

    #[inline(never)]
    fn mark_socket_thoroughly(&self, spot: SlotAddr, word: &SlotState, seen: state::Snapshot, topics: Topics) -> bool {
        let mut panics = DeferredPanics::default();
        let marked = self.marked(spot, seen.generation(), word.mark(seen, topics), &mut panics);
        panics.resume();
        marked
    }

    /// Makes an update due for every socket; returns how many there are.
    pub(crate) fn mark_all(&self, panics: &mut DeferredPanics) -> usize {
        // Ordering: Relaxed: the fence orders it with the takeovers.
        self.marking.fetch_add(1, Ordering::Relaxed);
        // One for all: see `SlotState::mark_fenced`. And see `takeover`.
        full_fence();
        let mut marked = 0;
        self.walk(|spot, word, seen| {
            let is_marked = self.mark_at_once(word, seen, Topics::UPDATE, true)
                || self.marked(spot, seen.generation(), word.mark_fenced(seen, Topics::UPDATE), panics);
            marked += usize::from(is_marked);
        });
        // Ordering: Release, so that who no longer finds this call counted comes after its marks.
        self.marking.fetch_sub(1, Ordering::Release);
        marked
    }

    /// What a socket that takes over, and has fenced since it was published, may have missed of marks of all.
    pub(crate) fn missed(&self) -> Topics {
        // Ordering: Acquire, pairs with `mark_all`.
        if self.marking.load(Ordering::Acquire) == 0 { Topics::EMPTY } else { Topics::UPDATE }
    }

    /// Tells one socket to go; false if it is gone.
    pub(crate) fn close_socket(
        &self,
        spot: SlotAddr,
        generation: Generation,
        why: Closed,
        panics: &mut DeferredPanics,
    ) -> bool {
        self.place(spot).is_some_and(|place| self.done(spot, generation, place.close(generation, why), panics))
    }

    /// Does what a mark asks for; false if the socket was gone.
    #[inline]
    pub(crate) fn marked(
        &self,
        spot: SlotAddr,
        generation: Generation,
        marked: MarkOutcome,
        panics: &mut DeferredPanics,
    ) -> bool {
        if marked != MarkOutcome::Gone {
            self.counters.marked(marked == MarkOutcome::Unchanged);
        }
        self.done(spot, generation, marked, panics)
    }

    /// Does what a mark or a call to close asks for; false if the socket was gone.
    #[inline]
    fn done(&self, spot: SlotAddr, generation: Generation, marked: MarkOutcome, panics: &mut DeferredPanics) -> bool {
        match marked {
            MarkOutcome::Gone => return false,
            MarkOutcome::Unchanged | MarkOutcome::Set => {}
            MarkOutcome::Wake(duty) => self.wake(spot, generation, duty, panics),
        }
        true
    }

    #[inline(never)]
    pub(crate) fn wake(&self, spot: SlotAddr, generation: Generation, duty: WakeToken, panics: &mut DeferredPanics) {
        self.wake_at(self.trusted_place(spot), spot, generation, duty, panics);
    }

    #[inline]
    fn wake_at(
        &self,
        place: SlotRef<'_, M>,
        spot: SlotAddr,
        generation: Generation,
        duty: WakeToken,
        panics: &mut DeferredPanics,
    ) {
        self.counters.woke();
        if let Some(last) = place.waking(generation, duty).wake(panics) {
            let leftovers = self.settle(spot, last);
            panics.catch(|| drop(leftovers));
        }
    }

    /// The word of the place at `spot`, if there is one.
    #[inline]
    pub(crate) fn word(&self, spot: SlotAddr) -> Option<&SlotState> {
        if spot.is_slot() {
            self.slab.slot(spot).map(OverflowSlot::word)
        } else {
            self.table(spot.layer())?.word(spot.offset())
        }
    }

    /// Where a word of this shard is.
    pub(crate) fn spot_of(&self, word: &SlotState) -> SlotAddr {
        let in_tables =
            self.tables.iter().find_map(|table| Some(SlotAddr::bucket(table.number(), table.bucket_of(word)?)));
        in_tables.or_else(|| self.slab.spot_of(word)).expect(PLACES_STAY)
    }

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
