//! Registrations, with and without options.

use crate::error::{RegisterError, RejectedRegistration};
use crate::registry::Registry;
use crate::registry::socket::Socket;
use crate::shard::register::RegisterOptions;
use crate::topics::Topics;
use std::fmt;
use std::hash::Hash;

/// A registration that is not made yet, from [`Registry::registration`].
///
/// ```
/// use socket_registry::{Registry, Topics};
///
/// let registry: Registry<u64, &str> = Registry::new();
/// let socket = registry.registration(42, "phone").due(Topics::UPDATE).register()?;
/// assert_eq!(socket.take_due(), Topics::UPDATE);
/// # Ok::<(), socket_registry::RegisterError>(())
/// ```
#[must_use = "nothing is registered before `register` is called"]
pub struct Registration<'a, K, M> {
    registry: &'a Registry<K, M>,
    key: K,
    metadata: M,
    options: RegisterOptions,
}

impl<K, M> Registration<'_, K, M> {
    /// Makes `topics` due for the socket from the start: its first wait completes immediately.
    ///
    /// Use it for a client that fetched its data before its socket was registered. The client
    /// then fetches again, and so gets what changed in between.
    pub fn due(mut self, topics: Topics) -> Self {
        self.options.due |= topics;
        self
    }

    /// Makes the socket take over its key: see [`Registry::register_taking_over`].
    pub fn taking_over(mut self) -> Self {
        self.options.takes_over = true;
        self
    }
}

impl<K: Eq + Hash + Send + Sync + 'static, M> Registration<'_, K, M> {
    /// Registers the socket. Lock-free, as [`Registry::register_with`] is.
    ///
    /// # Errors
    /// The same as [`Registry::register_with`], or as [`Registry::register_taking_over`] if the
    /// socket takes over its key.
    pub fn register(self) -> Result<Socket<K, M>, RegisterError> {
        self.try_register().map_err(RegisterError::from)
    }

    /// Registers the socket as [`register`](Self::register) does. If that fails, the error has
    /// the key and the metadata, so that you can use them again.
    ///
    /// Only this method returns them: the error of all others is [`RegisterError`], which is
    /// `Copy` and small, and whose type does not depend on the key.
    ///
    /// # Errors
    /// [`RejectedRegistration`], with the same reasons as [`register`](Self::register).
    ///
    /// ```
    /// use socket_registry::{RegisterError, Registry};
    ///
    /// let registry: Registry<String, &str> = Registry::builder().max_sockets(1).build()?;
    /// let _phone = registry.register_with("ada".to_owned(), "phone")?;
    ///
    /// let rejected = registry.registration("bob".to_owned(), "laptop").try_register().unwrap_err();
    /// assert_eq!(rejected.into_parts(), (RegisterError::Full, "bob".to_owned(), "laptop"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_register(self) -> Result<Socket<K, M>, RejectedRegistration<K, M>> {
        let Self { registry, key, metadata, options } = self;
        registry.register_on(key, metadata, options)
    }
}

