//! The state of a slot: which socket is in it, whether its task waits, and what is due.
//!
//! # What it protects
//! The due bits themselves, and the right to use the waker cell and the values beside the word.
//!
//! # Roles
//! One *owner* (the `Socket` handle) while the word is live or superseded; any number of *markers*; any number of *visitors*, who count
//! themselves in the refs of the slot; one *claimer* while it is neither.
//!
//! # Layout, most significant bits first
//! ```text
//! | generation: 26 | VISITED | CLOSED | wakers: 2 | WAITING | LIVE | due: 32 |
//! ```
//! `generation` counts the sockets that have had the slot. It never wraps: a slot whose last generation was used is
//! retired. Because it stands in the word that every step compares and swaps, a step that succeeds has proved that it met the socket
//! it was meant for.
//!
//! # Valid states
//! | state | LIVE | due field | other flags | generation |
//! |---|---|---|---|---|
//! | vacant | 0 | 0 | 0 | that of the next socket |
//! | busy | 0 | 1 | 0, but wakers while a socket goes | that of the socket that comes, or of the one that goes |
//! | retired | 0 | 1 | 0 | the last one, for ever |
//! | live | 1 | any | any, but never WAITING and CLOSED unless 3 wakers, nor WAITING with something due unless 0 or 3 wakers | that of the socket |
//! | superseded | 0 | 1 | CLOSED; any other, but never WAITING unless 3 wakers | that of the socket, whose owner is still there |
//!
//! # Transitions
//! | from | to | operation | who | duty that follows |
//! |---|---|---|---|---|
//! | vacant | busy | `claim`, `claim_alone` | claimer | write the values, `publish` |
//! | busy | vacant | `unclaim` | claimer | |
//! | busy | live, something due or nothing | `publish` | claimer | |
//! | live | live + due | `mark` | marker | `Wake`: wake the task, then `wake_done` |
//! | live | live + CLOSED | `close` | anybody | the same |
//! | live | superseded | `supersede` | who takes over | the same; and what was due is the caller's to mark the new socket with |
//! | live or superseded, wakers n | the same, wakers n - 1 | `wake_done` | marker that has woken | |
//! | the same, WAITING and ready | the same, not WAITING | `wake_done` | marker that has woken | `Again`: wake the task once more |
//! | busy, wakers n | busy, wakers n - 1 | `wake_done` | marker that has woken | `OwnerLeft` if that is 0: release the slot's refs |
//! | live | live, nothing due | `take` | owner | |
//! | live, nothing due | live, WAITING | `arm` | owner | |
//! | live, no wakers | live, WAITING | `arm_for_close` | owner | |
//! | live, WAITING | live | `disarm` | owner | the waker cell is its own again |
//! | live | live, VISITED | `announce_visit` | visitor | count itself in the refs |
//! | live or superseded | busy | `remove` | owner | clean the slot up, or leave that to whoever is still in it |
//! | busy | vacant or retired | `vacate` | who leaves last | |
//!
//! # Who may touch the waker cell
//! 1. While busy: the claimer, or who cleans up.
//! 2. While live or superseded, not WAITING and without wakers: the owner, to read and write.
//! 3. While live or superseded and WAITING or with wakers: the owner, to read. A marker that counted itself in wakers, to
//!    read, until `wake_done`.
//!
//! # Why no mark's wake-up waits for another thread
//! A marker that finds wakers may find an owner that sleeps: the other marker has cleared WAITING and not called the waker yet, and may
//! be stopped there. So every mark that finds WAITING *or* wakers wakes the task itself, also if its topics are due already. Only
//! the fourth one at the same socket and time leaves that to the three that are counted: the count has two bits, which
//! also ends the recursion of a waker that marks its own socket.
//!
//! An owner that comes with a different waker cannot write the cell while a marker reads it. It does not wait: it asks to
//! be polled again, until the calls of the old waker are over.
//!
//! # Visibility
//! What was written before a mark is visible to who takes it: a mark that sets a bit releases and a take acquires. A mark
//! that finds its topics due sets nothing: it fences instead (see `SlotState::raise`).
//!
//! The steps by which sockets come to a slot and leave it are in `lifecycle`.

mod lifecycle;

pub(crate) use lifecycle::{OtherHolders, Superseded};

use crate::storage::slot::{GENERATION_BITS, Generation};
use crate::sync::{AtomicU64, Ordering, fence_after_step, full_fence};
use crate::topics::Topics;

const DUE_BITS: u32 = 32;
const WAKERS_BITS: u32 = 2;
const FLAG_BITS: u32 = 4 + WAKERS_BITS;
const GENERATION_SHIFT: u32 = DUE_BITS + FLAG_BITS;

