//! The numbers that bound a registry.

use crate::id::PLACE_BITS;
use crate::storage::slot::INDEX_BITS;
use crate::storage::table::PAIR;
use crate::storage::table::home::MAX_BOUND;
use crate::storage::table::key_state::MAX_LIVE;
use crate::sync::MODELLED;

/// The most shards.
pub(crate) const MAX_SHARDS: usize = 1 << 10;
/// The most sockets: a quarter of what ids can name, so that a shard that gets more than its share
/// still has ids. (The reserve has a limit. With 1,024 shards, four keys of a million sockets each
/// in one shard are more than that shard can name.)
pub(crate) const MAX_SOCKETS: usize = 1 << 26;
/// The most sockets of one key. A registration that notifies the subscribers is counted once more
/// for that time: there is room for 48,575 of these.
pub(crate) const MAX_SOCKETS_PER_KEY: usize = 1_000_000;
const _: () = assert!(MAX_SOCKETS_PER_KEY < MAX_LIVE as usize);

/// The sizes of one shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    /// How many bits of an id name the shard.
    pub(crate) shard_bits: u32,
    /// The first table.
    pub(crate) first: TableSize,
    /// How many inline slots the shard can address, over all tables that it will ever have; and
    /// how many overflow slots.
    pub(crate) addresses: usize,
    /// The most sockets of one key.
    pub(crate) max_per_key: u32,
    /// Whether a registration beyond that number evicts the key's oldest socket.
    pub(crate) evicts_oldest: bool,
}

/// The size of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableSize {
    pub(crate) pairs: usize,
    /// How many pairs beyond its first an inserter may put a key.
    pub(crate) bound: u32,
}

impl Geometry {
    /// Returns the sizes of shards that grow on demand.
    pub(crate) fn growing(shards: usize, max_per_key: u32) -> Self {
        let pairs = if MODELLED { 1 } else { 16 };
        Self::new(shards, TableSize { pairs, bound: GROWING_BOUND }, max_per_key)
    }

    /// Returns the sizes of shards that together hold `max_sockets` keys without growing, as far as
    /// ids can name that many buckets in one table.
    pub(crate) fn ahead(shards: usize, max_sockets: usize, max_per_key: u32) -> Self {
        let share = max_sockets.div_ceil(shards);
        // A shard can get more than its share by chance.
        let keys = share + 4 * share.isqrt();
        // A compromise between memory and the number of keys that find no room in their first pair.
        let buckets = if max_sockets < FEW_SOCKETS { keys * 5 / 2 } else { keys * 3 / 2 };
        let pairs = buckets.div_ceil(PAIR).max(1);
        Self::new(shards, TableSize { pairs, bound: AHEAD_BOUND }, max_per_key)
    }

    fn new(shards: usize, first: TableSize, max_per_key: u32) -> Self {
        let shard_bits = shards.trailing_zeros();
        // One bit of an address says whether it is an overflow slot's.
        let addresses = 1 << INDEX_BITS.min(PLACE_BITS - 1 - shard_bits);
        let geometry = Self { shard_bits, first, addresses, max_per_key, evicts_oldest: false };
        Self { first: geometry.capped(first, 0), ..geometry }
    }

    /// Returns the size of the table that follows a table of the size `last`, which has no room for
    /// a key. `keys` is the number of the shard's active keys, and `used` the number of addresses
    /// that are used up. Returns `None` if no address is left.
    ///
    /// If the keys fill the table, the next one is four times as large: a search passes through few
    /// tables then, and most keys are in the newest, where it begins. Otherwise buckets or homes
    /// are used up, and a table of the same size replaces the last one.
    pub(crate) fn next_table(&self, last: TableSize, keys: usize, used: usize) -> Option<TableSize> {
        let is_full = keys * FULL_SHARE > last.pairs * PAIR;
        let next = if is_full { TableSize { pairs: GROWTH * last.pairs, bound: GROWING_BOUND } } else { last };
        Some(self.capped(next, used)).filter(|next| next.pairs > 0)
    }

    /// Limits a table to a share of the addresses that are left, so that large tables do not use
    /// up the addresses of those that replace them.
    fn capped(&self, size: TableSize, used: usize) -> TableSize {
        let pairs = (self.addresses - used) / ADDRESS_SHARE / PAIR;
        TableSize { pairs: size.pairs.min(pairs), ..size }
    }
}

/// A registry of fewer sockets is in the nearest caches even if its tables are emptier. None under
/// the model checker, so that models stay small.
const FEW_SOCKETS: usize = if MODELLED { 0 } else { 2_048 };
/// How many times larger a table is than the one before, if that is full. Less under the model
/// checker, so that models stay small.
const GROWTH: usize = if MODELLED { 2 } else { 4 };
/// A table counts as full if its shard has an active key for one bucket in so many. It seldom has
/// no room for a key before that, unless buckets are used up. If it happens, one more table of the
/// same size does no harm.
const FULL_SHARE: usize = 4;
/// A table has at most this part of the addresses that are left: one in so many.
const ADDRESS_SHARE: usize = 32;

/// The bound for a table that was not sized ahead: it grows when a key would have to go further.
/// With 15 or 31, registering a million sockets took 1.04 to 1.1 of the time.
pub(crate) const GROWING_BOUND: u32 = if MODELLED { 1 } else { 7 };
/// The bound for a table that was sized ahead, which is not to grow.
const AHEAD_BOUND: u32 = if MODELLED { 1 } else { 31 };

const _: () = assert!(GROWING_BOUND <= MAX_BOUND && AHEAD_BOUND <= MAX_BOUND);

#[cfg(test)]
mod tests;
