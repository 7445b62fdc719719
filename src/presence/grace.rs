//! A grace period for presence events, on the caller's clock: a page that reloads has not gone.
//!
//! All timers run for the same period, so they form a queue, oldest first. A timer is valid only
//! while the offline event that it was set for is still the one held for its key; the timer's
//! number shows this. The event's sequence would not: an event that arrives a second time, after
//! it was cancelled, would make its first timer valid again. So cancelling an event removes it
//! from the map only, and its timer becomes invalid. `sweep` removes invalid timers before they
//! outnumber the valid ones.

use crate::presence::{PresenceEvent, Sequence};
use ahash::RandomState;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Holds each [`Offline`](PresenceEvent::Offline) event back for a period. If the key comes back
/// within the period, drops that event and the [`Online`](PresenceEvent::Online) that ends it.
///
/// `Grace` has no clock and no timer: you pass the current time to each call. Push what the
/// subscription yields. Then poll until there are no more events. Then wait for the next event of
/// the subscription or for [`next_at`](Self::next_at), whichever is first.
///
/// - The events of a key come out in their order. An online event that ends no absence is passed
///   on immediately.
/// - A key that comes back at the end of the period or later has been absent, even without a poll
///   in between.
/// - `Grace` holds at most one offline event for each key, and no more than a
///   [limit](Self::with_limit) in all. Beyond the limit it releases the oldest event early.
/// - An online event is older than the absence if its sequence is not above that of the offline
///   event held for its key. It is passed on, and ends nothing. An offline event whose sequence
///   is not above that of the held one is dropped. One whose sequence is above replaces the held
///   event, and the period starts again.
/// - [`Lagged`](PresenceEvent::Lagged) is passed on immediately and changes nothing: the events
///   continue from where they were.
///
/// ```
/// use socket_registry::{Grace, PresenceEvent, Sequence};
/// use std::time::{Duration, Instant};
///
/// let online = |n| PresenceEvent::Online { key: "ada", sequence: Sequence::from_u64(n) };
/// let offline = |n| PresenceEvent::Offline { key: "ada", sequence: Sequence::from_u64(n) };
///
/// let (start, second) = (Instant::now(), Duration::from_secs(1));
/// let mut grace = Grace::new(10 * second);
/// grace.push(online(1), start);
/// assert_eq!(grace.poll(start), Some(online(1)));
///
/// // The page is loaded again: `Grace` drops both events.
/// grace.push(offline(2), start + 20 * second);
/// grace.push(online(3), start + 21 * second);
/// assert_eq!((grace.poll(start + 21 * second), grace.next_at()), (None, None));
///
/// // The page is closed.
/// grace.push(offline(4), start + 30 * second);
/// assert_eq!(grace.poll(start + 39 * second), None);
/// assert_eq!(grace.next_at(), Some(start + 40 * second));
/// assert_eq!(grace.poll(start + 40 * second), Some(offline(4)));
/// ```
pub struct Grace<K> {
    period: Duration,
    limit: usize,
    /// The offline event held for each key.
    held: HashMap<K, Held, RandomState>,
    timers: VecDeque<Timer<K>>,
    /// How many timers have been set: the number of the next one.
    timers_set: u64,
    /// The events that may be released, in order.
    ready: VecDeque<PresenceEvent<K>>,
    /// The latest time that a caller has passed.
    latest: Option<Instant>,
}

struct Held {
    sequence: Sequence,
    timer: u64,
}

/// Says when the offline event that holds this timer's number may be released. The first timer of
/// the queue is always valid.
struct Timer<K> {
    since: Instant,
    key: K,
    number: u64,
}

impl<K: Eq + Hash + Clone> Grace<K> {
    /// The default limit on held offline events: 65,536. [`with_limit`](Self::with_limit) changes
    /// it.
    pub const DEFAULT_LIMIT: usize = 1 << 16;

    /// Creates a `Grace` that holds offline events back for `period`. With a period of zero, it
    /// holds them only until the next poll.
    #[must_use]
    pub fn new(period: Duration) -> Self {
        Self {
            period,
            limit: Self::DEFAULT_LIMIT,
            held: HashMap::default(),
            timers: VecDeque::new(),
            timers_set: 0,
            ready: VecDeque::new(),
            latest: None,
        }
    }

    /// Limits the number of held offline events. Beyond the limit, `Grace` releases the oldest
    /// one early, so memory stays bounded if all keys go offline at the same time.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self.tell_beyond_limit();
        self
    }

    /// Accepts an event from the subscription. If `now` is earlier than a time passed before, the
    /// call uses that time instead.
    pub fn push(&mut self, event: PresenceEvent<K>, now: Instant) {
        let now = self.tell_expired(now);
        match &event {
            PresenceEvent::Online { key, sequence }
                if self.held.get(key).is_some_and(|held| held.sequence < *sequence) =>
            {
                self.held.remove(key);
                self.sweep();
            }
            PresenceEvent::Offline { key, sequence }
                if self.held.get(key).is_some_and(|held| held.sequence >= *sequence) => {}
            PresenceEvent::Offline { key, sequence } => {
                let number = self.timers_set;
                self.timers_set += 1;
                self.held.insert(key.clone(), Held { sequence: *sequence, timer: number });
                self.timers.push_back(Timer { since: now, key: key.clone(), number });
                self.sweep();
                self.tell_beyond_limit();
            }
            PresenceEvent::Online { .. } | PresenceEvent::Lagged => self.ready.push_back(event),
        }
    }

    /// Returns the next event that may be released by `now`.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> Option<PresenceEvent<K>> {
        self.tell_expired(now);
        self.ready.pop_front()
    }

    /// Returns the time at which [`poll`](Self::poll) will have an event. The time is in the past
    /// if it already has one. Returns `None` if it will have none before the next
    /// [`push`](Self::push).
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        if self.ready.is_empty() { self.timers.front()?.since.checked_add(self.period) } else { self.latest }
    }

    /// Makes the events that are due by `now` ready. Returns the time that `now` counts as.
    fn tell_expired(&mut self, now: Instant) -> Instant {
        let now = self.latest.map_or(now, |latest| latest.max(now));
        self.latest = Some(now);
        while self.timers.front().is_some_and(|timer| now.duration_since(timer.since) >= self.period) {
            self.tell_oldest();
        }
        now
    }

    fn tell_beyond_limit(&mut self) {
        while self.held.len() > self.limit {
            self.tell_oldest();
        }
    }

    fn tell_oldest(&mut self) {
        let oldest = self.timers.pop_front().and_then(|timer| self.held.remove_entry(&timer.key));
        if let Some((key, Held { sequence, .. })) = oldest {
            self.ready.push_back(PresenceEvent::Offline { key, sequence });
            self.sweep();
        }
    }

    /// Removes invalid timers: those at the front, and all of them if they outnumber the valid
    /// ones.
    fn sweep(&mut self) {
        let Self { held, timers, .. } = self;
        let counts = |timer: &Timer<K>| held.get(&timer.key).is_some_and(|held| held.timer == timer.number);
        while timers.front().is_some_and(|timer| !counts(timer)) {
            timers.pop_front();
        }
        if timers.len() > 2 * held.len() {
            timers.retain(counts);
        }
    }
}

impl<K> fmt::Debug for Grace<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grace")
            .field("period", &self.period)
            .field("limit", &self.limit)
            .field("held", &self.held.len())
            .field("ready", &self.ready.len())
            .finish_non_exhaustive()
    }
}
