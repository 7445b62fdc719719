//! The number of a key's epoch. An epoch is the time from when the key becomes active until it goes
//! idle. (It is not an epoch of memory reclamation; the crate has none.) Only subscribers need the
//! number, so it is drawn when it is first needed.
//!
//! # Layout of the word next to each key, most significant bits first
//! ```text
//! | number: 63 | TOLD |
//! ```
//!
//! # States
//! | word | meaning |
//! |---|---|
//! | 0 | no number was drawn |
//! | n | the epoch is, or was, the nth that got a number |
//! | n, TOLD | the same, and all subscribers were notified that it began, or find out by themselves |
//! | all ones | the epoch ended without a number: no subscriber ever learns of it |
//!
//! # Transitions
//! | from | to | operation | actor | right to the occupancy |
//! |---|---|---|---|---|
//! | 0 | n | `number` | a registration that notifies subscribers of the epoch | counted as live |
//! | 0 | n | `number` | a subscription that finds the key | counted as lingering |
//! | n | n, TOLD | `set_told` | a registration that has notified subscribers of the epoch | counted as live |
//! | 0 | all ones | `end` | the socket whose step ended the epoch | counted as lingering, or alone with the bucket |
//! | any | 0 | `clear` | the thread that vacates the bucket | alone with the bucket |
//!
//! # Why numbers rise with the epochs of a key
//! A thread takes a number from the clock, then checks that the key is still active, and only then
//! stores the number. Suppose that epoch B follows epoch A and had the lower number. B's thread
//! took its number after it had seen A end. A's thread took its number later, from the same clock.
//! That read-modify-write synchronises with B's, so A's thread sees the end too, its check fails,
//! and it stores nothing. A thread that passed the check in time but stores too late fails because
//! `end` has closed the word.

use crate::sync::{AtomicU64, Ordering};

const NONE: u64 = 0;

const TOLD: u64 = 1;

const ONE_NUMBER: u64 = 1 << 1;

const ENDED: u64 = u64::MAX;

/// Draws the numbers of one registry's epochs. It holds the last one as it stands in an epoch's
/// word.
#[derive(Default)]
pub(crate) struct EpochClock(AtomicU64);

/// The number of the epoch of the key in a bucket. See the module's documentation.
#[derive(Default)]
pub(crate) struct ActivityEpoch(AtomicU64);

impl ActivityEpoch {
    /// Returns the epoch's number, and draws it now if there is none. Returns `None` if the epoch
    /// has ended without a number. `is_active` tells whether the epoch is still in progress.
    pub(crate) fn number(&self, clock: &EpochClock, is_active: impl FnOnce() -> bool) -> Option<u64> {
        // Ordering: Acquire, as `end`.
        match self.0.load(Ordering::Acquire) {
            NONE => {}
            seen => return known(seen),
        }
        // Ordering: AcqRel: a thread that draws a later number knows what the threads knew that
        // drew the earlier ones. See the module's documentation.
        let drawn = clock.0.fetch_add(ONE_NUMBER, Ordering::AcqRel) + ONE_NUMBER;
        if !is_active() {
            // Ordering: Acquire, as `end`: another thread may have stored a number in time.
            return known(self.0.load(Ordering::Acquire));
        }
        // Ordering: AcqRel, as `end`.
        match self.0.compare_exchange(NONE, drawn, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => known(drawn),
            Err(seen) => known(seen),
        }
    }

    /// Tells whether all subscribers were notified of the epoch, or never will be.
    pub(crate) fn is_told(&self) -> bool {
        // Ordering: Acquire, pairs with `set_told`: the notifications are on the subscriptions'
        // lists.
        self.0.load(Ordering::Acquire) & TOLD != 0
    }

    /// Records that all subscribers were notified of the epoch. Precondition: the caller has
    /// notified them, and the epoch has a number and is still in progress.
    pub(crate) fn set_told(&self) {
        // Ordering: AcqRel. Release, with the notifications that were sent before.
        self.0.fetch_or(TOLD, Ordering::AcqRel);
    }

    /// Ends the epoch and returns its number, if it has one. From here on it gets none.
    pub(crate) fn end(&self) -> Option<u64> {
        // Ordering: AcqRel, failure Acquire: this orders all threads that use the word one after
        // another. They pass each other only the number through it.
        match self.0.compare_exchange(NONE, ENDED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => None,
            Err(seen) => known(seen),
        }
    }

    /// Makes the word ready for the next key's epoch.
    pub(crate) fn clear(&self) {
        // Ordering: Relaxed: others reach the word through the step that passes the bucket on.
        self.0.store(NONE, Ordering::Relaxed);
    }
}

fn known(seen: u64) -> Option<u64> {
    (seen != NONE && seen != ENDED).then_some(seen / ONE_NUMBER)
}

/// Returns the sequence of the event by which an epoch begins.
pub(crate) fn online(number: u64) -> u64 {
    number << 1
}

/// Returns the sequence of the event by which an epoch ends.
pub(crate) fn offline(number: u64) -> u64 {
    online(number) + 1
}

#[cfg(test)]
mod tests;
