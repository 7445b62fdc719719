//! The state of a slot: which socket is in it, whether its task waits, and what is due.
//!
//! # What it protects
//! The due bits themselves, and the right to use the waker cell and the values next to the state
//! word.
//!
//! # Roles
//! One *owner* (the `Socket` handle) while the state is live or superseded; any number of
//! *markers*; any number of *visitors*, which count themselves in the refs of the slot; one
//! *claimer* while the state is neither.
//!
//! # Layout, most significant bits first
//! ```text
//! | generation: 26 | VISITED | CLOSED | wakers: 2 | WAITING | LIVE | due: 32 |
//! ```
//! `generation` counts the sockets that have had the slot. It never wraps: a slot whose last
//! generation was used is retired. It is part of the word that every step compares and swaps, so a
//! step that succeeds has proved that it met the socket it was meant for.
//!
//! # Valid states
//! | state | LIVE | due field | other flags | generation |
//! |---|---|---|---|---|
//! | vacant | 0 | 0 | 0 | that of the next socket |
//! | busy | 0 | 1 | 0, but wakers while a socket goes | that of the socket that comes, or of the one that goes |
//! | retired | 0 | 1 | 0 | the last one, permanently |
//! | live | 1 | any | any | that of the socket |
//! | superseded | 0 | 1 | CLOSED; any other | that of the socket, whose owner is still there |
//!
//! # Transitions
//! | from | to | operation | actor | duty that follows |
//! |---|---|---|---|---|
//! | vacant | busy | `claim`, `claim_alone` | claimer | write the values, `publish` |
//! | busy | vacant | `unclaim` | claimer | |
//! | busy | live, something due or nothing | `publish` | claimer | |
//! | live | live + due | `mark` | marker | `Wake`: wake the task, then `wake_done` |
//! | live | live + CLOSED | `close` | any thread | the same |
//! | live | superseded | `supersede` | takeover | the same; and mark the new socket with what was due |
//! | superseded, wakers n > 0 | the same, wakers n + 1 | `supersede` | a later takeover | `Wake`, as above |
//! | live or superseded, wakers n | the same, wakers n - 1 | `wake_done` | marker that has woken | |
//! | the same, WAITING and ready | not WAITING, one waker more | `wake_done` | the same | `Again`: wake once more |
//! | busy, wakers n | busy, wakers n - 1 | `wake_done` | marker that has woken | `OwnerLeft` if that is 0: release the slot's refs |
//! | live | live, nothing due | `take` | owner | |
//! | live, nothing due | live, WAITING | `arm` | owner | |
//! | live, no wakers | live, WAITING | `arm_for_close` | owner | |
//! | live, WAITING | live | `disarm` | owner | the waker cell is its own again |
//! | live | live, VISITED | `announce_visit` | visitor | count itself in the refs |
//! | live or superseded | busy | `remove` | owner | clean the slot up, or leave that to the last holder |
//! | busy | vacant or retired | `vacate` | last holder | |
//!
//! # Who may touch the waker cell
//! 1. While busy: the claimer, or the last holder, which cleans up.
//! 2. While live or superseded, not WAITING and without wakers: the owner, to read and write.
//! 3. While live or superseded and WAITING or with wakers: the owner, to read. A marker that
//!    counted itself in wakers, to read, until `wake_done`.
//!
//! # Why no mark's wake-up waits for another thread
//! A marker that finds wakers may meet an owner that sleeps: the other marker has cleared WAITING
//! but has not called the waker yet, and may be stopped there. So every mark that finds WAITING
//! *or* wakers wakes the task itself, even if its topics are due already. A takeover does the same
//! for a socket that another takeover has superseded. Only a fourth concurrent mark of the same
//! socket leaves the wake-up to the three that are counted: the count has two bits. Each of those
//! looks, when it is done, whether the owner waits in vain. This limit also ends the recursion of a
//! waker that marks its own socket.
//!
//! An owner that comes with a different waker cannot write the cell while a marker reads it. It
//! does not wait: it asks to be polled again, until the calls of the old waker are over.
//!
//! # Visibility
//! What a marker wrote before a mark is visible to the owner that takes it. A mark that sets a bit
//! releases, and a take acquires. A mark that finds its topics due sets nothing: it fences instead
//! (see `SlotState::set_bits`).
//!
//! The steps by which a socket enters and leaves a slot are in `lifecycle`, those by which its task
//! waits and is woken in `waiting`.

