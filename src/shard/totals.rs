//! The permits for sockets, and the counts of sockets, active keys and holders. Each shard has one
//! cache line.
//!
//! # Permits
//! The permits for `max_sockets` sockets are distributed over the shards. A registration takes one
//! from its own shard or else from any other; a socket that is removed leaves its permit with its
//! own shard. Permits are never made or lost, so the registry never holds more sockets than the
//! limit.
//!
//! A registration is refused only after it found no free permit in any shard, twice, with no return
//! in between. Then there was a moment at which every permit was taken.
//!
//! # Counts
//! A socket counts as long as it has a permit: from before it is published until its removal, or
//! the takeover that superseded it, is complete. One thread returns the permit, once, as its last
//! step. So wherever a thread stops, the number of sockets is never too low for any shard, and
//! calls in progress count as sockets. A sum over the shards is not a snapshot of one moment;
//! `is_empty` is.
//!
//! The registration that inserted a key counts it after the step that makes it active. The thread
//! whose step makes the key idle subtracts it after that step. The second thread may be faster, so
//! a shard's number can be negative for a moment.
//!
//! # Holders
//! The word of the keys also counts who keeps the shard in memory: the registry, and the handle of
//! each socket. A registration steps that word for its flags anyway. There are fewer handles than
//! slots, so the count cannot overflow.
//!
//! # Closing
//! The word of the keys also has the flag that the registry is closed. A registration publishes its
//! socket and then steps that word. Either it sees the flag and closes its own socket, or it came
//! before the flag was set and the walk of `close` finds the socket.
//!
//! # Revocations
//! The word of the keys has one more flag: whether a key of the shard was ever revoked. It works as
//! CLOSED does, except that a registration that sees it still has to find out whether its own key
//! is revoked. A revocation is visible before the flag is set. The flag is never cleared, and a
//! revocation steps the word even if it is set.
//!
//! # Watching
//! Both words have a flag that says whether a subscription or a count watch ever began. Each change
//! of a count reads the flag by its own step. A `watch` that comes after that step sees the change
//! itself. The flag is never cleared: clearing it would be a race, and all it costs is a lookup of
//! the watchers.

use crate::sync::{Arc, AtomicU64, Ordering};
use crossbeam_utils::CachePadded;

/// Holds the permits and counts of all shards.
pub(crate) struct Totals {
    shards: Box<[Arc<CachePadded<ShardTotals>>]>,
    max_sockets: usize,
}

/// Holds the permits and counts of one shard.
#[derive(Default)]
pub(crate) struct ShardTotals {
    /// `| returned: 36 | free: 27 | WATCHED |`: `returned` counts returns and may wrap. It only has
    /// to differ between two reads.
    permits: AtomicU64,
    /// `| keys: 29 | holders: 32 | REVOKES | CLOSED | WATCHED |`, where `keys` is signed.
    keys: AtomicU64,
}

const WATCHED: u64 = 1;
const CLOSED: u64 = 1 << 1;
const REVOKES: u64 = 1 << 2;

const FREE_BITS: u32 = 27;
const ONE_FREE: u64 = WATCHED << 1;
const FREE: u64 = ((1 << FREE_BITS) - 1) * ONE_FREE;
const RETURNED_SHIFT: u32 = FREE_BITS + 1;
const ONE_RETURNED: u64 = 1 << RETURNED_SHIFT;

const HOLDERS_SHIFT: u32 = 3;
const ONE_HOLDER: u64 = 1 << HOLDERS_SHIFT;
const KEYS_SHIFT: u32 = HOLDERS_SHIFT + u32::BITS;
const ONE_KEY: u64 = 1 << KEYS_SHIFT;

const _: () = assert!(crate::shard::geometry::MAX_SOCKETS < 1 << FREE_BITS);

fn free_in(permits: u64) -> usize {
    ((permits & FREE) / ONE_FREE) as usize
}

/// The flags of the keys' word: when it was loaded, or before a step.
#[must_use]
#[derive(Clone, Copy)]
pub(crate) struct Flags(u64);

impl Flags {
    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    #[inline]
    pub(crate) fn is_watched(self) -> bool {
        self.0 & WATCHED != 0
    }

    #[inline]
    pub(crate) fn has_revocations(self) -> bool {
        self.0 & REVOKES != 0
    }
}

impl Totals {
    pub(crate) fn new(shards: usize, max_sockets: usize) -> Self {
        let shard = |shard| {
            let share = max_sockets / shards + usize::from(shard < max_sockets % shards);
            let permits = AtomicU64::new(share as u64 * ONE_FREE);
            Arc::new(CachePadded::new(ShardTotals { permits, ..ShardTotals::default() }))
        };
        Self { shards: (0..shards).map(shard).collect(), max_sockets }
    }

    /// Returns the permits and counts of one shard.
    #[inline]
    pub(crate) fn shard(&self, shard: usize) -> &Arc<CachePadded<ShardTotals>> {
        &self.shards[shard]
    }

    /// Takes a permit for a socket in `shard`; returns false if there is none.
    ///
    /// Lock-free: it repeats the search only if another thread has meanwhile returned a permit.
    #[inline]
    pub(crate) fn acquire_permit(&self, shard: usize) -> bool {
        self.shard(shard).take_permit() || self.acquire_permit_elsewhere(shard)
    }

