//! How many sockets there may be and are, and how many keys are active, with one cache line for each shard.
//!
//! # Permits
//! The permits for `max_sockets` sockets are dealt out to the shards. A registration takes one, its own shard's or else any
//! other's; a socket that goes leaves it with its shard. Permits are never made or lost, so the limit is exact from above; a
//! registration is refused only after it saw none free in any shard, twice, with nothing returned in between: then there was a moment at
//! which every permit was taken.
//!
//! # Counts
//! A socket counts as long as it has a permit: from before it is published until its removal, or the takeover that superseded it, is
//! done. One thread returns the permit, once, as its last step. So the number of sockets is never below the truth of any shard, wherever
//! a thread stops, and calls that are under way count as sockets. A sum over the shards is not of one moment; `is_empty` is.
//!
//! A key is counted after the step that makes it active, by the registration that inserted it, and counted out after the step that
//! makes it idle. Another thread may be faster with the latter, so a shard's number can be negative for a moment.
//!
//! # Closing
//! The keys' word also says whether the registry is closed. A registration publishes its socket, then steps that word: it either sees
//! the flag, and tells its own socket, or it came before the flag was set, and the walk of `close` finds the socket.
//!
//! # Watching
//! Both words say whether a subscription or a watch ever began: each change of a count learns it from its own step. A `watch` that
//! comes after that step sees the change itself. The flag stays: taking it back would be a race, and what it costs is a look at the
//! watchers.

use crate::sync::{AtomicU64, Ordering};
use crossbeam_utils::CachePadded;

/// The permits and counts of all shards.
pub(crate) struct Totals {
    shards: Box<[CachePadded<ShardTotals>]>,
    max_sockets: usize,
}

/// The permits and counts of one shard.
#[derive(Default)]
pub(crate) struct ShardTotals {
    /// `| returned: 36 | free: 27 | WATCHED |`: `returned` counts returns, and may wrap: it only has to differ between two reads.
    permits: AtomicU64,
    /// `| keys: 62 | CLOSED | WATCHED |`, where `keys` is signed.
    keys: AtomicU64,
}

const WATCHED: u64 = 1;
const CLOSED: u64 = 1 << 1;

const FREE_BITS: u32 = 27;
const ONE_FREE: u64 = WATCHED << 1;
const FREE: u64 = ((1 << FREE_BITS) - 1) * ONE_FREE;
const RETURNED_SHIFT: u32 = FREE_BITS + 1;
const ONE_RETURNED: u64 = 1 << RETURNED_SHIFT;

const KEYS_SHIFT: u32 = 2;
const ONE_KEY: u64 = 1 << KEYS_SHIFT;

const _: () = assert!(crate::shard::geometry::MAX_SOCKETS < 1 << FREE_BITS);

fn free_in(permits: u64) -> usize {
    ((permits & FREE) / ONE_FREE) as usize
}

/// What the keys' word said before a step.
#[must_use]
#[derive(Clone, Copy)]
pub(crate) struct KeysBefore(u64);

impl KeysBefore {
    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    #[inline]
    pub(crate) fn is_watched(self) -> bool {
        self.0 & WATCHED != 0
    }
}

impl Totals {
    pub(crate) fn new(shards: usize, max_sockets: usize) -> Self {
        let shard = |shard| {
            let share = max_sockets / shards + usize::from(shard < max_sockets % shards);
            CachePadded::new(ShardTotals { permits: AtomicU64::new(share as u64 * ONE_FREE), ..ShardTotals::default() })
        };
        Self { shards: (0..shards).map(shard).collect(), max_sockets }
    }

    /// Those of one shard.
    #[inline]
    pub(crate) fn shard(&self, shard: usize) -> &ShardTotals {
        &self.shards[shard]
    }

