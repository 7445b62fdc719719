//! Presence: which keys become active and idle, as events in the order that matters.
//!
//! A subscription is told of changes, and walks through the registry, once when it begins and once
//! more after each lag. Both are treated alike (`online`). They take turns: a round of what was
//! told until then, and a piece of the walk; so a subscription that is told more all the time comes
//! to the end of its walk, and one that walks hears what it is told.
//!
//! # Why a lag leaves no ghost and no gap
//! - *Noticed.* The flag is taken. Who raised it did so after the change that was not told; so a
//!   walk that begins from here on finds it.
//! - *Heard.* The queue is taken once more, and heard: nothing that was told before the flag was
//!   taken is taken for newer than the walk.
//! - *The walk.* A key that is known and not met has gone. A walk that is under way comes to its end
//!   first; one that were begun anew each time might never end.

pub(crate) mod counts;
pub(crate) mod grace;
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

/// How many changes a subscription keeps unless told otherwise.
const CAPACITY: u32 = if MODELLED { 2 } else { 1024 };

/// What a [`Presence`] subscription yields.
///
/// Two pairs of words, for two things: in the registry a key *is* active or idle, at this moment;
/// a subscriber *has been told* that it came online or went offline, later than that, and
/// [`Grace`](crate::Grace) may hold that back while the key is idle.
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
    /// Too much changed between two looks: some comings and goings are left out. What was yielded
    /// stays as it is, and what follows goes on from there: each key that has changed gets the
    /// event that is missing, by the time that [`Presence::is_caught_up`].
    Lagged,
}

/// A subscription to which keys become active and idle, from [`Registry::presence`].
///
/// # What it yields
/// First an [`Online`](PresenceEvent::Online) for each key that is active, then one event for each time that a key becomes active or
/// idle. The two parts overlap, and are joined without a ghost or a gap; what came and went again before the first part reached it may be left out.
///
/// For each key `Online` and `Offline` alternate, and their sequences rise. Every subscription of the registry gets the same sequences, so of two
/// events of a key the later one can be told. When the last socket of a key leaves while another one joins, that is either no event, or
/// `Offline` and then `Online`. Events of different keys are in no particular order.
///
/// # Memory
/// At most as many changes as the capacity says wait to be taken. Of a subscription that is slower
/// it is only kept that it is: it gets [`Lagged`](PresenceEvent::Lagged), walks through the
/// registry once more, and yields what differs from what it has yielded before. Besides, it keeps a
/// clone of each key that it has yielded as online. It keeps the registry's memory, too.
///
/// # Progress
/// Who registers or drops a socket never waits for a subscription, nor the other way round. Telling takes a clone of the key and an allocation for each
/// subscription, on the thread of who makes a key active or idle. Before a registry's first subscription or watch, registering costs nothing for it, and
/// making a key idle one load.
///
/// # Panics
/// If the key's `Clone` panics for a subscription, that one gets `Lagged`. A panic while a socket is registered or dropped is passed on there when all
/// is in order: a registration is taken back then.
pub struct Presence<K, M = ()> {
    registry: Registry<K, M>,
    watcher: Watcher<K>,
    clone: fn(&K) -> K,
    /// Changes off the queue, the oldest last.
    changes: Vec<Change<K>>,
    scan: KeyScan,
    /// How many buckets the walk may look at in this round.
    to_scan: u32,
    is_walking: bool,
    lag: Lag,
    online: OnlineKeys<K>,
    budget: Budget,
}

/// What remains to be done about a lag before the walk that makes up for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lag {
    None,
    /// Hear what was told before it was noticed.
    Noticed,
    /// Begin the walk, when that is heard, and when the one before has ended.
    Heard,
}

/// Orders the events of a key: of two, the later one has the greater sequence.
///
/// Every subscription of a registry gets the same sequences. They have gaps, and those of different
/// registries, or of different keys, say nothing about one another.
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
    /// The sequence as a number, to be kept or sent: the order of the numbers is that of the events.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The sequence that [`to_u64`](Self::to_u64) gave. Any other number is one, too: for events
    /// that are made by hand, to feed [`Grace`](crate::Grace).
    #[must_use]
    pub const fn from_u64(sequence: u64) -> Self {
        Self(sequence)
    }
}

/// As [`Sequence::to_u64`].
impl From<Sequence> for u64 {
    fn from(sequence: Sequence) -> Self {
        sequence.to_u64()
    }
}

/// As [`Sequence::from_u64`].
impl From<u64> for Sequence {
    fn from(sequence: u64) -> Self {
        Self::from_u64(sequence)
    }
}

/// The number in decimal digits.
impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

enum Step<K> {
    Event(PresenceEvent<K>),
    /// Nothing yet: there is more to walk.
    More,
    Idle,
}

impl<K: Eq + Hash + Clone + Send + Sync + 'static, M> Registry<K, M> {
    /// Subscribes to which keys become active and idle: see [`Presence`].
    ///
    /// Lock-free; allocates.
    ///
    /// # Panics
    /// If a million subscriptions, watches and waits are at work at once.
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

    /// As [`presence`](Self::presence), with room for `capacity` changes that were not taken yet; 1,024 otherwise. With 0 each change makes it
    /// lag.
    ///
    /// # Panics
    /// As [`presence`](Self::presence).
    #[must_use]
    pub fn presence_with_capacity(&self, capacity: u32) -> Presence<K, M> {
        // Half of what the counter holds, so that who counts in vain cannot wrap it.
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
    /// It never ends; [`Registry::drained`] says when a registry that was closed has nothing more to tell.
    ///
    /// # Cancel safety
    /// Cancel safe. An event is taken in the same step that returns it.
    #[allow(clippy::should_implement_trait, reason = "a future comes back, as from tokio's streams")]
    pub fn next(&mut self) -> NextEvent<'_, K, M> {
        NextEvent { presence: self }
    }

    /// Takes the next event, or arranges for the task to be woken when there is one: [`next`](Self::next) for hand-written futures.
    ///
    /// Only the waker of the latest call is woken. Lock-free. It walks no more than some thousand
    /// buckets of the registry at a time; after that, and after 64 events in a row, it wakes the
    /// task and returns pending, so that others have their turn.
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

    /// Takes the next event, if there is one by now. Lock-free. While a walk through the registry
    /// is under way, it walks on to the next event.
    pub fn try_next(&mut self) -> Option<PresenceEvent<K>> {
        loop {
            match self.step() {
                Step::Event(event) => return Some(event),
                Step::More => {}
                Step::Idle => return None,
            }
        }
    }

    /// Whether all that was found out by the walk through the registry, with which a subscription
    /// begins and by which it makes up for a [lag](PresenceEvent::Lagged), has been yielded.
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

    /// A round: all that was told so far, then a piece of the walk, if there is one. So neither
    /// keeps the other waiting.
    fn advance(&mut self) -> Step<K> {
        // Before the queue is taken and the walk begins, so that they show what was not told.
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

/// A step. What is lost when the caller's code panics in it, the walk of a lag makes up for.
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