const DUE: u64 = (1 << DUE_BITS) - 1;
/// The due field of a word that is not live: somebody works on the slot.
const BUSY: u64 = 1;
const LIVE: u64 = 1 << DUE_BITS;
const WAITING: u64 = LIVE << 1;
const ONE_WAKER: u64 = LIVE << 2;
const WAKERS: u64 = ONE_WAKER * ((1 << WAKERS_BITS) - 1);
const CLOSED: u64 = ONE_WAKER << WAKERS_BITS;
const VISITED: u64 = CLOSED << 1;

const _: () = assert!(GENERATION_SHIFT + GENERATION_BITS <= u64::BITS);
const _: () = assert!(VISITED.trailing_zeros() + 1 == GENERATION_SHIFT);

/// What a word held when it was looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(u64);

impl Snapshot {
    #[inline]
    pub(crate) fn is_live(self) -> bool {
        self.0 & LIVE != 0
    }

    #[inline]
    pub(crate) fn is_live_as(self, generation: Generation) -> bool {
        self.is_live() && self.generation() == generation
    }

    #[inline]
    pub(crate) fn generation(self) -> Generation {
        Generation::new((self.0 >> GENERATION_SHIFT) as u32)
    }

    /// The topics that are due, none if the word is not live.
    #[inline]
    pub(crate) fn due(self) -> Topics {
        if self.is_live() { Topics::from_bits((self.0 & DUE) as u32) } else { Topics::EMPTY }
    }

    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// Whether another socket took over from this one, whose owner is still there.
    #[inline]
    pub(crate) fn is_superseded(self) -> bool {
        self.0 & (LIVE | CLOSED) == CLOSED
    }

    /// Whether there is an owner: live or superseded.
    #[inline]
    pub(crate) fn is_owned(self) -> bool {
        self.0 & (LIVE | CLOSED) != 0
    }

    #[inline]
    pub(crate) fn is_waiting(self) -> bool {
        self.0 & WAITING != 0
    }

    #[inline]
    pub(crate) fn is_waking(self) -> bool {
        self.0 & WAKERS != 0
    }

    /// Whether a mark must wake the task: it waits, or a call that is under way may not have woken it yet. As many such
    /// calls as can be counted are enough; the last of them looks again.
    #[inline]
    fn must_wake(self) -> bool {
        self.0 & (WAITING | WAKERS) != 0 && self.0 & WAKERS != WAKERS
    }

    /// The word with one more that wakes, and nobody waiting.
    #[inline]
    fn with_waker(self) -> u64 {
        (self.0 & !WAITING) + ONE_WAKER
    }

    /// Whether the task should have been woken: it is due or closed.
    fn is_ready(self) -> bool {
        self.0 & (DUE | CLOSED) != 0
    }
}

/// Being counted in wakers: only the step that counts makes one.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WakeToken(());

/// What became of a mark, or of a call to close.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MarkOutcome {
    /// That socket is gone; nothing was done.
    Gone,
    /// Everything asked for was so already.
    Unchanged,
    /// Done; nobody waits.
    Set,
    /// Done, and the caller is counted in wakers: it wakes the task and calls `wake_done`.
    Wake(WakeToken),
}

/// What `wake_done` asks of its caller.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Nothing.
    Done,
    /// The caller is still counted: it wakes the task once more.
    Again,
    /// The owner left meanwhile, and this was the last one that woke it: release the slot's refs.
    OwnerLeft,
}

/// The state of one slot. See the module's documentation.
#[derive(Default)]
pub(crate) struct SlotState(AtomicU64);

impl SlotState {
    /// Ordering: Acquire, so that what is read beside the word after this belongs to what was seen, or to something later.
    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// One step from `seen`, or what the word holds instead.
    ///
    /// Ordering: AcqRel. Release hands to the next one what this thread did beside the word; Acquire takes what the
    /// previous one did. On failure Acquire, since the caller goes on with what it now sees, as after `load`.
    #[inline]
    fn step(&self, seen: Snapshot, next: u64) -> Result<(), Snapshot> {
        self.0.compare_exchange_weak(seen.0, next, Ordering::AcqRel, Ordering::Acquire).map(drop).map_err(Snapshot)
    }

    /// Makes `topics` due for the socket that was `seen`, if it is still there.
    #[inline]
    pub(crate) fn mark(&self, seen: Snapshot, topics: Topics) -> MarkOutcome {
        self.set_bits(seen, seen.generation(), u64::from(topics.bits()), false)
    }