    /// Takes a permit for a socket in `shard`; false if there is none.
    ///
    /// Lock-free: it looks again only if another thread returned a permit meanwhile.
    #[inline]
    pub(crate) fn acquire_permit(&self, shard: usize) -> bool {
        self.shard(shard).take_permit() || self.acquire_permit_elsewhere(shard)
    }

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

    /// How many permits are free, and how many were ever returned. Two looks that agree prove that no line changed between its two
    /// reads: nothing was returned, so nothing was taken either. So there was a moment at which all of it was so.
    fn collect(&self) -> (usize, u64) {
        self.shards.iter().fold((0, 0), |(free, returned), shard| {
            // Ordering: Acquire, pairs with `release_permit`.
            let permits = shard.permits.load(Ordering::Acquire);
            (free + free_in(permits), returned + (permits >> RETURNED_SHIFT))
        })
    }

    /// Whether there was a moment during the call at which no socket held a permit.
    ///
    /// Lock-free: it looks again only if another thread took or returned a permit meanwhile.
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

    /// From here on whoever changes the counts learns that somebody watches; all changes before are visible to the caller.
    pub(crate) fn watch(&self) {
        for shard in &self.shards {
            // Ordering: AcqRel, pairs with every step of the two words and with `is_watched`. A step also if the flag is there: see
            // the module's documentation.
            shard.keys.fetch_or(WATCHED, Ordering::AcqRel);
            // Ordering: AcqRel, as above.
            shard.permits.fetch_or(WATCHED, Ordering::AcqRel);
        }
    }

    pub(crate) fn close(&self) {
        for shard in &self.shards {
            // Ordering: AcqRel, pairs with `add_keys`.
            shard.keys.fetch_or(CLOSED, Ordering::AcqRel);
        }
    }

    pub(crate) fn sockets(&self) -> usize {
        self.max_sockets.saturating_sub(self.collect().0)
    }

    pub(crate) fn keys(&self) -> usize {
        // Ordering: Acquire, pairs with `add_keys` and `sub_key`.
        let keys = self.shards.iter().map(|shard| shard.keys.load(Ordering::Acquire) as i64 >> KEYS_SHIFT);
        keys.sum::<i64>().max(0) as usize
    }
}

impl ShardTotals {
    /// Returns a permit. Whether there may be a watch that this changes something for.
    #[inline]
    #[must_use]
    pub(crate) fn release_permit(&self) -> bool {
        // Ordering: AcqRel, so that the next taker comes after all that the socket did; and pairs with `watch`. The sum cannot carry
        // into `returned`: there are never more permits than `free` can hold.
        self.permits.fetch_add(ONE_RETURNED + ONE_FREE, Ordering::AcqRel) & WATCHED != 0
    }

    /// Counts keys that have become active.
    #[inline]
    pub(crate) fn add_keys(&self, keys: u64) -> KeysBefore {
        // Ordering: AcqRel, pairs with `close` and `watch`: see the module's documentation.
        KeysBefore(self.keys.fetch_add(keys * ONE_KEY, Ordering::AcqRel))
    }

    /// Counts a key out that has become idle.
    #[inline]
    pub(crate) fn sub_key(&self) -> KeysBefore {
        // Ordering: AcqRel, pairs with `watch`.
        KeysBefore(self.keys.fetch_sub(ONE_KEY, Ordering::AcqRel))
    }

    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        // Ordering: Acquire, pairs with `watch`: who watches is visible.
        self.keys.load(Ordering::Acquire) & WATCHED != 0
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        // Ordering: Acquire, pairs with `close`.
        self.keys.load(Ordering::Acquire) & CLOSED != 0
    }

    #[inline]
    fn take_permit(&self) -> bool {
        // Ordering: Acquire, pairs with `release_permit`. Relaxed would do for the number; the rest is the socket's own words' business.
        let mut seen = self.permits.load(Ordering::Acquire);
        while seen & FREE != 0 {
            // Ordering: AcqRel on success, as `release_permit`; Acquire on failure, as the first load.
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
