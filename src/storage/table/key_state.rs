//! The state of a key: whether a bucket has a key, how many live sockets the key has, and which
//! occupancy of the bucket this is.
//!
//! # What it protects
//! The identity, the `K` and the chain of overflow slots of a bucket. They stay in place as long as
//! any holder is counted in `live` or `lingering`.
//!
//! # Layout, most significant bits first
//! ```text
//! | sequence: 26 | kind: 2 | state: 2 | CHAINED | lingering: 13 | live: 20 |
//! ```
//! - `sequence` counts the occupancies of the bucket. It never wraps: a bucket whose last one was
//!   used stays vacant permanently.
//! - `kind` says how to read the identity next to the word.
//! - `CHAINED`: the key has, or has had in this occupancy, overflow slots.
//! - `lingering` counts those that need the key without being one of its sockets: sockets that were
//!   removed while another thread held their slot; registrations that compare keys; takeovers,
//!   walks and subscriptions in progress; and one hold for all superseded sockets that their owners
//!   have not dropped (see `superseded`). So it counts calls in progress, not sockets. A
//!   registration is refused beyond 4,095, and the rest is for those that cannot be refused. It
//!   saturates: beyond 8,190 at the same time, the bucket and its chain are never passed on, and
//!   its key is never dropped.
//! - `live` counts the sockets of the key: each from before it is live in its slot until after it
//!   has ceased to be. So it may be too high, never too low.
//!
//! # Valid states
//! | state | meaning | live | lingering |
//! |---|---|---|---|
//! | vacant | no key | 0 | 0 |
//! | claimed | an inserter writes a key, which no other thread sees yet | 0 | 0 |
//! | member | the key is active | 1 or more | any |
//! | dying | the key is idle; a thread is emptying the bucket, or the last holder will | 0 | any |
//!
//! # Transitions
//! | from | to | operation | actor | duty that follows |
//! |---|---|---|---|---|
//! | vacant | claimed | `claim` | inserter | write the key, have the home commit |
//! | claimed | vacant, next sequence | `withdraw` | inserter that lost | take the key out first |
//! | claimed | member, live 1 | `promote` | inserter, or another one that helps it, once the home has committed | |
//! | member | lingering + 1 | `hold` | registration | compare the keys, then `join` or `settle` |
//! | the same | the same | `hold` | walk, subscription | `settle` |
//! | member or dying | lingering + 1 | `linger` | takeover; owner of a superseded socket | `settle` |
//! | member, live n, lingering m | live n + 1, lingering m - 1 | `join` | registration that holds | |
//! | member, live n | member, live n - 1; dying if that is 0 | `leave` | removed socket | `VacateBucket` if dying and nothing lingers |
//! | the same | the same, and lingering + 1 | `leave`, lingering | removed socket with other holders of its slot | |
//! | member or dying, lingering n | lingering n - 1 | `settle` | last holder that cleaned a slot up late, or registration that held in vain | `VacateBucket` if dying and nothing lingers |
//! | dying, nothing lingers | vacant, next sequence (the last one if the bucket's inline slot is retired) | `vacate` | thread with the duty `VacateBucket` | take the key out and return the chain first |
//!
//! A value read next to the word belongs to one occupancy if the word showed the same occupancy
//! before and after.

use crate::storage::fingerprint::KeyKind;
use crate::sync::{AtomicU64, MODELLED, Ordering};

const LIVE_BITS: u32 = 20;

/// Few under the model checker, so that sockets would not fit.
const LINGERING_BITS: u32 = if MODELLED { 4 } else { 13 };

const STATE_BITS: u32 = 2;

const KIND_BITS: u32 = 2;

const LINGERING_SHIFT: u32 = LIVE_BITS;

const CHAINED_SHIFT: u32 = LINGERING_SHIFT + LINGERING_BITS;

const STATE_SHIFT: u32 = CHAINED_SHIFT + 1;

const KIND_SHIFT: u32 = STATE_SHIFT + STATE_BITS;

const SEQUENCE_SHIFT: u32 = KIND_SHIFT + KIND_BITS;

/// Few under the model checker, so that executions reach a bucket's last occupancy.
const SEQUENCE_BITS: u32 = if MODELLED { 2 } else { u64::BITS - SEQUENCE_SHIFT };

const _: () = assert!(SEQUENCE_SHIFT + SEQUENCE_BITS <= u64::BITS);

const LIVE: u64 = (1 << LIVE_BITS) - 1;

const LINGERING: u64 = ((1 << LINGERING_BITS) - 1) << LINGERING_SHIFT;

const ONE_LINGERING: u64 = 1 << LINGERING_SHIFT;

/// From this number of holds on a key on, a registration is refused one more.
const MAX_REFUSABLE: u64 = (1 << (LINGERING_BITS - 1)) - 1;

const CHAINED: u64 = 1 << CHAINED_SHIFT;

const STATE: u64 = ((1 << STATE_BITS) - 1) << STATE_SHIFT;

