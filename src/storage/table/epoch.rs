//! The number of a key's epoch: of a time from when the key became active until it went idle. (Not an epoch of memory
//! reclamation: there is none.) Only who watches needs it, so it is
//! drawn when somebody first does.
//!
//! # Layout of the word beside each key, most significant bits first
//! ```text
//! | number: 63 | TOLD |
//! ```
//!
//! # States
//! | word | meaning |
//! |---|---|
//! | 0 | no number was drawn |
//! | n | the epoch is, or was, the nth that got a number |
//! | n, TOLD | the same, and all who watch were told that it began, or find out by themselves |
//! | all ones | the epoch ended without a number: nobody ever learns of it |
//!
//! # Transitions
//! | from | to | operation | who | right to the occupancy |
//! |---|---|---|---|---|
//! | 0 | n | `number` | a registration that tells of the epoch | counted as live |
//! | 0 | n | `number` | a subscription that finds the key | counted as lingering |
//! | n | n, TOLD | `set_told` | a registration that has told of the epoch | counted as live |
//! | 0 | all ones | `end` | the socket whose step ended the epoch | counted as lingering, or alone with the bucket |
//! | any | 0 | `clear` | who vacates the bucket | alone with the bucket |
//!
//! # Why numbers rise with the epochs of a key
//! A number is drawn *before* the key is seen to be still active. A later epoch's number is drawn by somebody who saw that this one
//! had ended, so if that number had come first, this one's drawer would have acquired the end from the clock and not seen the key active.
//! Who sees the key idle leaves the word alone, and `end` sees to it that whoever is slow fails.

use crate::sync::{AtomicU64, Ordering};

const NONE: u64 = 0;

const TOLD: u64 = 1;

const ONE_NUMBER: u64 = 1 << 1;

const ENDED: u64 = u64::MAX;

/// Draws the numbers of one registry's epochs: the word with the last one.
#[derive(Default)]
pub(crate) struct EpochClock(AtomicU64);

/// The number of the epoch of the key that is in a bucket. See the module's documentation.
#[derive(Default)]
pub(crate) struct ActivityEpoch(AtomicU64);

impl ActivityEpoch {
    /// The epoch's number, drawn now if there is none; none if the epoch has ended without. `is_active` looks whether the epoch goes on.
    pub(crate) fn number(&self, clock: &EpochClock, is_active: impl FnOnce() -> bool) -> Option<u64> {
        // Ordering: Acquire, as `end`.
        match self.0.load(Ordering::Acquire) {
            NONE => {}
            seen => return known(seen),
        }
        // Ordering: AcqRel: who draws a later number knows what the drawers of the earlier ones knew, see the module's documentation.
        let drawn = clock.0.fetch_add(ONE_NUMBER, Ordering::AcqRel) + ONE_NUMBER;
        if !is_active() {
            // Ordering: Acquire, as `end`: somebody else may have drawn in time.
            return known(self.0.load(Ordering::Acquire));
        }
        // Ordering: AcqRel, as `end`.
        match self.0.compare_exchange(NONE, drawn, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => known(drawn),
            Err(seen) => known(seen),
        }
    }

    /// Whether all who watch were told of the epoch, or will never be.
    pub(crate) fn is_told(&self) -> bool {
        // Ordering: Acquire, pairs with `set_told`: what was told is on the subscriptions' lists.
        self.0.load(Ordering::Acquire) & TOLD != 0
    }

    /// The caller has told all who watch of the epoch, which has a number and goes on.
    pub(crate) fn set_told(&self) {
        // Ordering: AcqRel. Release, with what was told before.
        self.0.fetch_or(TOLD, Ordering::AcqRel);
    }

    /// The epoch's number, if it has one; from here on it gets none.
    pub(crate) fn end(&self) -> Option<u64> {
        // Ordering: AcqRel, failure Acquire: all who use the word come one after the other. What they tell each other through it is
        // the number alone.
        match self.0.compare_exchange(NONE, ENDED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => None,
            Err(seen) => known(seen),
        }
    }

    /// Makes the word ready for the next key's epoch.
    pub(crate) fn clear(&self) {
        // Ordering: Relaxed: others get here by the step that hands the bucket on.
        self.0.store(NONE, Ordering::Relaxed);
    }
}

fn known(seen: u64) -> Option<u64> {
    (seen != NONE && seen != ENDED).then_some(seen / ONE_NUMBER)
}

/// The sequence of the event by which an epoch begins.
pub(crate) fn online(number: u64) -> u64 {
    number << 1
}

/// The sequence of the event by which an epoch ends.
pub(crate) fn offline(number: u64) -> u64 {
    online(number) + 1
}

#[cfg(test)]
mod tests;
