//! Watching one key: whether it is active, without the changes of all others.

use crate::registry::Registry;
use crate::storage::fingerprint::Fingerprint;
use crate::watch::{Watch, Watcher};
use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A watch on one key, from [`Registry::watch_key`]: whether the key is active.
///
/// Changes coalesce: the watch tells the last state, not each state between. What it tells
/// alternates, and the last state is always told. To get an event for each time that a key becomes
/// active or idle, and its sequence, subscribe to [`Presence`](crate::Presence).
///
/// Only the threads that make this key active or idle mark the watch, and they never wait for it.
/// For other keys it costs one failed lookup each time that one becomes active or idle. Dropping
/// the watch frees all that it holds. It keeps the registry's memory alive.
pub struct KeyWatch<K, M = ()> {
    registry: Registry<K, M>,
    fingerprint: Fingerprint,
    watcher: Watcher<K>,
    told: bool,
}

impl<K, M> Registry<K, M> {
    /// Watches whether `key` is active: see [`KeyWatch`]. The key need not be active, nor ever have
    /// been.
    ///
    /// Lock-free; allocates if there are more watches than ever before.
    ///
    /// # Panics
    /// Panics if a million subscriptions, watches and waits exist at the same time.
    ///
    /// ```
    /// use socket_registry::Registry;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), socket_registry::RegisterError> {
    /// let registry: Registry<String> = Registry::new();
    /// let mut bob = registry.watch_key("bob");
    /// assert!(!bob.is_active()); // show this first
    ///
    /// let laptop = registry.register("bob".to_owned())?;
    /// let _ann = registry.register("ann".to_owned())?; // another key: no change
    /// assert!(bob.changed().await); // then each change
    ///
    /// drop(laptop);
    /// assert!(!bob.changed().await);
    /// assert_eq!(bob.take_changed(), None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn watch_key<Q>(&self, key: &Q) -> KeyWatch<K, M>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (shard, fingerprint) = self.locate(key);
        let watcher = self.watch(Watch::Key(fingerprint.identity.words()), None);
        // Not before the watcher has joined: every later change marks it.
        let told = shard.find(&fingerprint).is_some();
        KeyWatch { registry: self.clone(), fingerprint, watcher, told }
    }
}

impl<K, M> KeyWatch<K, M> {
    /// Returns the state that the watch told last: by a wait, or, before the first wait, when the
    /// watch began. [`Registry::is_active`] returns the present state.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.told
    }

    /// Waits until the key's state differs from what the watch told last, and returns the new
    /// state: whether the key is active. Completes immediately if the state differs already. If the
    /// key has changed and changed back, that is no difference.
    ///
    /// The wait sees every registration and every drop of a socket that has returned.
    ///
    /// # Cancel safety
    /// Cancel safe. The step that consumes a change is the one that ends the wait.
    pub fn changed(&mut self) -> KeyChanged<'_, K, M> {
        KeyChanged { watch: self }
    }

    /// Consumes a change and returns the new state, or registers the task to be woken when there is
    /// a change. This is [`changed`](Self::changed) for hand-written futures.
    ///
    /// Only the waker of the latest call is woken. Lock-free. After 32 changes in a row it returns
    /// pending once, as [`Socket::poll_due`](crate::Socket::poll_due) does.
    pub fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        loop {
            // A watcher is never closed.
            let _due = ready!(self.watcher.poll_due(cx));
            if let Some(now) = self.compare() {
                return Poll::Ready(now);
            }
        }
    }

    /// Consumes a change without waiting, and returns the new state if there was one. Lock-free.
    pub fn take_changed(&mut self) -> Option<bool> {
        if self.watcher.take_due().is_empty() { None } else { self.compare() }
    }

    /// Returns the present state if it differs from what was told. Precondition: the caller has
    /// taken the watcher's mark; every change that comes after that take marks it again.
    fn compare(&mut self) -> Option<bool> {
        let now = self.registry.shard_for(&self.fingerprint).find(&self.fingerprint).is_some();
        (now != std::mem::replace(&mut self.told, now)).then_some(now)
    }
}

impl<K, M> fmt::Debug for KeyWatch<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWatch").field("is_active", &self.told).finish_non_exhaustive()
    }
}

/// The future of [`KeyWatch::changed`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct KeyChanged<'a, K, M = ()> {
    watch: &'a mut KeyWatch<K, M>,
}

impl<K, M> Future for KeyChanged<'_, K, M> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        self.watch.poll_changed(cx)
    }
}
