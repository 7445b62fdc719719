//! The keys that sockets are registered under.

use std::{fmt::Debug, hash::Hash};
use uuid::Uuid;

/// A type of key, with a way to make as many distinct ones as needed.
pub trait Key: Eq + Hash + Clone + Debug + Send + Sync + 'static {
    const NAME: &'static str;

    /// The `n`-th key: distinct for every `n`, and without an order that a hash table could profit
    /// from.
    fn nth(n: u64) -> Self;
}

impl Key for u64 {
    const NAME: &'static str = "u64";

    /// The finaliser of SplitMix64, which is a bijection.
    fn nth(n: u64) -> Self {
        let mut z = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Key for Uuid {
    const NAME: &'static str = "Uuid";

    fn nth(n: u64) -> Self {
        Uuid::from_u64_pair(u64::nth(n), u64::nth(!n))
    }
}

/// A UUID as text: 36 bytes.
impl Key for String {
    const NAME: &'static str = "36-byte String";

    fn nth(n: u64) -> Self {
        Uuid::nth(n).to_string()
    }
}