mod lifecycle;
mod waiting;

pub(crate) use lifecycle::{OtherHolders, Superseded};
pub(crate) use waiting::Woken;

use crate::storage::slot::{GENERATION_BITS, Generation};
use crate::sync::{AtomicU64, Ordering, fence_after_step, full_fence};
use crate::topics::Topics;

const DUE_BITS: u32 = 32;
const WAKERS_BITS: u32 = 2;
const FLAG_BITS: u32 = 4 + WAKERS_BITS;
const GENERATION_SHIFT: u32 = DUE_BITS + FLAG_BITS;

const DUE: u64 = (1 << DUE_BITS) - 1;
/// The due field of a word that is not live: a thread is working on the slot.
const BUSY: u64 = 1;
const LIVE: u64 = 1 << DUE_BITS;
const WAITING: u64 = LIVE << 1;
const ONE_WAKER: u64 = LIVE << 2;
const WAKERS: u64 = ONE_WAKER * ((1 << WAKERS_BITS) - 1);
const CLOSED: u64 = ONE_WAKER << WAKERS_BITS;
const VISITED: u64 = CLOSED << 1;

const _: () = assert!(GENERATION_SHIFT + GENERATION_BITS <= u64::BITS);
const _: () = assert!(VISITED.trailing_zeros() + 1 == GENERATION_SHIFT);

/// What a state word held when it was loaded.
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

    /// Returns the topics that are due, or none if the state is not live.
    #[inline]
    pub(crate) fn due(self) -> Topics {
        if self.is_live() { Topics::from_bits((self.0 & DUE) as u32) } else { Topics::EMPTY }
    }

    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// Tells whether another socket took over from this one, while its owner is still there.
    #[inline]
    pub(crate) fn is_superseded(self) -> bool {
        self.0 & (LIVE | CLOSED) == CLOSED
    }

    /// Tells whether another socket took over from this one, and its task may not have been woken
    /// yet.
    #[inline]
    pub(crate) fn is_superseded_unwoken(self) -> bool {
        self.is_superseded() && self.must_wake()
    }

    /// Tells whether there is an owner: live or superseded.
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

    /// Tells whether a mark must wake the task. It must if the task waits, or if a call in progress
    /// may not have woken it yet. It need not if as many calls as can be counted are in progress:
    /// the last of them looks again.
    #[inline]
    fn must_wake(self) -> bool {
        self.0 & (WAITING | WAKERS) != 0 && self.0 & WAKERS != WAKERS
    }

    /// Returns the word with one more waker counted and without WAITING.
    #[inline]
    fn with_waker(self) -> u64 {
        (self.0 & !WAITING) + ONE_WAKER
    }

    /// Tells whether the task should have been woken: something is due, or the socket is closed.
    fn is_ready(self) -> bool {
        self.0 & (DUE | CLOSED) != 0
    }
}

/// Proves that its holder is counted in wakers. Only the step that counts makes one.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WakeToken(());

/// Says which code fences between a marker's writes and its load of the state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fence {
    /// Each mark that needs a fence makes its own.
    Own,
    /// The caller has fenced after it wrote what the marks are about, and before it saw the state:
    /// one fence serves many marks.
    Shared,
}

/// The outcome of a mark, or of a call to close.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MarkOutcome {
    /// That socket is gone; nothing was done.
    Gone,
    /// Everything requested was already set.
    Unchanged,
    /// Set. The task does not wait.
    Set,
    /// Set, and the caller is counted in wakers: it wakes the task and calls `wake_done`.
    Wake(WakeToken),
}

/// The state of one slot. See the module's documentation.
#[derive(Default)]
pub(crate) struct SlotState(AtomicU64);

impl SlotState {
    /// Loads the state.
    ///
    /// Ordering: Acquire, so that values read next to the word after this belong to the state that
    /// was seen, or to a later one.
    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// Takes one step from `seen`, or returns what the word holds instead.
    ///
    /// Ordering: AcqRel. Release passes to the next thread what this thread did next to the word.
    /// Acquire takes what the previous one did. Failure Acquire, as `load`, because the caller
    /// continues with what it now sees.
    #[inline]
    fn step(&self, seen: Snapshot, next: u64) -> Result<(), Snapshot> {
        self.0.compare_exchange_weak(seen.0, next, Ordering::AcqRel, Ordering::Acquire).map(drop).map_err(Snapshot)
    }

