//! Visits of every socket, of the sockets of one key, or of one socket.

use crate::id::SocketId;
use crate::registry::Registry;
use crate::registry::socket::SocketRef;
use crate::shard::hold::KeyHold;
use crate::shard::visit::Visitor;
use crate::storage::slot::LocalId;
use std::borrow::Borrow;
use std::hash::Hash;

impl<K, M> Registry<K, M> {
    /// Calls `f` for each socket, in no particular order: exactly once for each that is live
    /// throughout the walk, and at most once for each that comes or goes meanwhile. No thread
    /// waits for the walk.
    ///
    /// If a socket takes over its key meanwhile, `f` meets the old socket, the new one, or both.
    /// It may meet the new one more than once while that socket's registration is in progress.
    ///
    /// If a socket is dropped while `f` looks at it, it is immediately gone for everyone else,
    /// and its key and metadata are dropped when `f` returns. `f` may use the registry.
    pub fn for_each(&self, mut f: impl FnMut(SocketRef<'_, K, M>)) {
        for shard in self.shards() {
            shard.visit(|addr, _, seen| {
                if let Some(visitor) = Visitor::new(shard, LocalId::seen_at(addr, seen)) {
                    f(SocketRef::new(&visitor));
                }
            });
        }
    }

    /// Calls `f` for each active key, in no particular order: exactly once for each that is
    /// active throughout the walk, perhaps twice for one that becomes active again meanwhile.
    /// Lock-free, never allocates.
    ///
    /// If a key becomes idle while `f` looks at it, it is dropped when `f` returns, at the
    /// earliest. `f` may use the registry.
    ///
    /// ```
    /// use socket_registry::Registry;
    ///
    /// let registry: Registry<String> = Registry::new();
    /// let _sockets = ["bob", "ada", "ada"].map(|name| registry.register(name.to_owned()).unwrap());
    /// let mut names = Vec::new();
    /// registry.for_each_key(|name| names.push(name.clone()));
    /// names.sort();
    /// assert_eq!(names, ["ada", "bob"]);
    /// ```
    pub fn for_each_key(&self, mut f: impl FnMut(&K)) {
        for shard in self.shards() {
            for active in shard.active_keys() {
                if let Some(hold) = KeyHold::new(shard, &active) {
                    f(&hold.key());
                }
            }
        }
    }

    /// Calls `f` for each socket of `key`. This is [`for_each`](Self::for_each) for one key.
    /// Lock-free.
    ///
    /// ```
    /// use socket_registry::Registry;
    ///
    /// let registry: Registry<String, &str> = Registry::new();
    /// let _phone = registry.register_with("ada".to_owned(), "phone")?;
    /// let _laptop = registry.register_with("ada".to_owned(), "laptop")?;
    /// let _other = registry.register_with("bob".to_owned(), "tablet")?;
    /// let mut names = Vec::new();
    /// registry.for_each_of("ada", |socket| names.push(*socket.metadata()));
    /// names.sort();
    /// assert_eq!(names, ["laptop", "phone"]);
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn for_each_of<Q>(&self, key: &Q, mut f: impl FnMut(SocketRef<'_, K, M>))
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, fingerprint) = self.locate(key);
        if let Some(active) = shard.find(&fingerprint) {
            shard.visit_key(&active, |addr, _, seen| {
                let visitor = Visitor::new(shard, LocalId::seen_at(addr, seen));
                visitor.is_some_and(|visitor| {
                    f(SocketRef::new(&visitor));
                    true
                })
            });
        }
    }

    /// Calls `f` with the socket that has this id, and returns its result. Returns `None` if the
    /// socket is gone. This is [`for_each`](Self::for_each) for one socket.
    ///
    /// ```
    /// use socket_registry::Registry;
    ///
    /// let registry: Registry<u64, &str> = Registry::new();
    /// let socket = registry.register_with(42, "phone")?;
    /// assert_eq!(registry.with_socket(socket.id(), |socket| *socket.metadata()), Some("phone"));
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn with_socket<R>(&self, id: SocketId, f: impl FnOnce(SocketRef<'_, K, M>) -> R) -> Option<R> {
        let visitor = self.resolve(id).and_then(|(shard, id)| Visitor::new(shard, id));
        self.note_stale(id, visitor.is_some());
        visitor.map(|visitor| f(SocketRef::new(&visitor)))
    }
}
