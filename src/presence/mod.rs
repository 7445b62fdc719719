//! Presence: which keys become active and idle, as events in the order that matters.
//!
//! # From what is told to events
//! A subscription keeps, for each key that it takes for active, by which epoch (`online`). What it is told, and what it finds in the registry, are treated alike:
//! - *Epoch s goes on.* Unless this or a later one is known: if an earlier one is, it has ended, and its end, if not told yet, will come late; then s
//!   begins.
//! - *Epoch s ended.* If it is the one that is known, it ends. If not, its end was found out already, or it never was known: nothing.
//!
//! So for each key the events alternate and their sequences rise, whichever way they came; and since the end of the last epoch is told after all
//! that is told of it, the last event is the truth.

pub(crate) mod counts;
pub(crate) mod grace;
pub(crate) mod scan;

use crate::presence::scan::{KeyScan, Scanned};
use crate::registry::Registry;
use crate::storage::table::epoch::online;
use crate::sync::MODELLED;
use crate::watch::queue::{Change, ChangeQueue};
use crate::watch::{Watch, WatcherSocket};
use ahash::RandomState;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How many changes a subscription keeps unless told otherwise.
const CAPACITY: u32 = if MODELLED { 2 } else { 1024 };

/// What a [`Presence`] subscription yields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresenceEvent<K> {
    /// The key has become active, or was active when the subscription began or began again. With the sequence of this event.
    Online(K, u64),
    /// The key has become idle. With the sequence of this event.
    Offline(K, u64),
    /// Too much has changed since the last look. Forget who is online: what follows begins again, with an `Online` for each active key.
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
/// At most as many changes as the capacity says wait to be taken. Of a subscription that is slower it is only kept that it is: it
/// gets [`Lagged`](PresenceEvent::Lagged) and begins again. Besides, it keeps a clone of each key that it has yielded as online. It keeps the registry's memory, too.
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
    watcher: WatcherSocket<K>,
    clone: fn(&K) -> K,
    /// Changes off the queue, the oldest last.
    changes: Vec<Change<K>>,
    scan: KeyScan,
    /// The keys that were yielded as online, with the sequences.
    online: HashMap<K, u64, RandomState>,
    /// An event that comes right after the last one.
    next: Option<PresenceEvent<K>>,
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
    /// let PresenceEvent::Online("ada", first) = presence.next().await else { panic!() };
    ///
    /// let phone = registry.register("ada")?; // one more socket: no event
    /// drop((laptop, phone));
    /// let PresenceEvent::Offline("ada", second) = presence.next().await else { panic!() };
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
            online: HashMap::with_hasher(hasher()),
            next: None,
        }
    }
}

/// The model checker replays executions: the same seeds each time.
fn hasher() -> RandomState {
    if MODELLED { RandomState::with_seeds(1, 2, 3, 4) } else { RandomState::new() }
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
    /// Only the waker of the latest call is woken. Lock-free. It walks no more than some thousand buckets of the registry at a time, then has itself called again.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<PresenceEvent<K>> {
        loop {
            match self.step() {
                Step::Event(event) => return Poll::Ready(event),
                Step::More => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Step::Idle => {}
            }
            if self.watcher.poll_due(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Takes the next event, if there is one by now. Lock-free. While the registry has not been walked through once, it walks on to the next active key.
    pub fn try_next(&mut self) -> Option<PresenceEvent<K>> {
        loop {
            match self.step() {
                Step::Event(event) => return Some(event),
                Step::More => {}
                Step::Idle => return None,
            }
        }
    }

    /// Whether all keys that were active when the subscription began, or began again, have been yielded.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.scan.is_done(&self.registry) && self.next.is_none()
    }

    fn step(&mut self) -> Step<K> {
        let guard = PollGuard(self);
        let step = guard.0.advance();
        std::mem::forget(guard);
        step
    }

    fn queue(&self) -> &ChangeQueue<K> {
        self.watcher.metadata().as_ref().expect("who watches presence has a queue")
    }

    /// Forgets everything. What was told and is dropped here is seen by the walk that follows.
    fn restart(&mut self) {
        self.scan = KeyScan::default();
        let mut changes = std::mem::take(&mut self.changes);
        changes.extend(self.queue().take());
        self.queue().acknowledge(changes.len() as u32);
        drop((self.next.take(), changes, std::mem::replace(&mut self.online, HashMap::with_hasher(hasher()))));
    }

    /// What was told, and then what is found in the registry. Each is heard before the next one is looked for.
    fn advance(&mut self) -> Step<K> {
        // Before anything else is looked at, so that what is found from here on tells what was missed.
        if self.queue().take_lag() {
            self.restart();
            return Step::Event(PresenceEvent::Lagged);
        }
        if let Some(event) = self.next.take() {
            return Step::Event(event);
        }
        while let Some(Change { key, sequence }) = self.next_change() {
            let event = if sequence % 2 == 0 { self.on_active(key, sequence) } else { self.on_idle(key, sequence) };
            if let Some(event) = event {
                return Step::Event(event);
            }
        }
        match self.scan.advance(&self.registry, self.clone) {
            Scanned::Key(key, epoch) => self.on_active(key, online(epoch)).map_or(Step::More, Step::Event),
            Scanned::More => Step::More,
            Scanned::Done => Step::Idle,
        }
    }

    fn next_change(&mut self) -> Option<Change<K>> {
        if self.changes.is_empty() {
            let told = self.queue().take();
            self.changes.extend(told);
        }
        let change = self.changes.pop()?;
        self.queue().acknowledge(1);
        Some(change)
    }

    fn on_active(&mut self, key: K, sequence: u64) -> Option<PresenceEvent<K>> {
        match self.online.get_mut(&key) {
            None => {
                self.online.insert((self.clone)(&key), sequence);
                Some(PresenceEvent::Online(key, sequence))
            }
            Some(known) if *known < sequence => {
                let before = std::mem::replace(known, sequence);
                self.next = Some(PresenceEvent::Online((self.clone)(&key), sequence));
                Some(PresenceEvent::Offline(key, before + 1))
            }
            Some(_) => None,
        }
    }

    fn on_idle(&mut self, key: K, sequence: u64) -> Option<PresenceEvent<K>> {
        let is_known = self.online.get(&key).is_some_and(|&known| known < sequence);
        is_known.then(|| {
            self.online.remove(&key);
            PresenceEvent::Offline(key, sequence)
        })
    }
}

/// Listening. What is heard when the caller's code panics is lost, so the subscription begins again.
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