impl<K: Eq + Hash + Send + Sync + 'static, M> Registry<K, M> {
    /// Registers a socket under `key`, with the default metadata. See
    /// [`register_with`](Self::register_with).
    ///
    /// # Errors
    /// The same as [`register_with`](Self::register_with).
    pub fn register(&self, key: K) -> Result<Socket<K, M>, RegisterError>
    where
        M: Default,
    {
        self.register_with(key, M::default())
    }

    /// Registers a socket under `key`. Dropping the handle removes this socket, and no other.
    ///
    /// A mark that begins after this call has returned reaches the socket. A call in progress may
    /// hold a place of the limits, even if it fails in the end, so a concurrent call at the limit
    /// may be refused. While [presence](Self::presence) has subscribers, a call that makes the
    /// key active, or that runs concurrently with such a call, may hold two places of the key's
    /// limit.
    ///
    /// Lock-free. The call allocates when a shard grows; no other thread waits for that.
    ///
    /// # Errors
    /// - [`RegisterError::Full`] and [`RegisterError::KeyFull`] at the limits set by
    ///   [`Builder`](crate::Builder).
    /// - [`RegisterError::IndistinctHash`] if a key is registered that is not equal to `key` but
    ///   writes the same to a `Hasher`.
    /// - [`RegisterError::Closed`] after [`close`](Self::close), and [`RegisterError::Revoked`]
    ///   while `key` is [revoked](Self::revoke).
    /// - [`RegisterError::OutOfMemory`] if a shard must grow and the system gives no memory.
    ///
    /// A call that fails changes nothing.
    ///
    /// ```
    /// use socket_registry::Registry;
    ///
    /// let registry: Registry<String, &str> = Registry::new();
    /// let socket = registry.register_with("ada".to_owned(), "phone")?;
    /// assert_eq!((socket.key().as_str(), *socket.metadata()), ("ada", "phone"));
    /// assert_eq!(registry.mark("ada"), 1);
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn register_with(&self, key: K, metadata: M) -> Result<Socket<K, M>, RegisterError> {
        Ok(self.register_on(key, metadata, RegisterOptions::default())?)
    }

    #[inline]
    pub(crate) fn register_on(
        &self,
        key: K,
        metadata: M,
        options: RegisterOptions,
    ) -> Result<Socket<K, M>, RejectedRegistration<K, M>> {
        let fingerprint = self.fingerprint(&key);
        let revocation = || self.revocation(&fingerprint);
        Ok(Socket(self.inner.shards.register(&fingerprint, key, metadata, options, revocation)?))
    }

    /// Begins a registration whose options you choose before it is made.
    pub fn registration(&self, key: K, metadata: M) -> Registration<'_, K, M> {
        Registration { registry: self, key, metadata, options: RegisterOptions::default() }
    }

    /// Registers a socket that takes over `key`: it becomes the key's only socket.
    ///
    /// The call *supersedes* every other socket of the key. The owner of a superseded socket gets
    /// [`Closed::Superseded`](crate::Closed::Superseded) and should end its connection. For
    /// everyone else the socket is gone: it is no longer counted, found or marked, and dropping
    /// it only frees its slot. What was due for it becomes due for the new socket, so no mark is
    /// lost, whether it comes before, during or after the call. Topics may be delivered twice in
    /// two cases. If several takeovers of the key and other registrations race, one of those may
    /// get the topics as well. And if a mark meets the old socket and then the new one while the
    /// call is in progress, the new one may take it twice.
    ///
    /// Of several concurrent takeovers exactly one wins, and the others return sockets that are
    /// already superseded. When all of them have returned, every socket that was registered
    /// before has been notified, and what was due for it is due for the winner. When one of them
    /// has returned, every such socket is superseded, and its task has been woken. The key is
    /// active throughout. While the call is in progress, the key has its old sockets and the new
    /// one.
    ///
    /// A concurrent log-out ([`disconnect`](Self::disconnect)), or any other walk over the
    /// sockets of the key or of the registry, meets the old socket, the new one, or both; it may
    /// meet the new one more than once. The new socket does not inherit the reason for which the
    /// old one was closed. So to log a client out that must not come back,
    /// [`revoke`](Self::revoke) its key; after a [`disconnect`](Self::disconnect) alone it may
    /// register again.
    ///
    /// A superseded socket keeps its slot until its owner drops it, and every walk over the key
    /// passes the slot. If a key ever has more than 8,190 of them at a time, everything still
    /// works, but the memory that the key has used until then is not reused before the registry
    /// is gone.
    ///
    /// Lock-free. The call takes one step for each socket of the key, and runs the wakers of
    /// those that wait. If a waker panics, the panic is propagated after all owners are notified,
    /// and the new socket is removed.
    ///
    /// # Errors
    /// The same as [`register_with`](Self::register_with), but never [`RegisterError::KeyFull`]
    /// because of the sockets that it supersedes. The new socket needs a place of its own within
    /// [`Builder::max_sockets`](crate::Builder::max_sockets). The places of the superseded
    /// sockets are free when the call returns.
    ///
    /// ```
    /// use socket_registry::{Closed, Registry, Topics};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), socket_registry::RegisterError> {
    /// let registry: Registry<u64> = Registry::new();
    /// let mut old = registry.register(42)?;
    /// registry.mark(&42);
    ///
    /// let new = registry.register_taking_over(42, ())?;
    /// assert_eq!(old.due().await, Err(Closed::Superseded));
    /// assert_eq!(new.take_due(), Topics::UPDATE);
    /// assert_eq!((registry.sockets_of(&42), registry.mark(&42)), (vec![new.id()], 1));
    /// # Ok(()) }
    /// ```
    pub fn register_taking_over(&self, key: K, metadata: M) -> Result<Socket<K, M>, RegisterError> {
        self.registration(key, metadata).taking_over().register()
    }
}

impl<K: fmt::Debug, M> fmt::Debug for Registration<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("key", &self.key)
            .field("due", &self.options.due)
            .field("taking_over", &self.options.takes_over)
            .finish_non_exhaustive()
    }
}
