//! The key's word: whether a bucket has a key, how many live sockets the key has, and which occupancy of the bucket this is.
//!
//! # What it protects
//! The identity, the `K` and the chain of further slots of a bucket. Everybody who is counted in `live` or `lingering` keeps them
//! in place.
//!
//! # Layout, most significant bits first
//! ```text
//! | sequence: 26 | kind: 2 | state: 2 | CHAINED | lingering: 13 | live: 20 |
//! ```
//! - `sequence` counts the occupancies of the bucket. It never wraps: a bucket whose last one was used stays vacant for ever.
//! - `kind` says how to read the identity beside the word.
//! - `CHAINED`: the key has, or has had in this occupancy, slots besides the bucket's own.
//! - `lingering` counts who needs the key although it is not, or no longer, a socket of it: sockets that were removed while
//!   somebody was in their slot, registrations that compare keys, and superseded sockets that their owners have not dropped. It
//!   saturates: beyond 8,190 at once the bucket and its chain are never handed on, and its key never dropped.
//! - `live` counts the sockets of the key.
//!
//! # Valid states
//! | state | meaning | live | lingering |
//! |---|---|---|---|
//! | vacant | no key | 0 | 0 |
//! | claimed | an inserter writes a key, nobody sees it yet | 0 | 0 |
//! | member | the key is active | 1 or more | any |
//! | dying | the key is idle; the bucket is being emptied, or will be by who leaves last | 0 | any |
//!
//! # Transitions
//! | from | to | operation | who | duty that follows |
//! |---|---|---|---|---|
//! | vacant | claimed | `claim` | inserter | write the key, have the home commit |
//! | claimed | vacant, next sequence | `withdraw` | inserter that lost | take the key out first |
//! | claimed | member, live 1 | `promote` | inserter, or who helps it, once the home has committed | |
//! | member | lingering + 1 | `hold` | registration | compare the keys, then `join` or `settle` |
//! | member, live n, lingering m | live n + 1, lingering m - 1 | `join` | registration that holds | |
//! | member, live n | member, live n - 1; dying if that is 0 | `leave` | removed socket | `VacateBucket` if dying and nothing lingers |
//! | the same | the same, and lingering + 1 | `leave`, lingering | removed socket with others in its slot | |
//! | member or dying, lingering n | lingering n - 1 | `settle` | who cleaned a slot up late, or held in vain | `VacateBucket` if dying and nothing lingers |
//! | dying, nothing lingers | vacant, next sequence (the last one if the bucket's inline slot is retired) | `vacate` | who has the duty | take the key out and return the chain first |
//!
//! What is read beside the word belongs to one occupancy if the word showed the same occupancy before and after.

use crate::storage::fingerprint::KeyKind;
use crate::sync::{AtomicU64, MODELLED, Ordering};

const LIVE_BITS: u32 = 20;

const LINGERING_BITS: u32 = 13;

const STATE_BITS: u32 = 2;

const KIND_BITS: u32 = 2;

const LINGERING_SHIFT: u32 = LIVE_BITS;

const CHAINED_SHIFT: u32 = LINGERING_SHIFT + LINGERING_BITS;

const STATE_SHIFT: u32 = CHAINED_SHIFT + 1;

const KIND_SHIFT: u32 = STATE_SHIFT + STATE_BITS;

const SEQUENCE_SHIFT: u32 = KIND_SHIFT + KIND_BITS;

/// Few under the model checker, so that a bucket's last occupancy is reached.
const SEQUENCE_BITS: u32 = if MODELLED { 2 } else { u64::BITS - SEQUENCE_SHIFT };

const _: () = assert!(SEQUENCE_SHIFT + SEQUENCE_BITS <= u64::BITS);

const LIVE: u64 = (1 << LIVE_BITS) - 1;

const LINGERING: u64 = ((1 << LINGERING_BITS) - 1) << LINGERING_SHIFT;

const ONE_LINGERING: u64 = 1 << LINGERING_SHIFT;

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

/// What a presence word held when it was looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(u64);

impl Snapshot {
    /// Whether nobody ever claimed the bucket.
    #[inline]
    pub(crate) fn is_untouched(self) -> bool {
        self.0 == 0
    }

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

    /// Whether the bucket has an active key whose identity is of that kind.
    #[inline]
    pub(crate) fn is_member(self, kind: KeyKind) -> bool {
        self.0 & (STATE | KIND) == MEMBER | u64::from(kind.0) << KIND_SHIFT
    }

    /// Whether the bucket has an active key.
    pub(crate) fn is_active(self) -> bool {
        self.0 & STATE == MEMBER
    }

    /// Whether the bucket has an active key whose identity is of that kind, and which has no slots but the bucket's own.
    #[inline]
    pub(crate) fn is_unchained_member(self, kind: KeyKind) -> bool {
        self.0 & (STATE | KIND | CHAINED) == MEMBER | u64::from(kind.0) << KIND_SHIFT
    }

