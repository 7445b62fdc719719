//! What others see of a socket.

#![allow(unsafe_code)]

use crate::id::SocketId;
use crate::shard::Shard;
use crate::storage::slot::{Generation, SlotAddr, Visit};
use crate::topics::Topics;
use crate::util::value_cell::ValueRef;
use std::fmt;

/// Another task's socket, looked at for as long as the registry shows it.
///
/// Its key and metadata stay valid meanwhile, even if the socket is dropped; they are then dropped when the look ends.
pub struct SocketRef<'a, K, M = ()> {
    visitor: &'a Visitor<'a, K, M>,
}

impl<K, M> Clone for SocketRef<'_, K, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, M> Copy for SocketRef<'_, K, M> {}

impl<'a, K, M> SocketRef<'a, K, M> {
    /// The id of the socket.
    #[must_use]
    pub fn id(&self) -> SocketId {
        let Stay { shard, addr, visit } = &self.visitor.stay;
        shard.id(*addr, visit.generation())
    }

    /// The key under which the socket is registered.
    #[must_use]
    pub fn key(&self) -> &'a K {
        // SAFETY: a visitor is in the slot.
        unsafe { self.visitor.stay.shard.key_at(self.visitor.stay.addr) }
    }

    /// The metadata that the socket was registered with.
    #[must_use]
    pub fn metadata(&self) -> &'a M {
        &self.visitor.metadata
    }

    /// What is due for the socket, without taking it; nothing if the socket was dropped meanwhile.
    #[must_use]
    pub fn peek_due(&self) -> Topics {
        self.visitor.stay.visit.due()
    }
}

impl<K: fmt::Debug, M> fmt::Debug for SocketRef<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketRef")
            .field("id", &self.id())
            .field("key", self.key())
            .field("due", &self.peek_due())
            .finish_non_exhaustive()
    }
}

/// A look at a socket. Ends when dropped.
pub(crate) struct Visitor<'a, K, M> {
    // Before `stay`, hence dropped before that ends.
    metadata: ValueRef<'a, M>,
    stay: Stay<'a, K, M>,
}

/// Being in the socket's slot.
struct Stay<'a, K, M> {
    shard: &'a Shard<K, M>,
    addr: SlotAddr,
    visit: Visit<'a, M>,
}

impl<'a, K, M> Visitor<'a, K, M> {
    /// Looks at the socket of that generation, if it is still there.
    pub(crate) fn new(shard: &'a Shard<K, M>, addr: SlotAddr, generation: Generation) -> Option<Self> {
        let visit = shard.slot(addr)?.visit(generation)?;
        // SAFETY: see the order of the fields.
        let metadata = unsafe { visit.metadata() };
        Some(Self { metadata, stay: Stay { shard, addr, visit } })
    }

    pub(crate) fn socket(&self) -> SocketRef<'_, K, M> {
        SocketRef { visitor: self }
    }
}

impl<K, M> Drop for Stay<'_, K, M> {
    fn drop(&mut self) {
        if let Some(last) = self.visit.leave() {
            drop(self.shard.finish_removal(self.addr, last));
        }
    }
}
