//! Presence: which keys become active and idle, as events in the order that matters.
//!
//! A subscription learns of changes from its queue and from a walk through the registry. It walks
//! once when it begins, and once more after each lag. `online` treats both sources alike. They
//! take turns: a round applies all changes that are queued so far, and then walks a piece. So the
//! walk of a subscription that gets changes all the time still comes to its end, and a
//! subscription that walks still applies its changes.
//!
//! # Why a lag leaves no ghost and no gap
//! - *Noticed.* The subscription takes the lag flag. The notifier raised it after the change that
//!   it did not queue, so a walk that begins from here on finds that change.
//! - *Heard.* The subscription takes the queue once more and applies it. So no change that was
//!   queued before the flag was taken is mistaken for one newer than the walk.
//! - *The walk.* A known key that the walk does not meet has gone idle. A walk that is in
//!   progress comes to its end first: if every lag restarted it, it might never end.

pub(crate) mod counts;
pub(crate) mod grace;
pub(crate) mod key;
mod online;
pub(crate) mod scan;

use crate::presence::online::OnlineKeys;
use crate::presence::scan::{KeyScan, PIECE, Scanned};
use crate::registry::Registry;
use crate::storage::table::epoch::online;
use crate::sync::MODELLED;
use crate::util::budget::Budget;
use crate::watch::queue::{Change, ChangeQueue};
use crate::watch::{Watch, Watcher};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The default number of changes that a subscription buffers.
const CAPACITY: u32 = if MODELLED { 2 } else { 1024 };

/// An event that a [`Presence`] subscription yields.
///
/// Two pairs of words describe two things. In the registry a key *is* active or idle, at this
/// moment. An event *tells a subscriber* that the key came online or went offline. The event
/// comes later than the change, and [`Grace`](crate::Grace) may hold it back while the key is
/// idle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresenceEvent<K> {
    /// The key has become active, or was active when the subscription began.
    Online {
        /// The key.
        key: K,
        /// Orders this event among those of the key.
        sequence: Sequence,
    },
    /// The key has become idle.
    Offline {
        /// The key.
        key: K,
        /// Orders this event among those of the key.
        sequence: Sequence,
    },
    /// The subscription fell too far behind: some changes are left out. The events yielded so far
    /// remain valid, and the events that follow continue from them. Each key that has changed
    /// gets the event that is missing by the time that [`Presence::is_caught_up`] returns true.
    Lagged,
}

/// A subscription to which keys become active and idle, from [`Registry::presence`].
///
/// # What it yields
/// First an [`Online`](PresenceEvent::Online) for each key that is active, then one event for
/// each time that a key becomes active or idle. The initial scan and the live stream overlap: the
/// subscription removes duplicates, misses no active key, and leaves no idle key online. It may
/// omit a key that became active and idle again before the scan reached it.
///
/// For each key, `Online` and `Offline` alternate, and their sequences rise. All subscriptions of
/// the registry get the same sequences, so they show which of two events of a key is the later
/// one. If the last socket of a key leaves while another one joins, the subscription yields
/// either no event, or `Offline` and then `Online`. Events of different keys are in no particular
/// order.
///
/// # Memory
/// A subscription buffers at most `capacity` changes, see [`Registry::presence_with_capacity`].
/// If it falls further behind, its next event is [`Lagged`](PresenceEvent::Lagged). It then scans
/// the registry once more, and yields what differs from the events before. It also keeps a clone
/// of each key that it has yielded as online, and it keeps the registry's memory alive.
///
/// # Progress
/// A task that registers or drops a socket never waits for a subscription, and a subscription
/// never waits for such a task. The thread that makes a key active or idle clones the key and
/// allocates, once for each subscription. Before a registry's first subscription or watch,
/// registering a socket has no cost for presence, and making a key idle costs one load.
///
/// # Panics
/// If the key's `Clone` panics for a subscription, that subscription gets `Lagged`. If the panic
/// happens while a socket is registered or dropped, that call propagates it after everything is
/// in order; a registration is undone in that case.
pub struct Presence<K, M = ()> {
    registry: Registry<K, M>,
    watcher: Watcher<K>,
    clone: fn(&K) -> K,
    /// The changes taken off the queue, the oldest last.
    changes: Vec<Change<K>>,
    scan: KeyScan,
    /// How many more buckets the walk may look at in this round.
    to_scan: u32,
    is_walking: bool,
    lag: Lag,
    online: OnlineKeys<K>,
    budget: Budget,
}