    /// Makes `topics` due for the socket that was `seen`, if it is still there.
    #[inline]
    pub(crate) fn mark(&self, seen: Snapshot, topics: Topics, fence: Fence) -> MarkOutcome {
        self.set_bits(seen, seen.generation(), u64::from(topics.bits()), fence)
    }

    /// Tries the fast path of `mark`, which takes at most one step: the task does not wait, and no
    /// other thread interferes. Returns false if nothing was done.
    #[inline]
    pub(crate) fn try_mark(&self, seen: Snapshot, topics: Topics, fence: Fence) -> bool {
        let bits = u64::from(topics.bits());
        if seen.0 & (LIVE | WAITING | WAKERS) != LIVE {
            return false;
        }
        if seen.0 & bits != bits {
            return self.step(seen, seen.0 | bits).is_ok();
        }
        // As in `set_bits`. With either fence, a second load tells whether the topics are due for
        // the caller's socket.
        if fence == Fence::Own {
            full_fence();
        }
        self.load() == seen
    }

    /// Tries the second most frequent path of `mark`: the task waits, and no other thread wakes it.
    /// Returns `None` if nothing was done.
    #[inline]
    pub(crate) fn try_mark_waiting(&self, seen: Snapshot, topics: Topics) -> Option<WakeToken> {
        if topics.is_empty() || seen.0 & (LIVE | WAITING | WAKERS) != LIVE | WAITING {
            return None;
        }
        self.step(seen, seen.with_waker() | u64::from(topics.bits())).is_ok().then_some(WakeToken(()))
    }

    /// Closes the socket of that generation.
    pub(crate) fn close(&self, generation: Generation) -> MarkOutcome {
        self.set_bits(self.load(), generation, CLOSED, Fence::Shared)
    }

    /// Sets bits. Flags publish nothing, so a caller that sets one says `Shared` without a fence.
    /// Every mark fences, even one of no topics.
    #[inline]
    fn set_bits(&self, mut now: Snapshot, generation: Generation, bits: u64, mut fence: Fence) -> MarkOutcome {
        loop {
            if !now.is_live_as(generation) {
                return MarkOutcome::Gone;
            }
            let wake = bits & (DUE | CLOSED) != 0 && now.must_wake();
            if now.0 & bits == bits && !wake {
                if fence == Fence::Shared {
                    return MarkOutcome::Unchanged;
                }
                // There is nothing to set, so no step releases what the caller wrote. A fence does
                // it. Either the owner's take comes before the load below: then the load sees the
                // bit gone, and the loop sets it. Or the take comes after: then its own fence makes
                // it see what was written before ours. Both sides fence because store-then-load is
                // the one order that neither Release nor Acquire keeps.
                // Ordering: sequentially consistent, pairs with the fence in `take`.
                full_fence();
                fence = Fence::Shared;
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

    /// Reads and clears what is due. Called by the owner. Retries only if the word changed
    /// meanwhile.
    #[inline]
    pub(crate) fn take(&self) -> Topics {
        let mut seen = self.load();
        loop {
            match self.try_take(seen) {
                Ok(due) => return due,
                Err(now) => seen = now,
            }
        }
    }

    /// Takes one step of `take` from `seen`, or returns what the word holds instead.
    #[inline]
    pub(crate) fn try_take(&self, seen: Snapshot) -> Result<Topics, Snapshot> {
        let due = seen.due();
        if !due.is_empty() {
            self.step(seen, seen.0 & !DUE)?;
            // Ordering: sequentially consistent, pairs with the fence of a mark: see what was
            // written before it.
            fence_after_step();
        }
        Ok(due)
    }

    /// Sets VISITED, so that the owner looks into the refs when it leaves. Called by a visitor.
    /// Returns false if that socket is gone.
    pub(crate) fn announce_visit(&self, generation: Generation) -> bool {
        self.set_bits(self.load(), generation, VISITED, Fence::Shared) != MarkOutcome::Gone
    }
}

#[cfg(test)]
mod tests;
