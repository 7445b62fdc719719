//! Who is in a place: the owner, visitors who read its values, and whoever wakes through its waker cell. The last one to leave cleans up.
//!
//! Only places that somebody looked into, or that were left while their waker was in use, ever touch their lease: the word's
//! VISITED and WAKING flags tell the leaving owner whether it must.
//!
//! # Layout, most significant bits first
//! ```text
//! | generation + 1: 32 | shares: 32 |
//! ```
//! The owner has 2^30 shares and everybody else has one. A lease of an older generation counts as fresh, which means that the owner alone is
//! in; so nothing has to be written when a socket registers.
//!
//! # Transitions
//! | from | to | operation | who | duty that follows |
//! |---|---|---|---|---|
//! | owner + n | owner + n + 1 | `enter` | visitor | `leave` |
//! | owner + n | owner + n - 1 | `leave` | visitor, or who wakes | |
//! | owner + n | n, or n + 1 if somebody is waking | `leave_owner` | owner | clean up if that is 0 |
//! | n, without the owner | n - 1 | `leave` | visitor, or who wakes | clean up if that is 0 |
//!
//! Who wakes has its share only from the moment that the owner leaves. It may pay that share back *before* the owner has left:
//! owner - 1, then owner - 1 - (owner - 1) = 0. In either order exactly one of the two sees 0.
//!
//! Progress: `leave` and `leave_owner` and `enter` are lock-free; a step fails only because another one succeeded.

use crate::sync::{AtomicU64, Ordering};
use crate::word::Generation;
use std::cmp::Ordering::{Equal, Greater, Less};

const SHARE_BITS: u32 = 32;
const OWNER: u32 = 1 << 30;
/// Fewer shares than this: the owner has left. More visitors than this cannot be, each holds memory of a thread's stack.
const OWNER_IS_IN: u32 = OWNER / 2;

const _: () = assert!(Generation::BITS + SHARE_BITS <= u64::BITS);

/// The lease of one place. See the module's documentation.
#[derive(Default)]
pub(crate) struct Lease(AtomicU64);

impl Lease {
    /// A visitor comes in. False if the owner of that generation has left.
    pub(crate) fn enter(&self, generation: Generation) -> bool {
        self.change(generation, |shares| (shares >= OWNER_IS_IN).then(|| shares + 1)).is_some()
    }

    /// A visitor leaves, or who was waking. True: the last one; the caller cleans up.
    #[must_use]
    pub(crate) fn leave(&self, generation: Generation) -> bool {
        self.change(generation, |shares| Some(shares - 1)) == Some(0)
    }

    /// The owner leaves. True: the last one; the caller cleans up.
    #[must_use]
    pub(crate) fn leave_owner(&self, generation: Generation, waking: bool) -> bool {
        self.change(generation, |shares| Some(shares - (OWNER - u32::from(waking)))) == Some(0)
    }

    /// Changes the shares of that generation; returns the new number.
    fn change(&self, generation: Generation, f: impl Fn(u32) -> Option<u32>) -> Option<u32> {
        let stamp = u64::from(generation.number()) + 1;
        // Ordering: Acquire, as on success: the decision rests on what others did before they changed the lease.
        let mut seen = self.0.load(Ordering::Acquire);
        loop {
            let shares = match (seen >> SHARE_BITS).cmp(&stamp) {
                Less => OWNER,
                Equal => seen as u32,
                Greater => return None,
            };
            let next = f(shares)?;
            let word = stamp << SHARE_BITS | u64::from(next);
            // Ordering: AcqRel: who leaves releases what it read and did in the place; who leaves last acquires all of it before it
            // cleans up. Failure Acquire, as the first load.
            match self.0.compare_exchange_weak(seen, word, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(next),
                Err(now) => seen = now,
            }
        }
    }
}

#[cfg(all(test, not(any(socket_registry_loom, socket_registry_shuttle))))]
#[path = "lease_tests.rs"]
mod tests;
