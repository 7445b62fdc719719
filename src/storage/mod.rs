//! Stores keys and sockets. This layer holds no policy: `shard` decides what to do with them.
//!
//! ```text
//! key -> fingerprint -> bucket of a table, in three arrays
//!   bucket:  key state | identity | state and waker of the inline slot | small key
//!            (one cache line: what marks, wake-ups and polls need)
//!   values:  key | metadata of the first socket   (none if they fit into the bucket)
//!   cold:    refs | takeover order | epoch | free slots | chain   (what few keys need)
//!                                                         |
//! slab, in pages:                                         '-> overflow slot -> overflow slot
//! ```
//! Nothing here is moved, and nothing is freed before its shard. A value read next to a state word
//! is valid if the word is unchanged afterwards, or if the compare-and-swap on the word succeeds.

pub(crate) mod fingerprint;
pub(crate) mod occupancy;
pub(crate) mod slab;
pub(crate) mod slot;
pub(crate) mod table;
