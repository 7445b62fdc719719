//! Counts the superseded sockets of a key whose owners have not dropped them.
//!
//! A key may have a million of them, far more than its state can count as lingering. So together
//! they have one hold on the key. It is taken when the count rises from 0 and released when the
//! count falls to 0.
//!
//! | from | to | operation | actor | duty that follows |
//! |---|---|---|---|---|
//! | 0 | 1 | `enter` | takeover, about to supersede a socket | count the hold as lingering |
//! | n | n + 1 | `enter` | the same | |
//! | n | n - 1 | `leave` | owner of a superseded socket, or takeover that found its socket gone | |
//! | 1 | 0 | `leave` | the same | release the hold |
//!
//! # Why the key stays
//! - A takeover has a hold of its own until it returns. So the key stays from `enter` until the
//!   common hold is counted.
//! - Each rise from 0 counts a hold before the fall that follows, because the takeover that raised
//!   the count leaves its own share until it has counted the hold. So there are as many common
//!   holds as there were rises without a fall after them, which is at least one while the count is
//!   not 0. The next rise may come before the last fall has released its hold: then there are two
//!   for a moment.
//!
//! The count cannot overflow: each superseded socket has a slot of its own.

use crate::sync::{AtomicU32, Ordering};

/// The count of one key. See the module's documentation.
#[derive(Default)]
pub(crate) struct SupersededCount(AtomicU32);

impl SupersededCount {
    /// Adds a socket. Returns whether the caller counts the common hold. Precondition: the caller
    /// holds the key.
    #[must_use]
    pub(crate) fn enter(&self) -> bool {
        // Ordering: Relaxed: the superseding step that follows passes this on to the socket's
        // owner.
        self.0.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Returns how many sockets there are.
    pub(crate) fn now(&self) -> u32 {
        // Ordering: Acquire, pairs with `leave`: what is no longer counted has left its slot.
        self.0.load(Ordering::Acquire)
    }

    /// Subtracts a socket. Returns whether the caller releases the common hold.
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        // Ordering: AcqRel. The one that releases the hold comes after all that the others did with
        // the key.
        self.0.fetch_sub(1, Ordering::AcqRel) == 1
    }
}
