//! The numbers that bound a registry.

use crate::id::PLACE_BITS;
use crate::storage::slot::{MAX_OFFSET, OFFSET_SHIFT};
use crate::storage::table::BUCKETS_PER_LINE;
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
    /// The number of lines of the first table. Each further table has twice as many.
    pub(crate) first_lines: usize,
    /// How many lines beyond its first an inserter may put a key in the first table.
    pub(crate) first_bound: u32,
    /// The most lines of any table, and half the most slots of any page.
    pub(crate) max_lines: usize,
    /// The most sockets of one key.
    pub(crate) max_per_key: u32,
    /// Whether a registration beyond that number evicts the key's oldest socket.
    pub(crate) evicts_oldest: bool,
}

impl Geometry {
    /// Returns the sizes of shards that grow on demand.
    pub(crate) fn growing(shards: usize, max_per_key: u32) -> Self {
        Self {
            shard_bits: shards.trailing_zeros(),
            first_lines: if MODELLED { 1 } else { 16 },
            first_bound: GROWING_BOUND,
            max_lines: Self::max_lines(shards),
            max_per_key,
            evicts_oldest: false,
        }
    }

    /// Returns the sizes of shards that together hold `max_sockets` keys without growing, as far as
    /// ids can name that many buckets in one table.
    pub(crate) fn ahead(shards: usize, max_sockets: usize, max_per_key: u32) -> Self {
        let share = max_sockets.div_ceil(shards);
        // A shard can get more than its share by chance.
        let keys = share + 4 * share.isqrt();
        // Two buckets in three are then in use: a compromise between memory and the length of
        // searches.
        let lines = (keys * 3 / 2).div_ceil(BUCKETS_PER_LINE).max(1);
        let max_lines = Self::max_lines(shards);
        Self {
            shard_bits: shards.trailing_zeros(),
            first_lines: lines.min(max_lines),
            first_bound: AHEAD_BOUND,
            max_lines,
            max_per_key,
            evicts_oldest: false,
        }
    }

    /// Returns how many lines ids can name.
    fn max_lines(shards: usize) -> usize {
        let offset_bits = PLACE_BITS - OFFSET_SHIFT - shards.trailing_zeros();
        (1usize << offset_bits).min(MAX_OFFSET as usize + 1) / BUCKETS_PER_LINE
    }
}

/// The bound for a table that was not sized ahead: it grows when a key would have to go further.
/// Short searches are worth more than memory.
pub(crate) const GROWING_BOUND: u32 = if MODELLED { 1 } else { 7 };
/// The bound for a table that was sized ahead: it is used to the last bucket that a search can
/// reach.
const AHEAD_BOUND: u32 = if MODELLED { 1 } else { 31 };

const _: () = assert!(AHEAD_BOUND <= crate::storage::table::home::MAX_BOUND);

#[cfg(test)]
mod tests;
