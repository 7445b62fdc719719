//! Looking at sockets to decide what to do with them: marks of those that a closure chooses, and the sockets of one key.

use crate::registry::Registry;
use crate::socket::{SocketRef, Visitor};
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;
use std::borrow::Borrow;
use std::hash::Hash;

impl<K: Eq + Hash + Send + Sync + 'static, M> Registry<K, M> {
    /// Makes `topics` due for every socket for which `select` says yes, and wakes the tasks that wait. Returns how many live sockets
    /// now have them due.
    ///
    /// `select` is asked once for each socket that is live throughout the call, at most once for each that comes or goes meanwhile, in no particular
    /// order. A socket that is dropped or superseded while `select` looks at it is not marked. `select` may use the registry.
    ///
    /// Lock-free, never allocates. It takes a step or two more for each socket than [`mark_all`](Self::mark_all), since it looks at
    /// values that other tasks own; whoever knows the keys is better off with [`mark_many`](Self::mark_many).
    ///
    /// Should a waker panic, or the drop of a socket that went while `select` looked at it, the first panic is passed on when all sockets are
    /// marked. A panic of `select` ends the call: it is passed on, the sockets chosen before stay marked, and no other is.
    ///
    /// # Memory ordering
    /// As [`mark_topics`](Self::mark_topics); what `select` writes before it says yes is covered as well.
    ///
    /// ```
    /// use socket_registry::{Registry, Topics};
    ///
    /// const ALERTS: Topics = Topics::topic(1);
    ///
    /// let registry: Registry<u64, &str> = Registry::new();
    /// let phone = registry.register_with(42, "phone")?;
    /// let laptop = registry.register_with(42, "laptop")?;
    /// assert_eq!(registry.mark_where(|socket| *socket.metadata() == "phone", ALERTS), 1);
    /// assert_eq!((phone.take_due(), laptop.take_due()), (ALERTS, Topics::EMPTY));
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    pub fn mark_where(&self, mut select: impl FnMut(SocketRef<'_, K, M>) -> bool, topics: Topics) -> usize {
        let (mut marked, mut stopped, mut panics) = (0, false, DeferredPanics::default());
        for shard in self.shards() {
            shard.walk(|spot, word, seen| {
                if stopped {
                    return;
                }
                let Some(visitor) = Visitor::new(shard, spot, seen.generation()) else { return };
                let mut answer = None;
                panics.catch(|| answer = Some(select(visitor.socket())));
                stopped = answer.is_none();
                // The look is over before the mark runs a waker. It may end with the drop of a key, hence caught on its own.
                panics.catch(|| drop(visitor));
                if answer == Some(true) {
                    // Not fenced for all at once, as in `mark_all`: `select` may just have written what the mark is about.
                    marked += usize::from(shard.marked(spot, seen.generation(), word.mark(seen, topics), &mut panics));
                }
            });
        }
        panics.resume();
        marked
    }

    /// Calls `f` for each socket of `key`: [`for_each`](Self::for_each) for one key. Lock-free.
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
        let (shard, print) = self.locate(key);
        if let Some(key) = shard.find(&print) {
            shard.walk_key(&key, |spot, _, seen| {
                if let Some(visitor) = Visitor::new(shard, spot, seen.generation()) {
                    f(visitor.socket());
                }
            });
        }
    }
}
