//! Subscriptions, watches and sockets as streams.

use crate::presence::counts::CountsWatch;
use crate::presence::{Presence, PresenceEvent};
use crate::registry::socket::Socket;
use crate::topics::Topics;
use futures_core::Stream;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Yields what [`Presence::next`] returns. The stream never ends.
///
/// Only the waker of the latest poll is woken. After 32 events in a row the stream is pending
/// once, so that other tasks have their turn. `presence.next()` is [`Presence::next`], which
/// returns the event without an `Option`.
///
/// # Cancel safety
/// A wait for the next item may be dropped at any point: nothing is lost.
///
/// ```
/// use futures_util::StreamExt;
/// use socket_registry::{PresenceEvent, Registry};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), socket_registry::RegisterError> {
/// let registry: Registry<&str> = Registry::new();
/// let ada = registry.register("ada")?;
///
/// let mut came_online = registry.presence().filter_map(async |event| match event {
///     PresenceEvent::Online { key, .. } => Some(key),
///     _ => None,
/// });
/// let mut came_online = std::pin::pin!(came_online);
/// assert_eq!(came_online.next().await, Some("ada"));
/// # Ok(()) }
/// ```
impl<K: Eq + Hash, M> Stream for Presence<K, M> {
    type Item = PresenceEvent<K>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Self::poll_next(&mut self, cx).map(Some)
    }
}

/// The counts of a registry, as a [`CountsWatch`] yields them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Counts {
    /// The same as [`Registry::key_count`](crate::Registry::key_count).
    pub keys: usize,
    /// The same as [`Registry::socket_count`](crate::Registry::socket_count).
    pub sockets: usize,
}

/// Yields the counts each time that they may have changed, as [`CountsWatch::changed`] says. The
/// first item comes with the first change after the watch began, so read the counts before it.
/// Changes coalesce: a slow reader gets the latest counts only. The stream never ends.
///
/// Only the waker of the latest poll is woken. After 32 items in a row the stream is pending
/// once, so that other tasks have their turn.
///
/// # Cancel safety
/// A wait for the next item may be dropped at any point: nothing is lost.
///
/// ```
/// use futures_util::StreamExt;
/// use socket_registry::Registry;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), socket_registry::RegisterError> {
/// let registry: Registry<u64> = Registry::new();
/// let mut counts = registry.watch_counts();
///
/// let sockets = [registry.register(42)?, registry.register(42)?];
/// let latest = counts.next().await.expect("the stream never ends");
/// assert_eq!((latest.keys, latest.sockets), (1, 2));
/// # drop(sockets);
/// # Ok(()) }
/// ```
impl<K, M> Stream for CountsWatch<K, M> {
    type Item = Counts;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Counts>> {
        self.poll_changed(cx).map(|()| Some(Counts { keys: self.key_count(), sockets: self.socket_count() }))
    }
}

/// Yields the topics that [`Socket::due`] takes. The stream ends when the socket is closed;
/// [`Socket::close_reason`] then returns why, and [`Socket::take_due`] what is still due.
///
/// Only the waker of the latest poll is woken. After 32 items in a row the stream is pending
/// once, so that other tasks have their turn. Once it has ended, it stays so.
///
/// # Cancel safety
/// A wait for the next item may be dropped at any point: nothing is lost. But an adapter that
/// holds items, such as `ready_chunks` or `peekable`, takes them from the socket.
///
/// ```
/// use futures_util::StreamExt;
/// use socket_registry::{Closed, Registry, Topics};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), socket_registry::RegisterError> {
/// let registry: Registry<u64> = Registry::new();
/// let mut socket = registry.register(42)?;
/// registry.mark(&42);
///
/// assert_eq!(socket.next().await, Some(Topics::UPDATE));
/// registry.close();
/// assert_eq!(socket.next().await, None);
/// assert_eq!(socket.close_reason(), Some(Closed::Shutdown));
/// # Ok(()) }
/// ```
impl<K, M> Stream for Socket<K, M> {
    type Item = Topics;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Topics>> {
        self.poll_due(cx).map(Result::ok)
    }
}
