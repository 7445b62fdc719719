//! Subscriptions: presence events, the counts, and the wait for the last socket, concurrent with
//! what they tell of.

use super::{Guarded, Key, block_on, check, key, registry};
use crate::shard::owner::Owner;
use crate::shard::register::RegisterOptions;
use crate::storage::table::epoch::{ActivityEpoch, EpochClock};
use crate::watch::Watchers;
use crate::watch::queue::ChangeQueue;
use crate::{Presence, PresenceEvent, Registry, Sequence};
use loom::sync::Arc;
use loom::sync::atomic::AtomicBool;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use loom::thread;

/// Shares nothing that the model checker watches: the clone is watched by itself.
impl Clone for Key {
    fn clone(&self) -> Self {
        self.1.look();
        key(self.0)
    }
}

/// What a watcher has made of the events so far, and that they alternate and rise.
#[derive(Default)]
struct Mirror {
    online: bool,
    sequence: Option<Sequence>,
    events: usize,
    lags: usize,
}

impl Mirror {
    fn hear(&mut self, event: PresenceEvent<Key>) {
        let (online, key, sequence) = match event {
            PresenceEvent::Online { key, sequence } => (true, key, sequence),
            PresenceEvent::Offline { key, sequence } => (false, key, sequence),
            PresenceEvent::Lagged => {
                self.lags += 1;
                return;
            }
        };
        key.1.look();
        assert_ne!(self.online, online, "events of a key alternate");
        assert!(self.sequence < Some(sequence), "sequences rise");
        (self.online, self.sequence) = (online, Some(sequence));
        self.events += 1;
    }

    /// Until there is nothing more.
    fn hear_all(&mut self, presence: &mut Presence<Key, Guarded>) {
        while let Some(event) = presence.try_next() {
            self.hear(event);
        }
    }
}

fn heard(registry: &Registry<Key, Guarded>, presence: &mut Presence<Key, Guarded>) -> Mirror {
    let mut mirror = Mirror::default();
    mirror.hear_all(presence);
    assert_eq!(mirror.online, registry.is_active(&1), "the last event is the truth");
    mirror
}

/// A subscription begins while a key comes: it is told, or finds the key, and not both.
#[test]
fn subscribe_beside_register() {
    check(|| {
        let registry = registry();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)).unwrap())
        };
        let mut presence = registry.presence();
        let mut mirror = Mirror::default();
        mirror.hear_all(&mut presence);
        let _socket = other.join().unwrap();
        mirror.hear_all(&mut presence);
        assert_eq!((mirror.online, mirror.events, mirror.lags), (true, 1, 0));
    });
}

/// The same where there was a subscription before, so that the flag is there: it is found out all
/// the same.
#[test]
fn subscribe_again_beside_register() {
    check(|| {
        let registry = registry();
        registry.totals().watch();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)).unwrap())
        };
        let mut presence = registry.presence();
        let mut mirror = Mirror::default();
        mirror.hear_all(&mut presence);
        let _socket = other.join().unwrap();
        mirror.hear_all(&mut presence);
        assert_eq!((mirror.online, mirror.events), (true, 1));
    });
}

/// A subscription begins while a key goes: no ghost stays.
#[test]
fn subscribe_beside_last_leaves() {
    check(|| {
        let registry = registry();
        let socket = registry.register(key(1)).unwrap();
        let other = thread::spawn(move || drop(socket));
        let mut presence = registry.presence();
        let mut mirror = Mirror::default();
        mirror.hear_all(&mut presence);
        other.join().unwrap();
        mirror.hear_all(&mut presence);
        assert!(!mirror.online);
        assert!(mirror.events == 0 || mirror.events == 2);
        // The bucket is like new for who comes next.
        let socket = registry.register(key(1)).unwrap();
        mirror.hear_all(&mut presence);
        assert!(mirror.online);
        drop(socket);
        mirror.hear_all(&mut presence);
        assert!(!mirror.online);
    });
}

