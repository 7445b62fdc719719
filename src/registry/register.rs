//! Registrations with options.

use crate::error::RegisterError;
use crate::registry::Registry;
use crate::registry::socket::Socket;
use crate::shard::owner::Owner;
use crate::shard::register::RegisterOptions;
use crate::sync::Arc;
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

impl<K: Eq + Hash + Send + Sync + 'static, M> Registration<'_, K, M> {
    /// Makes `topics` due for the socket from the start: its first wait returns at once.
    ///
    /// For a client that has fetched before its socket was registered: whatever came in between is then fetched again.
    pub fn due(mut self, topics: Topics) -> Self {
        self.options.due |= topics;
        self
    }

    /// The socket will take its key over: see [`Registry::register_taking_over`].
    pub fn taking_over(mut self) -> Self {
        self.options.takes_over = true;
        self
    }

    /// Registers the socket. Lock-free, as [`Registry::register_with`].
    ///
    /// # Errors
    /// As [`Registry::register_with`], and as [`Registry::register_taking_over`] if it takes over.
    pub fn register(self) -> Result<Socket<K, M>, RegisterError> {
        let Self { registry, key, metadata, options } = self;
        registry.register_on(key, metadata, options)
    }
}

impl<K: Eq + Hash + Send + Sync + 'static, M> Registry<K, M> {
    /// Registers a socket under `key`, with the default metadata. See [`register_with`](Self::register_with).
    ///
    /// # Errors
    /// As [`register_with`](Self::register_with).
    pub fn register(&self, key: K) -> Result<Socket<K, M>, RegisterError>
    where
        M: Default,
    {
        self.register_with(key, M::default())
    }

    /// Registers a socket under `key`. Dropping the handle removes it, and no other.
    ///
    /// A mark that comes after this has returned reaches the socket. While a call is under way,
    /// whether or not it will succeed, it may hold a place of the limits, so that another call at
    /// the limit is refused; and while somebody watches [presence](Self::presence), a call by which
    /// the key becomes active, or that comes beside such a one, may hold two places of the key's
    /// limit.
    ///
    /// Lock-free; allocates when a shard grows, which takes nobody else's time.
    ///
    /// # Errors
    /// - [`RegisterError::Full`] and [`RegisterError::KeyFull`] at the limits set by [`Builder`](crate::Builder).
    /// - [`RegisterError::IndistinctHash`] if a key is registered that is not equal but writes the same to a `Hasher`.
    /// - [`RegisterError::Closed`] after [`close`](Self::close).
    ///
    /// Nothing is changed then.
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
        self.register_on(key, metadata, RegisterOptions::default())
    }

    #[inline]
    pub(crate) fn register_on(
        &self,
        key: K,
        metadata: M,
        options: RegisterOptions,
    ) -> Result<Socket<K, M>, RegisterError> {
        let (shard, fingerprint) = self.locate(&key);
        let registered =
            shard.register(&fingerprint, key, metadata, options).inspect_err(|error| shard.counters.refused(error))?;
        shard.counters.registered();
        let mut owner = Owner::new(Arc::clone(shard), registered.addr);
        if options.takes_over {
            owner.take_over();
        }
        if registered.is_watched {
            shard.notify_active(registered.addr);
        }
        // The spare key goes last: should its drop panic, the socket is removed.
        drop(registered);
        Ok(Socket(owner))
    }

    /// A registration whose options are yet to be chosen.
    pub fn registration(&self, key: K, metadata: M) -> Registration<'_, K, M> {
        Registration { registry: self, key, metadata, options: RegisterOptions::default() }
    }

    /// Registers a socket that takes `key` over: it becomes the key's only one.
    ///
    /// Every other socket of the key is *superseded*. Its owner is told [`Closed::Superseded`](crate::Closed::Superseded) and should end its connection; for
    /// everybody else it is gone: it is not counted, found or marked any more, and dropping it frees its place and does nothing else.
    /// What was due for it becomes due for the new socket, so no mark is lost, whenever it comes: before, during or after the call. (If several takeovers
    /// of the key and further registrations race, one of those may get it as well; and a mark that meets the old socket and then the new one,
    /// while the call is under way, may be taken twice by the new one.)
    ///
    /// Of several concurrent takeovers exactly one stays, and the others return sockets that have been superseded already. When all of them have
    /// returned, every socket that was registered before has been told, and what was due for it is due for the one that stays; when one has returned,
    /// every such socket is superseded. The key is active throughout; while the call is under way, it has its old sockets and the new one.
    ///
    /// A log-out ([`disconnect`](Self::disconnect)) or another walk over the key's sockets, or over all, that runs at the same time meets the
    /// old socket or the new one, or both; the new one perhaps more than once. It is not told for what the old one was told: whoever may no longer
    /// register must be refused before [`disconnect`](Self::disconnect) is called, or comes back by a takeover that was under way.
    ///
    /// A superseded socket keeps its place until its owner drops it, and every walk over the key passes it. Should a key ever have more than 8,190
    /// of them at once, everything works on, but what the key has had till then is not used again before the registry is gone.
    ///
    /// Lock-free: takes a step for each socket of the key, and runs the wakers of those that wait. Should one panic, the panic is passed on, and
    /// the new socket is removed, when all are told.
    ///
    /// # Errors
    /// As [`register_with`](Self::register_with), but never [`RegisterError::KeyFull`] for the sockets that it supersedes. It does need a
    /// place of [`Builder::max_sockets`](crate::Builder::max_sockets) of its own; theirs are free when it returns.
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