const KIND: u64 = ((1 << KIND_BITS) - 1) << KIND_SHIFT;

const LAST_SEQUENCE: u64 = (1 << SEQUENCE_BITS) - 1;

const VACANT: u64 = 0;

const CLAIMED: u64 = 1 << STATE_SHIFT;

const MEMBER: u64 = 2 << STATE_SHIFT;

const DYING: u64 = 3 << STATE_SHIFT;

/// The most sockets that one key can have.
pub(crate) const MAX_LIVE: u32 = LIVE as u32;

/// What a key's state word held when it was loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(u64);

impl Snapshot {
    #[inline]
    pub(crate) fn is_vacant(self) -> bool {
        self.0 & STATE == VACANT && self.sequence() < LAST_SEQUENCE
    }

    #[inline]
    fn sequence(self) -> u64 {
        self.0 >> SEQUENCE_SHIFT
    }

    #[inline]
    pub(crate) fn is_claimed(self) -> bool {
        self.0 & STATE == CLAIMED
    }

    /// Tells whether the bucket has an active key whose identity is of that kind.
    #[inline]
    pub(crate) fn is_member(self, kind: KeyKind) -> bool {
        self.0 & (STATE | KIND) == MEMBER | u64::from(kind.0) << KIND_SHIFT
    }

    /// Tells whether the bucket has an active key.
    pub(crate) fn is_active(self) -> bool {
        self.0 & STATE == MEMBER
    }

    /// Tells whether the bucket has a key: an active one, or one that has not left yet.
    pub(crate) fn is_occupied(self) -> bool {
        self.0 & STATE >= MEMBER
    }

    /// Tells whether the bucket has an active key with an identity of that kind, and counts one
    /// socket of it.
    #[inline]
    pub(crate) fn is_member_with_one(self, kind: KeyKind) -> bool {
        self.0 & (STATE | KIND | LIVE) == MEMBER | u64::from(kind.0) << KIND_SHIFT | 1
    }

    /// Tells whether the key is needed by anything but its own sockets.
    #[inline]
    pub(crate) fn is_lingering(self) -> bool {
        self.0 & LINGERING != 0
    }

    /// Tells whether this and `earlier`, a member, are the same active occupancy.
    #[inline]
    pub(crate) fn is_still(self, earlier: Snapshot) -> bool {
        (self.0 ^ earlier.0) & !(LIVE | LINGERING | CHAINED) == 0
    }

    #[inline]
    pub(crate) fn is_chained(self) -> bool {
        self.0 & CHAINED != 0
    }

    /// Returns the number of live sockets of the key.
    #[inline]
    pub(crate) fn live(self) -> u32 {
        (self.0 & LIVE) as u32
    }

    /// Returns an upper bound for the number of slots that the key uses, if it is active and the
    /// caller adds its superseded sockets: every other user of a slot is counted here. Returns
    /// `None` for a key that is not active or whose count of lingering is saturated.
    pub(crate) fn used_slots(self) -> Option<u32> {
        let is_known = self.is_active() && self.0 & LINGERING != LINGERING;
        is_known.then(|| self.live() + self.lingering() as u32)
    }

    fn lingering(self) -> u64 {
        (self.0 & LINGERING) / ONE_LINGERING
    }

    /// Returns the word with one more lingering; unchanged once it is saturated.
    fn lingering_more(self) -> u64 {
        if self.0 & LINGERING == LINGERING { self.0 } else { self.0 + ONE_LINGERING }
    }

    /// Returns the word with one fewer lingering; unchanged once it is saturated.
    fn lingering_less(self) -> u64 {
        debug_assert!(self.0 & LINGERING != 0);
        if self.0 & LINGERING == LINGERING { self.0 } else { self.0 - ONE_LINGERING }
    }

    #[inline]
    fn after_leave(self) -> AfterLeave {
        if self.0 & (STATE | LIVE | LINGERING) == DYING { AfterLeave::VacateBucket } else { AfterLeave::Nothing }
    }
}

/// What a step that may have been the key's last asks of its caller.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterLeave {
    /// Nothing: others hold the key, or have the duty.
    Nothing,
    /// The caller was the last one: it empties the bucket, then calls `vacate`.
    VacateBucket,
}

/// The key state of one bucket. See the module's documentation.
#[derive(Default)]
pub(crate) struct KeyState(AtomicU64);

impl KeyState {
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
    /// Ordering: AcqRel. Release passes on what this thread did next to the word. Acquire takes
    /// over what the previous one did. Failure Acquire, as `load`: the caller continues with what
    /// it now sees.
    #[inline]
    fn step(&self, seen: Snapshot, next: u64) -> Result<(), Snapshot> {
        self.0.compare_exchange_weak(seen.0, next, Ordering::AcqRel, Ordering::Acquire).map(drop).map_err(Snapshot)
    }