    /// `mark`, if it takes no more than one step: nobody waits, and nobody interferes. False: nothing was done.
    #[inline]
    pub(crate) fn try_mark(&self, seen: Snapshot, topics: Topics, fenced: bool) -> bool {
        let bits = u64::from(topics.bits());
        if seen.0 & (LIVE | WAITING | WAKERS) != LIVE {
            return false;
        }
        if seen.0 & bits != bits {
            return self.step(seen, seen.0 | bits).is_ok();
        }
        // As in `raise`. Whether it is the caller's socket that is due, a second look tells, fenced or not.
        if !fenced {
            full_fence();
        }
        self.load() == seen
    }

    /// `mark`, by a caller that has fenced since it wrote what the mark is about, and before the word was `seen`.
    #[inline]
    pub(crate) fn mark_fenced(&self, seen: Snapshot, topics: Topics) -> MarkOutcome {
        self.set_bits(seen, seen.generation(), u64::from(topics.bits()), true)
    }

    /// Tells the socket of that generation to go.
    pub(crate) fn close(&self, generation: Generation) -> MarkOutcome {
        self.set_bits(self.load(), generation, CLOSED, true)
    }

    /// Flags publish nothing, so who raises one need not have `fenced`; every mark does, also one of no topics.
    #[inline]
    fn set_bits(&self, mut now: Snapshot, generation: Generation, bits: u64, mut fenced: bool) -> MarkOutcome {
        loop {
            if !now.is_live_as(generation) {
                return MarkOutcome::Gone;
            }
            let wake = bits & (DUE | CLOSED) != 0 && now.must_wake();
            if now.0 & bits == bits && !wake {
                if fenced {
                    return MarkOutcome::Unchanged;
                }
                // Nothing to set, so nothing that releases what the caller wrote. A fence does it: either the owner's take comes
                // before the load below, which then sees the bit gone and sets it; or it comes after, and its own fence makes it see
                // what was written before ours. Two fences because store-then-load is the one order that neither
                // Release nor Acquire keeps.
                // Ordering: sequentially consistent, pairs with the fence in `take`.
                full_fence();
                fenced = true;
                now = self.load();
                continue;
            }
            let next = if wake { now.with_waker() } else { now.0 } | bits;
            match self.step(now, next) {
                Ok(()) if wake => return MarkOutcome::Wake(WakeToken(())),
                Ok(()) => return MarkOutcome::Set,
                Err(changed) => now = changed,
            }
        }
    }

    /// The caller, who is counted in wakers, has woken the task.
    #[inline]
    pub(crate) fn wake_done(&self) -> Woken {
        let mut seen = self.load();
        loop {
            // Only if more marks met the waiting owner than could be counted is there something left to do.
            let again = seen.is_owned() && seen.is_waiting() && seen.is_ready();
            let next = if again { seen.0 & !WAITING } else { seen.0 - ONE_WAKER };
            match self.step(seen, next) {
                Ok(()) if again => return Woken::Again,
                Ok(()) if !seen.is_owned() && !Snapshot(next).is_waking() => return Woken::OwnerLeft,
                Ok(()) => return Woken::Done,
                Err(now) => seen = now,
            }
        }
    }

    /// The owner reads and clears what is due. It starts over only if the word changed meanwhile.
    #[inline]
    pub(crate) fn take(&self) -> Topics {
        let mut seen = self.load();
        while !seen.due().is_empty() {
            match self.step(seen, seen.0 & !DUE) {
                Ok(()) => {
                    // Ordering: sequentially consistent, pairs with the fence in `mark`: see what was written before it.
                    fence_after_step();
                    break;
                }
                Err(now) => seen = now,
            }
        }
        seen.due()
    }

    /// The owner, whose waker is in the cell, waits from now on. False, and nothing is changed, if there is no need to wait.
    pub(crate) fn arm(&self) -> bool {
        let mut seen = self.load();
        while !seen.is_ready() {
            match self.step(seen, seen.0 | WAITING) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// As `arm`, by an owner that waits for CLOSED alone, whatever is due. Not while a marker is
    /// waking: its `wake_done` would take what is due for a mark that could not be counted, and
    /// wake the task once more, as often as that waits again.
    pub(crate) fn arm_for_close(&self) -> bool {
        let mut seen = self.load();
        while !seen.is_closed() && !seen.is_waking() {
            match self.step(seen, seen.0 | WAITING) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// The owner no longer waits. False if a marker is waking it, which then reads the cell.
    pub(crate) fn disarm(&self) -> bool {
        let mut seen = self.load();
        while seen.is_waiting() && !seen.is_waking() {
            match self.step(seen, seen.0 & !WAITING) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        !seen.is_waking()
    }

    /// A visitor makes sure that the owner will look into the refs when it leaves. False if that socket is gone.
    pub(crate) fn announce_visit(&self, generation: Generation) -> bool {
        self.set_bits(self.load(), generation, VISITED, true) != MarkOutcome::Gone
    }
}

#[cfg(test)]
mod tests;
