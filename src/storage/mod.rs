//! Where keys and sockets are. No policy: `shard` decides what is done with them.
//!
//! ```text
//! key -> fingerprint -> bucket of a table, in three arrays
//!   hot:   key state | identity | state of the inline slot   (two to a line: what a mark needs)
//!   warm:  key | waker, metadata                             (the life of the first socket)
//!   cold:  refs | takeover order | epoch | free slots | chain  (what few keys need)
//!                                                        |
//! slab, in pages:                                        '-> overflow slot -> overflow slot
//! ```
//! Nothing here moves or is freed before its shard. What is read beside a word counts if the word is
//! unchanged afterwards, or if the compare-and-swap on it succeeds.

pub(crate) mod fingerprint;
pub(crate) mod slab;
pub(crate) mod slot;
pub(crate) mod table;