/// The last socket leaves and a new first one joins concurrent with the beginning of a
/// subscription: an epoch is not taken for the one after it.
#[test]
fn subscribe_beside_last_leaves_first_joins() {
    check(|| {
        let registry = registry();
        let socket = registry.register(key(1)).unwrap();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || {
                drop(socket);
                registry.register(key(1)).unwrap()
            })
        };
        let mut presence = registry.presence();
        let mut mirror = Mirror::default();
        mirror.hear_all(&mut presence);
        let _socket = other.join().unwrap();
        mirror.hear_all(&mut presence);
        assert!(mirror.online);
        assert!(mirror.events == 1 || mirror.events == 3);
    });
}

/// An epoch gets a number while it ends and the next one begins: the next one's is greater.
#[test]
fn number_beside_end_and_next() {
    check(|| {
        let state = Arc::new((
            EpochClock::default(),
            [ActivityEpoch::default(), ActivityEpoch::default()],
            AtomicBool::new(true),
        ));
        let visitor = {
            let state = state.clone();
            thread::spawn(move || state.1[0].number(&state.0, || state.2.load(Acquire)))
        };
        let leaver = {
            let state = state.clone();
            thread::spawn(move || {
                state.2.store(false, Release);
                state.1[0].end()
            })
        };
        let (clock, [_, next], is_active) = &*state;
        let later = (!is_active.load(Acquire)).then(|| next.number(clock, || true)).flatten();
        let (told, ended) = (visitor.join().unwrap(), leaver.join().unwrap());
        assert!(told.is_none() || told == ended, "the thread that ended the epoch missed that it was told of");
        assert!(told.is_none() || later.is_none() || told < later);
    });
}

/// The last socket leaves while a new first one joins: nothing, or offline and online.
#[test]
fn last_leaves_first_joins() {
    check(|| {
        let registry = registry();
        let mut presence = registry.presence_with_capacity(8);
        let first = registry.register(key(1)).unwrap();
        let mut mirror = heard(&registry, &mut presence);
        assert_eq!(mirror.events, 1);
        let leaver = thread::spawn(move || drop(first));
        let second = registry.register(key(1)).unwrap();
        mirror.hear_all(&mut presence);
        leaver.join().unwrap();
        mirror.hear_all(&mut presence);
        assert!(mirror.online);
        assert!(mirror.events == 1 || mirror.events == 3);
        drop(second);
        mirror.hear_all(&mut presence);
        assert!(!mirror.online && mirror.lags == 0);
    });
}

/// The socket that began an epoch is superseded, and the new one leaves, before it tells of the
/// epoch: that is not taken for a later one than the next.
#[test]
fn superseded_beside_last_leaves_first_joins() {
    check(|| {
        let registry = registry();
        let mut presence = registry.presence_with_capacity(8);
        let (shard, fingerprint) = registry.locate(&1u8);
        let published = shard.publish(&fingerprint, key(1), Guarded::default(), RegisterOptions::default()).unwrap();
        let first = Owner::new(published.hold, published.head);
        let new = registry.register_taking_over(key(1), Guarded::default()).unwrap();
        let leaver = thread::spawn(move || drop(new));
        let next = registry.register(key(1)).unwrap();
        first.notify_active();
        leaver.join().unwrap();
        assert!(heard(&registry, &mut presence).online);
        drop(next);
    });
}

type First = Owner<Key, Guarded, Arc<Watchers<Key>>>;

/// A key whose first registration has come as far as to tell of it, which it does on a thread of
/// its own.
fn registered_and_telling(registry: &Registry<Key, Guarded>) -> thread::JoinHandle<First> {
    let (shard, fingerprint) = registry.locate(&1u8);
    let published = shard.publish(&fingerprint, key(1), Guarded::default(), RegisterOptions::default()).unwrap();
    let first = Owner::new(published.hold, published.head);
    thread::spawn(move || {
        first.notify_active();
        first
    })
}

