//! Revoked keys: no socket is registered under them until the revocation is lifted.
//!
//! Revocations are sockets themselves, in a shard of their own, under the keys that they revoke. So
//! a key is looked up among them as it is among the registry's own, and no thread waits for
//! another.
//!
//! # Why a revocation leaves no gap
//! A revocation joins that shard, steps the key's shard's counts (`ShardTotals::revoke`), then
//! closes the key's sockets. A registration publishes its socket and then steps the same word. If
//! its step comes after the revocation's, it finds the revocation and closes its own socket. If it
//! comes before, the revocation's walk meets the socket, or the one that took over from it.

use crate::error::{CloseReason, RegisterError};
use crate::registry::Registry;
use crate::shard::geometry::{Geometry, MAX_SOCKETS, MAX_SOCKETS_PER_KEY};
use crate::shard::owner::Owner;
use crate::shard::register::RegisterOptions;
use crate::shard::shards::Shards;
use crate::shard::totals::Totals;
use crate::shard::visit::Visitor;
use crate::storage::fingerprint::Fingerprint;
use crate::storage::slot::LocalId;
use crate::sync::Arc;
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;

/// A revoked key, from [`Registry::revoke`]. Dropping the handle lifts the revocation.
///
/// If a key is revoked several times, the last handle that is dropped lifts it. A handle that is
/// forgotten ([`std::mem::forget`]) leaves the key revoked for as long as the registry exists.
#[must_use = "dropping it lifts the revocation"]
pub struct Revocation<K>(Owner<K, CloseReason, ()>);

impl<K> Revocation<K> {
    /// Returns the revoked key.
    #[must_use]
    pub fn key(&self) -> &K {
        self.0.key()
    }

    /// Returns the reason for which the key's sockets were closed.
    #[must_use]
    pub fn reason(&self) -> CloseReason {
        *self.0.metadata()
    }
}

impl<K: fmt::Debug> fmt::Debug for Revocation<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation").field("key", self.key()).field("reason", &self.reason()).finish()
    }
}

/// Holds all revocations of one registry.
pub(super) struct Revocations<K>(Shards<K, CloseReason, ()>);

impl<K> Revocations<K> {
    pub(super) fn new() -> Self {
        let totals = Arc::new(Totals::new(1, MAX_SOCKETS));
        let geometry = Geometry::growing(1, MAX_SOCKETS_PER_KEY as u32);
        Self(Shards::new(1, geometry, &totals, || ()))
    }

    /// Returns the reason of a revocation of the key, if there is one.
    fn find(&self, fingerprint: &Fingerprint) -> Option<CloseReason> {
        let mut reason = None;
        let shard = self.0.of(fingerprint);
        let found = shard.find(fingerprint)?;
        // No takeover ever replaces a revocation, so a plain walk finds all.
        shard.walk_key(&found, |addr, _, seen| {
            let visitor = Visitor::new(shard, LocalId::seen_at(addr, seen));
            reason = reason.or(visitor.map(|visitor| *visitor.metadata()));
        });
        reason
    }
}

impl<K, M> Registry<K, M> {
    /// Returns the reason of a revocation of the key, if it is revoked.
    #[cold]
    pub(super) fn revocation(&self, fingerprint: &Fingerprint) -> Option<CloseReason> {
        self.inner.revocations.find(fingerprint)
    }

    /// Returns whether `key` is revoked. Lock-free, never allocates.
    #[must_use]
    pub fn is_revoked<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.revocation(&self.locate(key).1).is_some()
    }
}

impl<K: Eq + Hash + Send + Sync + 'static, M> Registry<K, M> {
    /// Revokes `key`: closes every socket of it for this `reason`, as
    /// [`disconnect`](Self::disconnect) does, and refuses its registrations until the result is
    /// dropped.
    ///
    /// A registration that begins after this call has returned, and while the key is revoked, gets
    /// [`RegisterError::Revoked`]. A registration that races with the call is refused, or its
    /// socket is closed. So no socket escapes, as one may that registers during a
    /// [`disconnect`](Self::disconnect). The closed sockets stay registered until their owners drop
    /// them.
    ///
    /// Lock-free. The call allocates if there are more revocations than ever before. It runs the
    /// wakers of the waiting tasks. If a waker panics, the first panic is propagated after all
    /// sockets are closed, and the key is not revoked.
    ///
    /// Before a shard's first revocation a registration pays one load for this; after that, it
    /// looks its key up among the revoked ones, twice.
    ///
    /// # Errors
    /// Returns [`RegisterError::OutOfMemory`] if the system gives no memory for one more
    /// revocation, and [`RegisterError::IndistinctHash`] as a registration does. Then nothing has
    /// changed.
    ///
    /// ```
    /// use socket_registry::{CloseReason, Closed, RegisterError, Registry};
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let socket = registry.register(42)?;
    ///
    /// let revocation = registry.revoke(42, CloseReason::LOGGED_OUT)?;
    /// assert_eq!(socket.close_reason(), Some(Closed::Disconnected(CloseReason::LOGGED_OUT)));
    /// assert_eq!(registry.register(42).unwrap_err(), RegisterError::Revoked);
    ///
    /// drop(revocation);
    /// assert!(registry.register(42).is_ok());
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn revoke(&self, key: K, reason: CloseReason) -> Result<Revocation<K>, RegisterError> {
        let (shard, fingerprint) = self.locate(&key);
        let Revocations(revocations) = &self.inner.revocations;
        let revocation = revocations.register(&fingerprint, key, reason, RegisterOptions::default(), || None)?;
        let revocation = Revocation(revocation);
        shard.own_totals.revoke();
        self.disconnect(revocation.key(), reason);
        Ok(revocation)
    }
}