// The key is never pinned.
impl<K, M> Unpin for Presence<K, M> {}

/// What remains to be done about a lag before the walk that makes up for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lag {
    None,
    /// Apply the changes that were queued before the lag was noticed.
    Noticed,
    /// Begin the walk, once those are applied and the walk before has ended.
    Heard,
}

/// Orders the events of a key: of two events, the later one has the greater sequence.
///
/// All subscriptions of a registry get the same sequences. Sequences have gaps. Those of
/// different registries, or of different keys, say nothing about one another.
///
/// ```
/// use socket_registry::Sequence;
///
/// let (first, second) = (Sequence::from_u64(2), Sequence::from_u64(3));
/// assert!(first < second);
/// assert_eq!((second.to_u64(), second.to_string()), (3, "3".to_owned()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(u64);

impl Sequence {
    /// Returns the sequence as a number, to store or send. The order of the numbers is that of
    /// the events.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// Returns the sequence that [`to_u64`](Self::to_u64) converted. Any other number is a
    /// sequence as well, for events that you make by hand, to feed [`Grace`](crate::Grace).
    #[must_use]
    pub const fn from_u64(sequence: u64) -> Self {
        Self(sequence)
    }
}

/// Converts as [`Sequence::to_u64`] does.
impl From<Sequence> for u64 {
    fn from(sequence: Sequence) -> Self {
        sequence.to_u64()
    }
}

/// Converts as [`Sequence::from_u64`] does.
impl From<u64> for Sequence {
    fn from(sequence: u64) -> Self {
        Self::from_u64(sequence)
    }
}

/// Writes the number in decimal digits.
impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

enum Step<K> {
    Event(PresenceEvent<K>),
    /// No event yet: the walk has more to look at.
    More,
    Idle,
}

impl<K: Eq + Hash + Clone + Send + Sync + 'static, M> Registry<K, M> {
    /// Subscribes to which keys become active and idle: see [`Presence`].
    ///
    /// Lock-free; allocates.
    ///
    /// # Panics
    /// Panics if a million subscriptions, watches and waits exist at the same time.
    ///
    /// ```
    /// use socket_registry::{PresenceEvent, Registry};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), socket_registry::RegisterError> {
    /// let registry: Registry<&str> = Registry::new();
    /// let laptop = registry.register("ada")?;
    ///
    /// let mut presence = registry.presence();
    /// let PresenceEvent::Online { key: "ada", sequence: first } = presence.next().await else { panic!() };
    ///
    /// let phone = registry.register("ada")?; // one more socket: no event
    /// drop((laptop, phone));
    /// let PresenceEvent::Offline { key: "ada", sequence: second } = presence.next().await else { panic!() };
    /// assert!(second > first);
    /// assert_eq!(presence.try_next(), None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn presence(&self) -> Presence<K, M> {
        self.presence_with_capacity(CAPACITY)
    }

    /// Subscribes as [`presence`](Self::presence) does, with room for `capacity` pending changes
    /// instead of 1,024. With a capacity of 0, every change makes the subscription lag.
    ///
    /// # Panics
    /// The same as [`presence`](Self::presence).
    #[must_use]
    pub fn presence_with_capacity(&self, capacity: u32) -> Presence<K, M> {
        // Half of what the counter holds, so that notifiers that count and then give up cannot
        // wrap it.
        let queue = ChangeQueue::new(capacity.min(u32::MAX / 2), K::clone);
        Presence {
            registry: self.clone(),
            watcher: self.watch(Watch::Presence, Some(queue)),
            clone: K::clone,
            changes: Vec::new(),
            scan: KeyScan::default(),
            to_scan: 0,
            is_walking: true,
            lag: Lag::None,
            online: OnlineKeys::new(K::clone),
            budget: Budget::default(),
        }
    }
}