/// The first socket of a key is superseded, and the one that took over leaves, while the first
/// one's registration still tells of the key: no key is shown as active that has no socket.
#[test]
fn register_beside_takeover_that_leaves() {
    check(|| {
        let registry = registry();
        let mut presence = registry.presence_with_capacity(8);
        let mut mirror = heard(&registry, &mut presence);
        let other = registered_and_telling(&registry);
        drop(registry.register_taking_over(key(1), Guarded::default()).unwrap());
        let first = other.join().unwrap();
        mirror.hear_all(&mut presence);
        assert_eq!((mirror.online, mirror.lags), (false, 0));
        drop(first);
        mirror.hear_all(&mut presence);
        assert!(!mirror.online);
    });
}

/// Of two registrations either may be stopped anywhere: once the other one has returned, the
/// subscription knows.
#[test]
fn register_beside_first() {
    check(|| {
        let registry = registry();
        let mut presence = registry.presence_with_capacity(8);
        // The walk is over, so what is not told is not found.
        let mut mirror = heard(&registry, &mut presence);
        let other = registered_and_telling(&registry);
        let _socket = registry.register(key(1)).unwrap();
        mirror.hear_all(&mut presence);
        assert_eq!((mirror.online, mirror.events), (true, 1));
        let _other = other.join().unwrap();
        mirror.hear_all(&mut presence);
        assert_eq!((mirror.online, mirror.events), (true, 1));
    });
}

/// A subscription is too slow while a key comes: it is told so, and what it finds then is the
/// truth.
#[test]
fn lag_beside_register() {
    check(|| {
        let registry = registry();
        let mut presence = registry.presence_with_capacity(0);
        let mut mirror = Mirror::default();
        mirror.hear_all(&mut presence);
        let other = thread::spawn(move || registry.register(key(1)).unwrap());
        mirror.hear_all(&mut presence);
        let _socket = other.join().unwrap();
        mirror.hear_all(&mut presence);
        assert!(mirror.online && mirror.lags == 1);
    });
}

/// The same while a key goes.
#[test]
fn lag_beside_last_leaves() {
    check(|| {
        let registry = registry();
        let mut presence = registry.presence_with_capacity(1);
        let first = registry.register(key(1)).unwrap();
        let other = thread::spawn(move || drop(first));
        let mut mirror = Mirror::default();
        mirror.hear_all(&mut presence);
        other.join().unwrap();
        mirror.hear_all(&mut presence);
        assert!(!mirror.online);
    });
}

/// Two changes are too many at the same time: the thread that takes the flag sees both.
#[test]
fn lag_of_two() {
    check(|| {
        let state = Arc::new((ChangeQueue::new(0, |&()| ()), [AtomicBool::new(false), AtomicBool::new(false)]));
        let tellers = [0, 1].map(|number| {
            let state = state.clone();
            thread::spawn(move || {
                state.1[number].store(true, Relaxed);
                state.0.push(&(), 2);
            })
        });
        let mut seen = [false; 2];
        let mut look = || {
            if state.0.take_lag() {
                seen = [state.1[0].load(Relaxed), state.1[1].load(Relaxed)];
            }
        };
        look();
        tellers.into_iter().for_each(|teller| teller.join().unwrap());
        look();
        assert_eq!(seen, [true; 2]);
    });
}

/// A task waits for an event concurrent with it.
#[test]
fn next_beside_register() {
    check(|| {
        let registry = registry();
        let mut presence = registry.presence();
        let other = thread::spawn(move || registry.register(key(1)).unwrap());
        let event = block_on(presence.next());
        assert!(matches!(event, PresenceEvent::Online { key: Key(1, _), .. }));
        drop(other.join().unwrap());
        let event = block_on(presence.next());
        assert!(matches!(event, PresenceEvent::Offline { key: Key(1, _), .. }));
    });
}

/// A subscription ends while it is told of something.
#[test]
fn unsubscribe_beside_register() {
    check(|| {
        let registry = registry();
        let presence = registry.presence();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)).unwrap())
        };
        drop(presence);
        let _socket = other.join().unwrap();
        assert!(heard(&registry, &mut registry.presence()).online);
    });
}
