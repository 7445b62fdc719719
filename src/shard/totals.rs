//! How many sockets there may be, and how many sockets and active keys there are, with one cache line for each shard.
//!
//! # Permits
//! The permits for `max_sockets` sockets are dealt out to the shards. A registration takes one, its own shard's or else any
//! other's; a socket that goes leaves it with its shard. Permits are never made or lost, so the limit is exact from above; a
//! registration is refused only after it saw none free in any shard, twice, with nothing returned in between: then there was a moment at
//! which every permit was taken.
//!
//! # Counts
//! `add` comes after the step that makes a socket live or a key active, and `sub` before the step that ends it. So the counts are
//! exact whenever no call is in flight, and in between never above the truth.
//!
//! A socket that is superseded while its owner drops it is counted out by both, until the one that finds it was too late corrects that. So a number can be
//! below the truth meanwhile, even below zero: that reads as zero. It may borrow from the number above it, which says so, but not from the flags:
//! they are below. One number may be above the truth: a key counts as active until whoever superseded its last old socket has come to the end of that, even if the
//! new ones have left by then.
//!
//! # Closing
//! The counts' word also says whether the registry is closed: a registration that counts itself learns of a `close` that came
//! before; a `close` that comes after finds the socket, because it was published before it was counted.
//!
//! # Watching
//! And whether somebody has ever watched: who changes the counts learns it from the same step. A `watch` that comes after sees the
//! change itself. The flag stays: taking it back would be a race, and what it costs is a look at who watches.

use crate::sync::{AtomicU64, Ordering};
use crossbeam_utils::CachePadded;

/// The permits and counts of all shards.
pub(crate) struct Totals {
    shards: Box<[CachePadded<ShardTotals>]>,
}

/// The permits and counts of one shard.
#[derive(Default)]
pub(crate) struct ShardTotals {
    /// `| returned: 32 | free: 32 |`: `returned` counts returns, and may wrap: it only has to differ between two reads.
    permits: AtomicU64,
    /// `| keys: 30 | sockets: 32 | CLOSED | WATCHED |`, two signed numbers: `keys * ONE_KEY + sockets * ONE_SOCKET`, and the flags.
    counts: AtomicU64,
}

const ONE_RETURNED: u64 = 1 << 32;
const FREE: u64 = ONE_RETURNED - 1;

const WATCHED: u64 = 1;
const CLOSED: u64 = 1 << 1;
const ONE_SOCKET: u64 = 1 << 2;
const ONE_KEY: u64 = ONE_SOCKET << 32;

/// A change of the counts: one socket or none, one key or none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CountsDelta(u64);

impl CountsDelta {
    pub(crate) fn new(socket: bool, key: bool) -> Self {
        Self(u64::from(socket) * ONE_SOCKET + u64::from(key) * ONE_KEY)
    }
}

/// What the counts' word said before a change.
#[must_use]
#[derive(Clone, Copy)]
pub(crate) struct CountsBefore(u64);

impl CountsBefore {
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
            CachePadded::new(ShardTotals { permits: AtomicU64::new(share as u64), ..ShardTotals::default() })
        };
        Self { shards: (0..shards).map(shard).collect() }
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
        let mut returned = None;
        loop {
            let (before, after) = self.shards.split_at(shard);
            if after.iter().chain(before).any(|shard| shard.take_permit()) {
                return true;
            }
            let now = self.returned();
            if now.is_some() && now == returned {
                return false;
            }
            returned = now;
        }
    }

    /// How many permits have been returned, if none is free.
    fn returned(&self) -> Option<u64> {
        self.shards.iter().try_fold(0u64, |sum, shard| {
            // Ordering: Acquire, pairs with `release_permit`.
            let permits = shard.permits.load(Ordering::Acquire);
            (permits & FREE == 0).then(|| sum + (permits >> 32))
        })
    }

    /// From here on whoever changes the counts learns that somebody watches; all changes before are visible to the caller.
    pub(crate) fn watch(&self) {
        for shard in &self.shards {
            // Ordering: AcqRel, pairs with `add`, `sub` and `is_watched`. A step also if the flag is there: see the module's documentation.
            shard.counts.fetch_or(WATCHED, Ordering::AcqRel);
        }
    }

    pub(crate) fn close(&self) {
        for shard in &self.shards {
            // Ordering: AcqRel, pairs with `add`.
            shard.counts.fetch_or(CLOSED, Ordering::AcqRel);
        }
    }

    pub(crate) fn sockets(&self) -> usize {
        at_least_none(self.counts().map(sockets_in).sum())
    }

    pub(crate) fn keys(&self) -> usize {
        at_least_none(self.counts().map(keys_in).sum())
    }

    fn counts(&self) -> impl Iterator<Item = u64> {
        // Ordering: Acquire, pairs with `add` and `sub`.
        self.shards.iter().map(|shard| shard.counts.load(Ordering::Acquire))
    }
}

fn sockets_in(counts: u64) -> i64 {
    i64::from((counts / ONE_SOCKET) as i32)
}

fn keys_in(counts: u64) -> i64 {
    // Rounded, lest one socket too few borrows a key.
    counts.wrapping_add(ONE_KEY / 2) as i64 >> ONE_KEY.trailing_zeros()
}

fn at_least_none(number: i64) -> usize {
    number.max(0) as usize
}

impl ShardTotals {
    /// Returns a permit.
    #[inline]
    pub(crate) fn release_permit(&self) {
        // Ordering: AcqRel, so that the next taker comes after all that the socket did. The sum cannot carry into `returned`: there
        // are never more than 2^32 - 1 permits.
        self.permits.fetch_add(ONE_RETURNED + 1, Ordering::AcqRel);
    }

    /// Counts in.
    #[inline]
    pub(crate) fn add(&self, entry: CountsDelta) -> CountsBefore {
        // Ordering: AcqRel, pairs with `close` and `watch`: see the module's documentation.
        CountsBefore(self.counts.fetch_add(entry.0, Ordering::AcqRel))
    }

    /// Counts out.
    #[inline]
    pub(crate) fn sub(&self, entry: CountsDelta) -> CountsBefore {
        // Ordering: AcqRel, so that the counts go down before what follows is seen; and pairs with `watch`.
        CountsBefore(self.counts.fetch_sub(entry.0, Ordering::AcqRel))
    }

    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        // Ordering: Acquire, pairs with `watch`: who watches is visible.
        self.counts.load(Ordering::Acquire) & WATCHED != 0
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        // Ordering: Acquire, pairs with `close`.
        self.counts.load(Ordering::Acquire) & CLOSED != 0
    }

    #[inline]
    fn take_permit(&self) -> bool {
        // Ordering: Acquire, pairs with `release_permit`. Relaxed would do for the number; the rest is the socket's own words' business.
        let mut seen = self.permits.load(Ordering::Acquire);
        while seen & FREE != 0 {
            // Ordering: AcqRel on success, as `release_permit`; Acquire on failure, as the first load.
            match self.permits.compare_exchange_weak(seen, seen - 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;
