//! Visits: access to a socket by threads other than its owner.

#![allow(unsafe_code)]

use crate::id::SocketId;
use crate::shard::Shard;
use crate::shard::observer::Observer;
use crate::storage::slot::{LocalId, SlotAddr, Visit};
use crate::topics::Topics;
use crate::util::value_cell::ValueRef;

/// Gives access to a socket. Dropping it ends the visit.
pub(crate) struct Visitor<'a, K, M, O: Observer<K>> {
    // Declared before `stay`, and therefore dropped before the visit ends.
    metadata: ValueRef<'a, M>,
    stay: Stay<'a, K, M, O>,
}

/// Keeps the slot in place while the visit lasts.
struct Stay<'a, K, M, O: Observer<K>> {
    shard: &'a Shard<K, M, O>,
    addr: SlotAddr,
    visit: Visit<'a, M>,
}

impl<'a, K, M, O: Observer<K>> Visitor<'a, K, M, O> {
    /// Visits the socket of that generation, if it is still there.
    pub(crate) fn new(shard: &'a Shard<K, M, O>, LocalId { addr, generation }: LocalId) -> Option<Self> {
        let visit = shard.slot(addr)?.visit(generation)?;
        // SAFETY: the order of the fields ends this reference before the visit.
        let metadata = unsafe { visit.metadata() };
        Some(Self { metadata, stay: Stay { shard, addr, visit } })
    }

    pub(crate) fn id(&self) -> SocketId {
        let Stay { shard, addr, visit } = &self.stay;
        shard.id(LocalId { addr: *addr, generation: visit.generation() })
    }

    pub(crate) fn key(&self) -> &K {
        // SAFETY: the visit keeps the caller in the slot.
        unsafe { self.stay.shard.key_at(self.stay.addr) }
    }

    pub(crate) fn metadata(&self) -> &M {
        &self.metadata
    }

    /// Returns the socket's due topics; none if the socket was removed meanwhile.
    pub(crate) fn due(&self) -> Topics {
        self.stay.visit.due()
    }
}

impl<K, M, O: Observer<K>> Drop for Stay<'_, K, M, O> {
    fn drop(&mut self) {
        if let Some(last) = self.visit.leave() {
            let bucket = self.shard.bucket_of(self.addr);
            drop(self.shard.finish_removal(bucket, self.addr, last));
        }
    }
}
