//! What the benchmarks that count instructions share.

use super::peers::Key;
use std::ops::Range;

/// Sockets, and how often a benchmark does its operation: `benches/instructions` divides by it.
pub const OPERATIONS: usize = 10_000;
/// So many more that no shard will have more sockets than its share, and take permits from others.
pub const MAX_SOCKETS: usize = 16_384;

pub fn keys<K: Key>(range: Range<usize>) -> Vec<K> {
    range.map(|n| K::nth(n as u64)).collect()
}