    /// Claims the bucket: vacant -> claimed. Returns false if another thread was faster.
    #[inline]
    pub(crate) fn claim(&self, seen: Snapshot, kind: KeyKind) -> bool {
        debug_assert!(seen.is_vacant());
        let next = seen.0 & !(STATE | KIND) | CLAIMED | u64::from(kind.0) << KIND_SHIFT;
        self.step(seen, next).is_ok()
    }

    /// Withdraws the claim: claimed -> vacant. Called by the inserter that claimed.
    pub(crate) fn withdraw(&self) {
        let seen = self.load();
        debug_assert!(seen.is_claimed());
        self.hand_on(seen.sequence() + 1);
    }

    /// Vacates the bucket: dying -> vacant. Called by the thread that has the duty `VacateBucket`.
    /// The bucket stays vacant permanently if its inline slot is not `usable` again.
    #[inline]
    pub(crate) fn vacate(&self, usable: bool) {
        let seen = self.load();
        debug_assert!(seen.0 & (STATE | LIVE | LINGERING) == DYING);
        self.hand_on(if usable { seen.sequence() + 1 } else { LAST_SEQUENCE });
    }

    /// Makes the bucket vacant in a later sequence.
    #[inline]
    fn hand_on(&self, sequence: u64) {
        // Ordering: Release, so that a claimer of the bucket finds it emptied. A plain store,
        // because no other thread changes a word in these states.
        self.0.store(sequence << SEQUENCE_SHIFT | VACANT, Ordering::Release);
    }

    /// Makes the bucket a member: claimed -> member. Returns false if another thread has done so.
    #[inline]
    pub(crate) fn promote(&self, claimed: Snapshot) -> bool {
        debug_assert!(claimed.is_claimed());
        let mut seen = claimed;
        while seen == claimed {
            match self.step(seen, seen.0 & !STATE | MEMBER | 1) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Keeps the key of the member that was `seen` in place, without counting a socket, until
    /// `join` or `settle`. A hold that `may_wait` is refused while there are many.
    pub(crate) fn hold(&self, seen: Snapshot, may_wait: bool) -> Hold {
        let mut now = seen;
        while now.is_still(seen) {
            if may_wait && now.lingering() >= MAX_REFUSABLE {
                return Hold::Crowded;
            }
            match self.step(now, now.lingering_more()) {
                Ok(()) => return Hold::Granted,
                Err(changed) => now = changed,
            }
        }
        Hold::Gone
    }

    /// Keeps the key in place until `settle`. Precondition: the caller is counted already, as a
    /// socket of the key or together with others.
    pub(crate) fn linger(&self) {
        let mut seen = self.load();
        while let Err(now) = self.step(seen, seen.lingering_more()) {
            seen = now;
        }
    }

    /// Adds a socket. Precondition: the caller holds the key. If the join is granted, the hold
    /// ends.
    pub(crate) fn join(&self, limit: u32) -> Join {
        let mut seen = self.load();
        while seen.0 & STATE == MEMBER {
            if seen.live() >= limit {
                return Join::Full;
            }
            match self.step(seen, seen.lingering_less() + 1) {
                Ok(()) => return Join::Granted,
                Err(now) => seen = now,
            }
        }
        Join::Gone
    }

    /// Sets CHAINED: the key has overflow slots from now on. Precondition: the caller is counted in
    /// `live`.
    pub(crate) fn set_chained(&self) {
        if !self.load().is_chained() {
            // Ordering: AcqRel, as every step.
            self.0.fetch_or(CHAINED, Ordering::AcqRel);
        }
    }

    /// Removes a socket, if the word is still what was `seen`. Otherwise returns what it holds now.
    #[inline]
    pub(crate) fn leave(&self, seen: Snapshot, lingers: bool) -> Result<AfterLeave, Snapshot> {
        debug_assert!(seen.0 & STATE == MEMBER && seen.live() > 0);
        let mut next = if lingers { seen.lingering_more() } else { seen.0 } - 1;
        if next & LIVE == 0 {
            next |= DYING;
        }
        self.step(seen, next)?;
        Ok(Snapshot(next).after_leave())
    }

    /// Ends a hold, or the lingering of a socket whose slot is clean.
    pub(crate) fn settle(&self) -> AfterLeave {
        let mut seen = self.load();
        loop {
            let next = seen.lingering_less();
            match self.step(seen, next) {
                Ok(()) => return Snapshot(next).after_leave(),
                Err(now) => seen = now,
            }
        }
    }
}

/// The outcome of an attempt to hold a key.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The key stays until the caller ends the hold.
    Granted,
    /// That occupancy of the bucket has ended.
    Gone,
    /// Refused, because thousands of threads hold the key at this moment.
    Crowded,
}

/// The outcome of an attempt to join a key.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// The caller is counted as live. The key stays, and so do its `K` and chain, until the caller
    /// leaves.
    Granted,
    /// The key has as many sockets as it may have.
    Full,
    /// The key has gone idle.
    Gone,
}

#[cfg(test)]
mod tests;