    /// Whether somebody needs the key who is not a socket of it.
    #[inline]
    pub(crate) fn is_lingering(self) -> bool {
        self.0 & LINGERING != 0
    }

    /// Whether this and `earlier`, a member, are the same active occupancy.
    #[inline]
    pub(crate) fn is_still(self, earlier: Snapshot) -> bool {
        (self.0 ^ earlier.0) & !(LIVE | LINGERING | CHAINED) == 0
    }

    #[inline]
    pub(crate) fn is_chained(self) -> bool {
        self.0 & CHAINED != 0
    }

    /// How many live sockets the key has.
    #[inline]
    pub(crate) fn live(self) -> u32 {
        (self.0 & LIVE) as u32
    }

    /// The word with one more lingering; unchanged once it is saturated.
    fn lingering_more(self) -> u64 {
        if self.0 & LINGERING == LINGERING { self.0 } else { self.0 + ONE_LINGERING }
    }

    /// The word with one fewer lingering; unchanged once it is saturated.
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
    /// Nothing: others are there, or will do it.
    Nothing,
    /// Nobody is left: empty the bucket, then `vacate`.
    VacateBucket,
}

/// The word of one bucket. See the module's documentation.
#[derive(Default)]
pub(crate) struct KeyState(AtomicU64);

impl KeyState {
    /// Ordering: Acquire, so that what is read beside the word after this belongs to what was seen, or to something later.
    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// One step from `seen`, or what the word holds instead.
    ///
    /// Ordering: AcqRel. Release hands on what this thread did beside the word, Acquire takes over what the one before did.
    /// Failure Acquire, as `load`: the caller goes on with what it now sees.
    #[inline]
    fn step(&self, seen: Snapshot, next: u64) -> Result<(), Snapshot> {
        self.0.compare_exchange_weak(seen.0, next, Ordering::AcqRel, Ordering::Acquire).map(drop).map_err(Snapshot)
    }

    /// vacant -> claimed. False if somebody was faster.
    #[inline]
    pub(crate) fn claim(&self, seen: Snapshot, kind: KeyKind) -> bool {
        debug_assert!(seen.is_vacant());
        let next = seen.0 & !(STATE | KIND) | CLAIMED | u64::from(kind.0) << KIND_SHIFT;
        // Ordering: AcqRel, as `step`; failure Relaxed, nothing is read then. The strong form: a bucket must not be left untouched
        // for no reason, because searches end at one that was never claimed.
        self.0.compare_exchange(seen.0, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// claimed -> vacant, by the inserter that claimed.
    pub(crate) fn withdraw(&self) {
        let seen = self.load();
        debug_assert!(seen.is_claimed());
        self.hand_on(seen.sequence() + 1);
    }

    /// dying -> vacant, by who has the duty to; for ever if the bucket's inline slot is not `usable` again.
    #[inline]
    pub(crate) fn vacate(&self, usable: bool) {
        let seen = self.load();
        debug_assert!(seen.0 & (STATE | LIVE | LINGERING) == DYING);
        self.hand_on(if usable { seen.sequence() + 1 } else { LAST_SEQUENCE });
    }

    /// To vacant in a later sequence, which also keeps a bucket that was ever claimed from looking untouched.
    #[inline]
    fn hand_on(&self, sequence: u64) {
        // Ordering: Release, so that who claims the bucket finds it emptied. A plain store: nobody else changes a word in
        // these states.
        self.0.store(sequence << SEQUENCE_SHIFT | VACANT, Ordering::Release);
    }

    /// claimed -> member. False if that was done already.
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

    /// Keeps the key of the member that was `seen` where it is, uncounted, until `join` or `settle`. False: that occupancy ended.
    pub(crate) fn hold(&self, seen: Snapshot) -> bool {
        let mut now = seen;
        while now.is_still(seen) {
            match self.step(now, now.lingering_more()) {
                Ok(()) => return true,
                Err(changed) => now = changed,
            }
        }
        false
    }

    /// One more socket, by who holds the key; the hold ends if that is granted.
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

    /// The key has slots besides the bucket's own from now on. By who is counted in `live`.
    pub(crate) fn set_chained(&self) {
        if !self.load().is_chained() {
            // Ordering: AcqRel, as every step.
            self.0.fetch_or(CHAINED, Ordering::AcqRel);
        }
    }

    /// One socket fewer, if the word still is what was `seen`; else what it is.
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

    /// A lingering socket's slot is clean, or a hold ends.
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

/// What became of an attempt to join a key.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// The caller is counted as live: the key stays, and its `K` and chain with it, until the caller leaves.
    Granted,
    /// The key has as many sockets as it may.
    Full,
    /// The key has gone idle.
    Gone,
}

#[cfg(test)]
mod tests;
