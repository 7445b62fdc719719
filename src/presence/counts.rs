//! Waiting for the counts to change, and for the last socket to go.

use crate::registry::Registry;
use crate::watch::{Watch, Watcher};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A watch on a registry's counts, from [`Registry::watch_counts`].
///
/// Changes coalesce: all changes since the last wait count as one. The watch keeps the registry's
/// memory alive.
///
/// A task that registers or drops a socket marks each watch, as it would mark a socket, and never
/// waits for one. Before a registry's first watch or subscription this costs nothing.
pub struct CountsWatch<K, M = ()> {
    registry: Registry<K, M>,
    watcher: Watcher<K>,
}

impl<K, M> Registry<K, M> {
    /// Watches [`key_count`](Self::key_count) and [`socket_count`](Self::socket_count), so that
    /// you need not poll them: see [`CountsWatch`].
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
    /// let registry: Registry<u64> = Registry::new();
    /// let mut counts = registry.watch_counts();
    /// assert_eq!(counts.socket_count(), 0); // read what is already there first
    ///
    /// let sockets = [registry.register(42)?, registry.register(42)?, registry.register(7)?];
    /// counts.changed().await; // one wait for all three
    /// assert_eq!((counts.key_count(), counts.socket_count()), (2, 3));
    /// # drop(sockets);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn watch_counts(&self) -> CountsWatch<K, M> {
        CountsWatch { registry: self.clone(), watcher: self.watch(Watch::Counts, None) }
    }

    /// Waits until no socket is left, and no registration or removal is in flight. Use it for a
    /// shutdown, after [`close`](Self::close). It has no time limit of its own, and needs no
    /// runtime.
    ///
    /// When the wait ends, there was a moment without a socket across all shards. Without a
    /// `close`, or concurrently with one, a registration may follow right after that moment. The
    /// values of the last sockets may not be dropped yet.
    ///
    /// # Cancel safety
    /// Cancel safe. The future holds nothing but a watch.
    ///
    /// # Panics
    /// Panics when polled, as [`watch_counts`](Self::watch_counts) does.
    ///
    /// ```
    /// use socket_registry::Registry;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let registry: Registry<u64> = Registry::new();
    /// let mut socket = registry.register(42).unwrap();
    /// let connection = tokio::spawn(async move {
    ///     while socket.due().await.is_ok() {}
    /// });
    ///
    /// registry.close(); // closes every socket
    /// let drained = tokio::time::timeout(Duration::from_secs(10), registry.drained()).await;
    /// assert!(drained.is_ok());
    /// # connection.await.unwrap();
    /// # }
    /// ```
    pub fn drained(&self) -> Drained<K, M> {
        Drained { registry: self.clone(), counts: None }
    }
}

impl<K, M> CountsWatch<K, M> {
    /// Waits until the counts may have changed since the last wait, or, for the first wait, since
    /// the watch began. Completes immediately if they have. The counts may have their old values
    /// again, if a socket came and went in between.
    ///
    /// Reads after the wait show every change that it woke for.
    ///
    /// # Cancel safety
    /// Cancel safe. The step that consumes a change is the one that ends the wait.
    pub fn changed(&mut self) -> Changed<'_, K, M> {
        Changed { counts: self }
    }

    /// Consumes a change, or registers the task to be woken when there is one. This is
    /// [`changed`](Self::changed) for hand-written futures.
    ///
    /// Only the waker of the latest call is woken. Lock-free. After 32 changes in a row it
    /// returns pending once, as [`Socket::poll_due`](crate::Socket::poll_due) does.
    pub fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.watcher.poll_due(cx).map(drop)
    }

    /// Consumes a change without waiting, and returns whether there was one. Lock-free.
    pub fn take_changed(&mut self) -> bool {
        !self.watcher.take_due().is_empty()
    }

    /// Returns the same as [`Registry::key_count`]. Wait-free.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.registry.totals().keys()
    }

    /// Returns the same as [`Registry::socket_count`]. Wait-free.
    #[must_use]
    pub fn socket_count(&self) -> usize {
        self.registry.totals().sockets()
    }
}

impl<K, M> fmt::Debug for CountsWatch<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountsWatch").field("registry", &self.registry).finish_non_exhaustive()
    }
}

/// The future of [`CountsWatch::changed`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Changed<'a, K, M = ()> {
    counts: &'a mut CountsWatch<K, M>,
}

impl<K, M> Future for Changed<'_, K, M> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.counts.poll_changed(cx)
    }
}

/// The future of [`Registry::drained`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Drained<K, M = ()> {
    registry: Registry<K, M>,
    /// None: the future did not have to wait yet.
    counts: Option<CountsWatch<K, M>>,
}

impl<K, M> Future for Drained<K, M> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { registry, counts } = &mut *self;
        // Check after the watch has begun, and after each change that it woke for.
        while !registry.totals().is_empty() {
            let Some(counts) = counts else {
                *counts = Some(registry.watch_counts());
                continue;
            };
            if counts.poll_changed(cx).is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}