    #[inline(never)]
    fn acquire_permit_elsewhere(&self, shard: usize) -> bool {
        let mut last = None;
        loop {
            let (before, after) = self.shards.split_at(shard);
            if after.iter().chain(before).any(|shard| shard.take_permit()) {
                return true;
            }
            let now = self.collect();
            if now.0 == 0 && Some(now) == last {
                return false;
            }
            last = Some(now);
        }
    }

    /// Returns how many permits are free, and how many were ever returned.
    ///
    /// Two calls that agree prove that no shard's line changed between its two reads: no permit was
    /// returned, so none was taken either. So there was a moment at which all these values held.
    fn collect(&self) -> (usize, u64) {
        self.shards.iter().fold((0, 0), |(free, returned), shard| {
            // Ordering: Acquire, pairs with `release_permit`.
            let permits = shard.permits.load(Ordering::Acquire);
            (free + free_in(permits), returned + (permits >> RETURNED_SHIFT))
        })
    }

    /// Returns whether there was a moment during the call at which no socket held a permit.
    ///
    /// Lock-free: it reads again only if another thread has meanwhile taken or returned a permit.
    pub(crate) fn is_empty(&self) -> bool {
        let mut last = self.collect();
        loop {
            if last.0 < self.max_sockets {
                return false;
            }
            let now = self.collect();
            if now == last {
                return true;
            }
            last = now;
        }
    }

    /// Sets the flag by which later changes of the counts learn that the registry is watched. All
    /// earlier changes are visible to the caller.
    pub(crate) fn watch(&self) {
        for shard in &self.shards {
            // Ordering: AcqRel, pairs with every step of the two words and with `flags`. The
            // step is needed even if the flag is set: see the module's documentation.
            shard.keys.fetch_or(WATCHED, Ordering::AcqRel);
            // Ordering: AcqRel, as above.
            shard.permits.fetch_or(WATCHED, Ordering::AcqRel);
        }
    }

    pub(crate) fn close(&self) {
        for shard in &self.shards {
            // Ordering: AcqRel, pairs with `add_holder`.
            shard.keys.fetch_or(CLOSED, Ordering::AcqRel);
        }
    }

    pub(crate) fn sockets(&self) -> usize {
        self.max_sockets.saturating_sub(self.collect().0)
    }

    pub(crate) fn keys(&self) -> usize {
        self.shards.iter().map(|shard| shard.signed_keys()).sum::<i64>().max(0) as usize
    }
}

impl ShardTotals {
    /// Returns a permit to the shard. The result says whether the counts may be watched.
    #[inline]
    #[must_use]
    pub(crate) fn release_permit(&self) -> bool {
        // Ordering: AcqRel. The next taker then comes after all that the socket did; and it pairs
        // with `watch`. The sum cannot carry into `returned`: there are never more permits than
        // `free` can hold.
        self.permits.fetch_add(ONE_RETURNED + ONE_FREE, Ordering::AcqRel) & WATCHED != 0
    }

    /// Returns the number of active keys.
    pub(crate) fn keys(&self) -> usize {
        self.signed_keys().max(0) as usize
    }

    fn signed_keys(&self) -> i64 {
        // Ordering: Acquire, pairs with `add_holder` and `sub_key`.
        self.keys.load(Ordering::Acquire) as i64 >> KEYS_SHIFT
    }

    /// Counts a holder of the shard, and keys that have become active.
    #[inline]
    pub(crate) fn add_holder(&self, keys: u64) -> Flags {
        // Ordering: AcqRel, pairs with `close` and `watch`: see the module's documentation.
        Flags(self.keys.fetch_add(ONE_HOLDER + keys * ONE_KEY, Ordering::AcqRel))
    }

    /// Subtracts a holder of the shard; returns whether it was the last.
    #[inline]
    #[must_use]
    pub(crate) fn release_holder(&self) -> bool {
        // Ordering: AcqRel. The last holder comes after all that the others did with the shard.
        (self.keys.fetch_sub(ONE_HOLDER, Ordering::AcqRel) >> HOLDERS_SHIFT) as u32 == 1
    }

    /// Subtracts a key that has become idle.
    #[inline]
    pub(crate) fn sub_key(&self) -> Flags {
        // Ordering: AcqRel, pairs with `watch`.
        Flags(self.keys.fetch_sub(ONE_KEY, Ordering::AcqRel))
    }

    #[inline]
    pub(crate) fn flags(&self) -> Flags {
        // Ordering: Acquire, pairs with `watch`, `close` and `revoke`: the watchers and the
        // revocations are visible.
        Flags(self.keys.load(Ordering::Acquire))
    }

    /// Sets the flag by which later registrations learn that a key of the shard may be revoked. All
    /// earlier registrations are visible to the caller.
    pub(crate) fn revoke(&self) {
        // Ordering: AcqRel, pairs with `add_holder` and `flags`.
        self.keys.fetch_or(REVOKES, Ordering::AcqRel);
    }

    #[inline]
    fn take_permit(&self) -> bool {
        // Ordering: Acquire, pairs with `release_permit`. Relaxed is enough for the number; the
        // socket's own words order the rest.
        let mut seen = self.permits.load(Ordering::Acquire);
        while seen & FREE != 0 {
            // Ordering: AcqRel on success, as in `release_permit`; Acquire on failure, as in the
            // first load.
            match self.permits.compare_exchange_weak(seen, seen - ONE_FREE, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;
