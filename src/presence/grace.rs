//! A grace period for presence events, on the caller's clock: a page that reloads has not gone.
//!
//! The timers are a queue, oldest first, since all wait for the same period. A timer counts only if the offline event that it was set for is still the one
//! that is held for its key, which the event's sequence says: so what is cancelled is taken from the map alone, and its timer means nothing from then
//! on. Such timers are swept out before they are more than those that count.

use crate::presence::{PresenceEvent, Sequence};
use ahash::RandomState;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Holds each [`Offline`](PresenceEvent::Offline) back for a period, and drops it, with the [`Online`](PresenceEvent::Online) that ends
/// it, if the key comes back within the period.
///
/// It has no clock and no timer: who calls says what time it is. Push what the subscription gives; then poll until there is nothing
/// more; then wait for the next event or for [`next_at`](Self::next_at), whichever is first.
///
/// - What is told of a key is told in the order of its events. An online event that ends no absence is passed on at once.
/// - A key that comes back at the end of the period or later has been away, even if nobody polled in between.
/// - At most one offline event is held for each key, and no more than a [limit](Self::with_limit) in all: beyond it the oldest is told early.
/// - An online event whose sequence is not above that of the offline event that is held for its key is older than that absence. It is passed on, and ends
///   nothing. An offline event whose sequence is not above is dropped; one whose sequence is above takes the held one's place, and the period begins anew.
/// - [`Lagged`](PresenceEvent::Lagged) is passed on immediately and changes nothing: the events go
///   on from where they were.
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
/// // The page is loaded again: nobody hears of it.
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
    /// The sequence of the offline event that is held for a key.
    held: HashMap<K, Sequence, RandomState>,
    timers: VecDeque<Timer<K>>,
    /// What may be told, in order.
    ready: VecDeque<PresenceEvent<K>>,
    /// The latest time that was heard of.
    latest: Option<Instant>,
}

/// Says when the offline event of that sequence may be told, if it is still held. The first of the queue always is.
struct Timer<K> {
    since: Instant,
    key: K,
    sequence: Sequence,
}

impl<K: Eq + Hash + Clone> Grace<K> {
    /// How many offline events are held unless [`with_limit`](Self::with_limit) says otherwise: 65,536.
    pub const DEFAULT_LIMIT: usize = 1 << 16;

    /// Holds offline events back for `period`. With a period of zero nothing is held longer than until the next poll.
    #[must_use]
    pub fn new(period: Duration) -> Self {
        Self {
            period,
            limit: Self::DEFAULT_LIMIT,
            held: HashMap::default(),
            timers: VecDeque::new(),
            ready: VecDeque::new(),
            latest: None,
        }
    }

    /// How many offline events are held at most. One more, and the oldest is told early: memory is bounded when everybody leaves at once.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self.tell_beyond_limit();
        self
    }

    /// Takes an event from the subscription. A `now` that is earlier than one before counts as that one.
    pub fn push(&mut self, event: PresenceEvent<K>, now: Instant) {
        let now = self.tell_expired(now);
        match &event {
            PresenceEvent::Online { key, sequence } if self.held.get(key).is_some_and(|held| held < sequence) => {
                self.held.remove(key);
                self.sweep();
            }
            PresenceEvent::Offline { key, sequence } if self.held.get(key).is_some_and(|held| held >= sequence) => {}
            PresenceEvent::Offline { key, sequence } => {
                self.held.insert(key.clone(), *sequence);
                self.timers.push_back(Timer { since: now, key: key.clone(), sequence: *sequence });
                self.sweep();
                self.tell_beyond_limit();
            }
            PresenceEvent::Online { .. } | PresenceEvent::Lagged => self.ready.push_back(event),
        }
    }

    /// The next event that may be told by `now`.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> Option<PresenceEvent<K>> {
        self.tell_expired(now);
        self.ready.pop_front()
    }

    /// When [`poll`](Self::poll) will have something; a time that is over if it has something already. `None`: not before the next
    /// [`push`](Self::push).
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        if self.ready.is_empty() { self.timers.front()?.since.checked_add(self.period) } else { self.latest }
    }

    /// Makes what is due by `now` ready; returns the time that `now` counts as.
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
        if let Some(Timer { key, sequence, .. }) = self.timers.pop_front() {
            self.held.remove(&key);
            self.ready.push_back(PresenceEvent::Offline { key, sequence });
            self.sweep();
        }
    }

    /// Drops timers that mean nothing any more: those in front, and all of them if they are more than the others.
    fn sweep(&mut self) {
        let Self { held, timers, .. } = self;
        let counts = |timer: &Timer<K>| held.get(&timer.key) == Some(&timer.sequence);
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