impl<K: Eq + Hash, M> Presence<K, M> {
    /// Waits for the next event.
    ///
    /// The stream of events never ends. [`Registry::drained`] says when a closed registry has no
    /// more events to come.
    ///
    /// # Cancel safety
    /// Cancel safe. The step that takes an event is the one that returns it.
    #[allow(clippy::should_implement_trait, reason = "a future comes back, as from tokio's streams")]
    pub fn next(&mut self) -> NextEvent<'_, K, M> {
        NextEvent { presence: self }
    }

    /// Takes the next event, or registers the task to be woken when there is one. This is
    /// [`next`](Self::next) for hand-written futures.
    ///
    /// Only the waker of the latest call is woken. Lock-free. A call looks at no more than a few
    /// thousand buckets of the registry. After that, and after 32 events in a row, it wakes the
    /// task and returns pending, so that other tasks have their turn.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<PresenceEvent<K>> {
        ready!(self.budget.poll_ready(cx));
        loop {
            match self.step() {
                Step::Event(event) => return Poll::Ready(event),
                Step::More => {
                    cx.waker().wake_by_ref();
                    break;
                }
                Step::Idle => {}
            }
            if self.watcher.poll_due(cx).is_pending() {
                break;
            }
        }
        self.budget.renew();
        Poll::Pending
    }

    /// Takes the next event, if there is one now. Lock-free. If a walk through the registry is in
    /// progress, the call continues it up to the next event.
    pub fn try_next(&mut self) -> Option<PresenceEvent<K>> {
        loop {
            match self.step() {
                Step::Event(event) => return Some(event),
                Step::More => {}
                Step::Idle => return None,
            }
        }
    }

    /// Returns whether the subscription has yielded all that its walk through the registry found.
    /// It walks when it begins, and again to make up for a [lag](PresenceEvent::Lagged).
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.lag == Lag::None && !self.is_walking && self.online.is_yielded()
    }

    fn step(&mut self) -> Step<K> {
        let guard = PollGuard(self);
        let step = guard.0.advance();
        mem::forget(guard);
        step
    }

    fn queue(&self) -> &ChangeQueue<K> {
        self.watcher.metadata().as_ref().expect("who watches presence has a queue")
    }

    /// Advances by one round: applies all changes that are queued so far, then walks a piece, if
    /// there is a walk. So neither keeps the other waiting.
    fn advance(&mut self) -> Step<K> {
        // Take the flag before the queue and the walk, so that they show the changes that were
        // not queued.
        if self.lag == Lag::None && self.queue().take_lag() {
            self.lag = Lag::Noticed;
            return Step::Event(PresenceEvent::Lagged);
        }
        loop {
            if let Some(event) = self.online.next() {
                return Step::Event(event);
            }
            if let Some(change) = self.changes.pop() {
                self.queue().acknowledge(1);
                self.online.hear(change);
                continue;
            }
            match self.scan.advance(&self.registry, self.clone, &mut self.to_scan) {
                Scanned::Key(key, epoch) => self.online.on_active(key, online(epoch)),
                Scanned::More => {
                    self.begin_round();
                    return Step::More;
                }
                Scanned::Done if self.is_walking => {
                    self.is_walking = false;
                    self.online.end_walk();
                }
                Scanned::Done => {
                    self.begin_round();
                    if self.changes.is_empty() {
                        return if self.is_walking || self.lag != Lag::None { Step::More } else { Step::Idle };
                    }
                }
            }
        }
    }

    fn begin_round(&mut self) {
        match self.lag {
            Lag::Heard if !self.is_walking => {
                self.online.begin_walk();
                (self.scan, self.is_walking, self.lag) = (KeyScan::default(), true, Lag::None);
            }
            Lag::Noticed if !self.is_walking => self.lag = Lag::Heard,
            _ => {}
        }
        let told = self.queue().take();
        self.changes.extend(told);
        self.to_scan = PIECE;
    }
}

/// One step. If user code panics in it, the subscription lags, and the walk after the lag makes
/// up for what was lost.
struct PollGuard<'a, K: Eq + Hash, M>(&'a mut Presence<K, M>);

impl<K: Eq + Hash, M> Drop for PollGuard<'_, K, M> {
    fn drop(&mut self) {
        self.0.queue().lag();
    }
}

impl<K, M> fmt::Debug for Presence<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence").field("online", &self.online.len()).finish_non_exhaustive()
    }
}

/// The future of [`Presence::next`].
#[must_use = "futures do nothing unless polled"]
pub struct NextEvent<'a, K, M = ()> {
    presence: &'a mut Presence<K, M>,
}

impl<K: Eq + Hash, M> Future for NextEvent<'_, K, M> {
    type Output = PresenceEvent<K>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.presence.poll_next(cx)
    }
}

impl<K, M> fmt::Debug for NextEvent<'_, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextEvent").field("presence", &self.presence).finish()
    }
}
