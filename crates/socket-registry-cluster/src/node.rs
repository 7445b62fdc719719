//! What the handles of one node and its driver share.

use crate::engine::{Config, Engine, Settled, Time};
use crate::health::Health;
use crate::key::{ClusterKey, MAX_KEY};
use crate::presence::{CAPACITY, PresenceEvent};
use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::Instant;

/// How many bytes of marks may wait for the driver. A caller that adds more carries all of them to
/// the engine itself, which coalesces and bounds them.
const INBOX_BYTES: usize = 64 << 10;

/// One node: its engine, and the marks that callers have left for it.
///
/// Two locks, taken in this order: `state`, then `inbox`. Neither is ever held across an await.
pub(crate) struct Node<K> {
    /// Held while one message is taken in, or one batch is made.
    state: Mutex<State<K>>,
    /// Held while one call adds its marks.
    inbox: Mutex<Inbox>,
    /// Wakes the driver.
    pub(crate) woken: Notify,
    /// Tells those who wait for the engine that it has moved on.
    progress: watch::Sender<Progress>,
    origin: Instant,
}

/// What a node's lock protects.
pub(crate) struct State<K> {
    pub(crate) engine: Engine,
    /// The keys that are active here, as far as the driver has heard. Empty without presence.
    pub(crate) active: HashSet<K>,
    pub(crate) events: broadcast::Sender<PresenceEvent<K>>,
    /// A `mark_all` that the driver has yet to carry out here: its topics, and its time.
    pub(crate) mark_all: Option<(u32, Duration)>,
    /// Keys from the wire that no key writes, and own ones that are too long to travel.
    pub(crate) bad_keys: u64,
}

/// Marks on their way to the engine.
#[derive(Default)]
struct Inbox {
    /// Of each mark the topics, the length of the key, and the key.
    marks: Vec<u8>,
    too_long: u64,
}

/// How far a driver is.
#[derive(Clone, Copy, Default)]
struct Progress {
    /// The handles are gone, or one of them asked for it: the driver says goodbye and ends.
    is_leaving: bool,
    /// The driver is gone, with a goodbye or without.
    is_ended: bool,
}

impl<K> State<K> {
    /// Asks the driver to mark every socket here. If it has not begun with the one before, it does
    /// both in one.
    pub(crate) fn want_mark_all(&mut self, topics: u32, spread: Duration) {
        let (others, longest) = self.mark_all.unwrap_or_default();
        self.mark_all = Some((topics | others, spread.max(longest)));
    }
}

/// Ends the waiting of all who wait for the engine, also if the driver panics or its runtime stops.
pub(crate) struct Running<K: ClusterKey>(Arc<Node<K>>);

