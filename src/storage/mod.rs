//! Where keys and sockets are. No policy: what is done with them is for `shard` to say.

pub(crate) mod fingerprint;
pub(crate) mod slab;
pub(crate) mod slot;
pub(crate) mod table;
