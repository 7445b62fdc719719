//! Marking: one key, one socket, all of them; waking who waits; telling sockets to go.

use crate::error::Closed;
use crate::shard::Shard;
use crate::storage::fingerprint::Fingerprint;
use crate::storage::slot::{Generation, MarkOutcome, SlotAddr, SlotRef, SlotState, WakeToken, state};
use crate::storage::table::{ActiveKey, BUCKETS_PER_LINE, Candidate, Table};
use crate::sync::{Ordering, full_fence};
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;

impl<K, M> Shard<K, M> {
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
        self.counters.tried_mark(word.mark_at_once(seen, topics, fenced), seen, topics)
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
}
