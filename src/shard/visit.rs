//! A look at a socket by others than its owner.

#![allow(unsafe_code)]

use crate::id::SocketId;
use crate::shard::Shard;
use crate::shard::observer::Observer;
use crate::storage::slot::{LocalId, SlotAddr, Visit};
use crate::topics::Topics;
use crate::util::value_cell::ValueRef;

/// A look at a socket. Ends when dropped.
pub(crate) struct Visitor<'a, K, M, O: Observer<K>> {
    // Before `stay`, hence dropped before that ends.
    metadata: ValueRef<'a, M>,
    stay: Stay<'a, K, M, O>,
}

/// Being in the socket's slot.
struct Stay<'a, K, M, O: Observer<K>> {
    shard: &'a Shard<K, M, O>,
    addr: SlotAddr,
    visit: Visit<'a, M>,
}

impl<'a, K, M, O: Observer<K>> Visitor<'a, K, M, O> {
    /// Looks at the socket of that generation, if it is still there.
    pub(crate) fn new(shard: &'a Shard<K, M, O>, LocalId { addr, generation }: LocalId) -> Option<Self> {
        let visit = shard.slot(addr)?.visit(generation)?;
        // SAFETY: see the order of the fields.
        let metadata = unsafe { visit.metadata() };
        Some(Self { metadata, stay: Stay { shard, addr, visit } })
    }

    pub(crate) fn id(&self) -> SocketId {
        let Stay { shard, addr, visit } = &self.stay;
        shard.id(LocalId { addr: *addr, generation: visit.generation() })
    }

    pub(crate) fn key(&self) -> &K {
        // SAFETY: a visitor is in the slot.
        unsafe { self.stay.shard.key_at(self.stay.addr) }
    }

    pub(crate) fn metadata(&self) -> &M {
        &self.metadata
    }

    /// What is due for the socket; nothing if it was removed meanwhile.
    pub(crate) fn due(&self) -> Topics {
        self.stay.visit.due()
    }
}

impl<K, M, O: Observer<K>> Drop for Stay<'_, K, M, O> {
    fn drop(&mut self) {
        if let Some(last) = self.visit.leave() {
            drop(self.shard.finish_removal(self.addr, last));
        }
    }
}