impl<K: ClusterKey> Node<K> {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        let origin = Instant::now();
        let state = State {
            engine: Engine::new(config, time_since(origin)),
            active: HashSet::new(),
            events: broadcast::Sender::new(CAPACITY),
            mark_all: None,
            bad_keys: 0,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            inbox: Mutex::default(),
            woken: Notify::new(),
            progress: watch::Sender::default(),
            origin,
        })
    }

    pub(crate) fn now(&self) -> Time {
        time_since(self.origin)
    }

    /// When the time of the engine will be `since_start`, or a minute from now if that is later.
    pub(crate) fn instant(&self, since_start: Duration) -> Instant {
        let minute = Instant::now() + Duration::from_secs(60);
        self.origin.checked_add(since_start).map_or(minute, |instant| instant.min(minute))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the engine, and wakes the driver to do what comes out.
    pub(crate) fn with_engine<T>(&self, call: impl FnOnce(&mut Engine, Time) -> T) -> T {
        let result = call(&mut self.lock().engine, self.now());
        self.woken.notify_one();
        result
    }

    /// Leaves marks for the driver.
    pub(crate) fn mark<'k>(&self, keys: impl IntoIterator<Item = &'k K>, topics: u32) {
        let (had_none, is_full) = {
            let mut inbox = self.lock_inbox();
            let had_none = inbox.marks.is_empty();
            keys.into_iter().for_each(|key| inbox.add(key, topics));
            (had_none, inbox.marks.len() >= INBOX_BYTES)
        };
        if is_full {
            self.take_in(&mut self.lock());
        }
        if had_none {
            self.woken.notify_one();
        }
    }

    /// Gives the engine the marks that callers have left. Returns how many.
    pub(crate) fn take_in(&self, state: &mut State<K>) -> usize {
        let Inbox { marks, too_long } = mem::take(&mut *self.lock_inbox());
        state.bad_keys += too_long;
        let (mut rest, mut count) = (&marks[..], 0);
        while let Some((&[a, b, c, d, length], tail)) = rest.split_first_chunk() {
            let (key, tail) = tail.split_at(usize::from(length));
            state.engine.mark(key, u32::from_le_bytes([a, b, c, d]));
            (rest, count) = (tail, count + 1);
        }
        count
    }

    /// The key as it travels, if it is not too long for that.
    pub(crate) fn bytes_of(&self, key: &K) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        key.write(&mut bytes);
        let fits = bytes.len() <= MAX_KEY;
        self.lock_inbox().too_long += u64::from(!fits);
        fits.then_some(bytes)
    }

    pub(crate) fn health(&self) -> Health {
        Health::new(self.lock().engine.health(self.now()), self.progress.borrow().is_ended)
    }

    /// Waits until the node has joined. Returns false if the driver ends before that.
    pub(crate) async fn joined(&self) -> bool {
        self.wait(|engine| engine.is_joined().then_some(())).await.is_some()
    }

    /// Waits until all serving nodes have heard what was left here before the call. `None` if the
    /// driver ends before that.
    pub(crate) async fn settled(&self) -> Option<Settled> {
        let ticket = {
            let mut state = self.lock();
            self.take_in(&mut state);
            state.engine.flush(self.now());
            state.engine.settle(self.now())
        };
        self.woken.notify_one();
        self.wait(|engine| Some(engine.settled(&ticket)).filter(|settled| *settled != Settled::Pending)).await
    }

    async fn wait<T>(&self, answer: impl Fn(&Engine) -> Option<T>) -> Option<T> {
        let mut progress = self.progress.subscribe();
        loop {
            // Looked at first: what the engine has learnt before the end counts.
            let is_ended = progress.borrow_and_update().is_ended;
            let answer = answer(&self.lock().engine);
            if answer.is_some() || is_ended {
                return answer;
            }
            // The sender is this node's own.
            let _ = progress.changed().await;
        }
    }

    /// Wakes those who wait for the engine.
    pub(crate) fn tell_progress(&self) {
        self.progress.send_modify(|_| ());
    }

    pub(crate) fn begin_to_leave(&self) {
        self.progress.send_modify(|progress| progress.is_leaving = true);
        self.woken.notify_one();
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.progress.borrow().is_leaving
    }

    /// Waits until the driver has ended.
    pub(crate) async fn ended(&self) {
        // The sender is this node's own.
        let _ = self.progress.subscribe().wait_for(|progress| progress.is_ended).await;
    }

    fn lock_inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    fn add<K: ClusterKey>(&mut self, key: &K, topics: u32) {
        let start = self.marks.len();
        self.marks.extend_from_slice(&topics.to_le_bytes());
        self.marks.push(0);
        let length = self.marks.len();
        key.write(&mut self.marks);
        match u8::try_from(self.marks.len() - length) {
            Ok(bytes) => self.marks[length - 1] = bytes,
            Err(_) => {
                self.marks.truncate(start);
                self.too_long += 1;
            }
        }
    }
}

impl<K: ClusterKey> Running<K> {
    pub(crate) fn new(node: Arc<Node<K>>) -> Self {
        Self(node)
    }
}

impl<K: ClusterKey> Drop for Running<K> {
    fn drop(&mut self) {
        self.0.progress.send_modify(|progress| progress.is_ended = true);
    }
}

fn time_since(origin: Instant) -> Time {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time { since_start: origin.elapsed(), wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX) }
}

/// The id of a node in one of its lives: std seeds its hashers from the system's source of
/// randomness.
pub(crate) fn random_id() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::{INBOX_BYTES, Node};
    use crate::engine::Config;

    /// While the driver does not get its turn.
    #[test]
    fn marks_that_nobody_takes_in_are_bounded() {
        let node = Node::<u64>::new(Config::new(1));
        for user in 0..100_000 {
            node.mark([&user], 1);
            assert!(node.lock_inbox().marks.len() < INBOX_BYTES, "{user}");
        }
        let mut state = node.lock();
        node.take_in(&mut state);
        state.engine.flush(node.now());
        let stats = state.engine.stats();
        assert_eq!((stats.marks_sent, stats.overflows), (65_536, 1), "and those beyond are to be repaired");
    }
}
