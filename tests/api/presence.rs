//! Presence events: exactly one for each time that a key becomes active or idle, in an order that
//! ends with the truth.

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use socket_registry::{Presence, PresenceEvent, Registry, Sequence, Socket};
use testkit::{Over, Wakes, block_on, both};

/// Who is online by the events so far, having checked that those of each key alternate and that
/// their sequences rise.
#[derive(Default)]
struct Mirror<K> {
    online: HashMap<K, Sequence>,
    last: HashMap<K, Sequence>,
    events: usize,
    lags: usize,
}

impl<K: Eq + Hash + Copy + Ord + std::fmt::Debug> Mirror<K> {
    fn new() -> Self {
        Self { online: HashMap::new(), last: HashMap::new(), events: 0, lags: 0 }
    }

    fn hear(&mut self, event: PresenceEvent<K>) {
        match event {
            PresenceEvent::Online { key, sequence } => {
                let last = self.last.insert(key, sequence);
                assert!(last < Some(sequence), "{key:?}: {last:?} {sequence}");
                assert_eq!(self.online.insert(key, sequence), None, "{key:?} is online already");
            }
            PresenceEvent::Offline { key, sequence } => {
                let last = self.last.insert(key, sequence);
                assert!(last < Some(sequence), "{key:?}: {last:?} {sequence}");
                assert!(self.online.remove(&key).is_some(), "{key:?} is offline already");
            }
            PresenceEvent::Lagged => self.lags += 1,
            _ => unreachable!("no other event"),
        }
        self.events += 1;
    }

    fn hear_all<M>(&mut self, presence: &mut Presence<K, M>) {
        while let Some(event) = presence.try_next() {
            self.hear(event);
        }
    }

    fn keys(&self) -> Vec<K> {
        let mut keys: Vec<_> = self.online.keys().copied().collect();
        keys.sort_unstable();
        keys
    }
}

fn heard(presence: &mut Presence<u64>) -> Vec<(char, u64)> {
    let mut events = Vec::new();
    while let Some(event) = presence.try_next() {
        events.push(match event {
            PresenceEvent::Online { key, .. } => ('+', key),
            PresenceEvent::Offline { key, .. } => ('-', key),
            PresenceEvent::Lagged => ('!', 0),
            _ => unreachable!("no other event"),
        });
    }
    events
}

#[test]
fn events_are_for_the_first_socket_of_a_key_and_the_last() {
    let registry = Registry::<u64>::new();
    let mut presence = registry.presence();
    assert_eq!(heard(&mut presence), []);
    assert!(presence.is_caught_up());
    let first = registry.register(1).unwrap();
    let second = registry.register(1).unwrap();
    assert_eq!(heard(&mut presence), [('+', 1)]);
    drop(first);
    assert_eq!(heard(&mut presence), []);
    let other = registry.register(2).unwrap();
    drop(second);
    let again = registry.register(1).unwrap();
    assert_eq!(heard(&mut presence), [('+', 2), ('-', 1), ('+', 1)]);
    drop((other, again));
    assert_eq!(heard(&mut presence), [('-', 2), ('-', 1)]);
}

#[test]
fn a_subscription_begins_with_who_is_online_wherever_that_is() {
    // From a table that is sized, and from several that grew.
    for registry in [Registry::<u64>::builder().max_sockets(5_000).build().unwrap(), Registry::new()] {
        let sockets: Vec<_> = (0..3_000).map(|key| registry.register(key % 1_000).unwrap()).collect();
        let mut presence = registry.presence();
        assert!(!presence.is_caught_up());
        let mut mirror = Mirror::new();
        mirror.hear_all(&mut presence);
        assert!(presence.is_caught_up());
        assert_eq!((mirror.keys(), mirror.events), ((0..1_000).collect(), 1_000));
        drop(sockets);
        mirror.hear_all(&mut presence);
        assert_eq!((mirror.keys(), mirror.events), (vec![], 2_000));
    }
}

#[test]
fn every_subscription_gets_the_same_sequences() {
    let registry = Registry::<u64>::new();
    let mut before = registry.presence();
    let sockets = [registry.register(1).unwrap(), registry.register(2).unwrap()];
    let mut after = registry.presence();
    drop(sockets);
    let events: Vec<_> = std::iter::from_fn(|| before.try_next()).collect();
    assert_eq!(events.len(), 4);
    // The second one found them gone.
    assert_eq!(after.try_next(), None);

    let _socket = registry.register(1).unwrap();
    let mut late = registry.presence();
    let [a, b, c] = [&mut before, &mut after, &mut late].map(|presence| presence.try_next().unwrap());
    assert!(a == b && b == c && matches!(a, PresenceEvent::Online { key: 1, .. }));
}

/// The key is in the old table, then in a newer one: the sequence still rises.
#[test]
fn sequences_rise_through_growth() {
    let registry = Registry::<u64>::builder().shards(1).build().unwrap();
    let (mut presence, mut mirror) = (registry.presence(), Mirror::new());
    let mut others = Vec::new();
    for round in 0..200 {
        let socket = registry.register(u64::MAX).unwrap();
        mirror.hear_all(&mut presence);
        others.extend((0..20).map(|n| registry.register(round * 20 + n).unwrap()));
        drop(socket);
        mirror.hear_all(&mut presence);
        assert!(!mirror.online.contains_key(&u64::MAX));
    }
    assert_eq!((mirror.lags, mirror.events, mirror.online.len()), (0, 4_400, 4_000));
}

#[test]
fn a_slow_subscription_lags_and_keeps_what_it_knows() {
    let registry = Registry::<u64>::new();
    let mut presence = registry.presence_with_capacity(4);
    let (stays, goes) = (registry.register(1).unwrap(), registry.register(2).unwrap());
    assert_eq!(heard(&mut presence), [('+', 1), ('+', 2)]);
    let many: Vec<_> = (10..20).map(|key| registry.register(key).unwrap()).collect();
    drop((goes, many));
    let mut missed = heard(&mut presence);
    // What there was room for, then what the walk did not meet, in any order.
    missed[5..].sort_unstable();
    let kept = [('!', 0), ('+', 10), ('+', 11), ('+', 12), ('+', 13)];
    let gone = [('-', 2), ('-', 10), ('-', 11), ('-', 12), ('-', 13)];
    assert_eq!(missed, [kept, gone].concat());
    drop(stays);
    assert_eq!(heard(&mut presence), [('-', 1)]);
    // All of its room is its own again.
    let _four = [5, 6, 7, 8].map(|key| registry.register(key).unwrap());
    assert_eq!(heard(&mut presence), [('+', 5), ('+', 6), ('+', 7), ('+', 8)]);
}

#[test]
fn without_room_every_change_is_a_lag() {
    let registry = Registry::<u64>::new();
    let mut presence = registry.presence_with_capacity(0);
    let socket = registry.register(1).unwrap();
    assert_eq!(heard(&mut presence), [('!', 0), ('+', 1)]);
    drop(socket);
    assert_eq!(heard(&mut presence), [('!', 0), ('-', 1)]);
}

/// The end of a key was not told, for want of room. Its beginning was told before that, and is
/// heard after it.
#[test]
fn what_was_told_before_a_lag_is_not_believed_after_it() {
    let registry = Registry::<u64>::new();
    let mut presence = registry.presence_with_capacity(1);
    assert_eq!(heard(&mut presence), []);
    drop(registry.register(1).unwrap());
    assert_eq!(heard(&mut presence), [('!', 0), ('+', 1), ('-', 1)]);
}

#[test]
fn further_sockets_of_a_key_take_no_room() {
    let registry = Registry::<u64>::new();
    let mut presence = registry.presence_with_capacity(1);
    let sockets = [(); 5].map(|()| registry.register(1).unwrap());
    assert_eq!(heard(&mut presence), [('+', 1)]);
    drop(sockets);
    assert_eq!(heard(&mut presence), [('-', 1)]);
}

/// A subscriber that takes one event while many more come never has an empty queue, and is told
/// each time that it lags.
#[test]
fn a_subscription_that_never_catches_up_comes_to_the_end_of_its_walk() {
    const KEYS: u64 = 5_000;
    let registry = Registry::<u64>::new();
    let mut sockets: Vec<_> = (0..KEYS).map(|key| registry.register(key).unwrap()).collect();
    let mut presence = registry.presence_with_capacity(8);
    let (mut mirror, mut key) = (Mirror::new(), KEYS);
    let mut churn = |sockets: &mut Vec<Socket<u64>>| {
        for _ in 0..10 {
            sockets.push(registry.register(key).unwrap());
            key += 1;
        }
        sockets.truncate(sockets.len() - 10);
    };
    // Within about one event for each key, with those that the walk does not need, all are known.
    for _ in 0..3 * KEYS {
        churn(&mut sockets);
        mirror.hear(presence.try_next().expect("there is always more"));
    }
    assert!((0..KEYS).all(|key| mirror.online.contains_key(&key)), "the walk has come to its end");
    // Those that went unnoticed are found out by the next walks, and no key that stays is told of
    // again.
    sockets.truncate(KEYS as usize / 2);
    for _ in 0..4 * KEYS {
        churn(&mut sockets);
        mirror.hear(presence.try_next().expect("there is always more"));
    }
    assert!((KEYS / 2..KEYS).all(|key| !mirror.online.contains_key(&key)), "what was missed is made up for");
    mirror.hear_all(&mut presence);
    assert_eq!(mirror.keys(), (0..KEYS / 2).collect::<Vec<_>>());
}

/// Threads let keys come and go at random while subscriptions begin, listen and lag.
fn churn(capacity: u32) {
    const KEYS: u64 = 16;
    const STEPS: u64 = 4_000;
    let registry = Registry::<u64>::builder().shards(2).build().unwrap();
    let over = Over::default();
    let mut presence = registry.presence_with_capacity(capacity);
    let mut mirror = Mirror::new();
    let held: Vec<Socket<u64>> = thread::scope(|scope| {
        let over_at_the_end = over.at_the_end();
        let subscriber = scope.spawn(|| {
            let mut late = Vec::new();
            while !over.is_over() {
                let (mut presence, mut mirror) = (registry.presence(), Mirror::new());
                mirror.hear_all(&mut presence);
                late = vec![(presence, mirror)];
            }
            late
        });
        let churners: Vec<_> = (0..3u64)
            .map(|thread| {
                let registry = &registry;
                scope.spawn(move || {
                    let (mut held, mut random) = (Vec::new(), thread + 1);
                    for _ in 0..STEPS {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        if held.len() > 6 || random % 3 == 0 && !held.is_empty() {
                            held.swap_remove(random as usize / 8 % held.len());
                        } else {
                            held.push(registry.register(random % KEYS).unwrap());
                        }
                    }
                    held
                })
            })
            .collect();
        while !churners.iter().all(|churner| churner.is_finished()) {
            mirror.hear_all(&mut presence);
            thread::yield_now();
        }
        drop(over_at_the_end);
        let held = churners.into_iter().flat_map(|churner| churner.join().unwrap()).collect();
        for (mut presence, mut mirror) in subscriber.join().unwrap() {
            mirror.hear_all(&mut presence);
            assert_eq!(mirror.keys(), active(&registry));
        }
        held
    });
    mirror.hear_all(&mut presence);
    assert_eq!(mirror.keys(), active(&registry));
    drop(held);
    mirror.hear_all(&mut presence);
    assert!(mirror.keys().is_empty());
    assert!(capacity < u32::MAX || mirror.lags == 0);
}

fn active(registry: &Registry<u64>) -> Vec<u64> {
    let mut keys = Vec::new();
    registry.for_each(|socket| keys.push(*socket.key()));
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[test]
fn churn_with_room_for_all() {
    churn(u32::MAX);
}

#[test]
fn churn_with_room_for_two() {
    churn(2);
}

#[test]
fn last_leaves_while_first_joins() {
    let registry = Registry::<u64>::new();
    let (mut presence, mut mirror) = (registry.presence(), Mirror::new());
    for _ in 0..2_000 {
        let first = registry.register(1).unwrap();
        let (second, ()) = both(|| registry.register(1).unwrap(), || drop(first));
        mirror.hear_all(&mut presence);
        assert_eq!(mirror.keys(), [1]);
        drop(second);
        mirror.hear_all(&mut presence);
        assert!(mirror.keys().is_empty());
    }
    assert!(mirror.lags == 0 && (4_000..=8_000).contains(&mirror.events) && mirror.events % 2 == 0);
}

#[test]
fn a_task_is_woken_for_an_event() {
    let registry = Registry::<u64>::new();
    let mut presence = registry.presence();
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    while presence.poll_next(&mut cx).is_pending() && !presence.is_caught_up() {}
    assert!(presence.poll_next(&mut cx).is_pending());
    let before = wakes.count();
    let socket = registry.register(1).unwrap();
    assert_eq!(wakes.count(), before + 1);
    assert!(matches!(presence.poll_next(&mut cx), Poll::Ready(PresenceEvent::Online { key: 1, .. })));
    assert!(presence.poll_next(&mut cx).is_pending());
    let more = registry.register(1).unwrap();
    drop(socket);
    assert_eq!(wakes.count(), before + 1, "not for further sockets");
    drop(more);
    assert_eq!(wakes.count(), before + 2);
}

#[test]
fn waiting_across_threads_and_cancelling_lose_nothing() {
    let registry = Registry::<u64>::new();
    let mut presence = registry.presence_with_capacity(1_000);
    thread::scope(|scope| {
        scope.spawn(|| (0..500).for_each(|key| drop(registry.register(key).unwrap())));
        let mut mirror = Mirror::new();
        while mirror.events < 1_000 {
            // Begun and given up, or it was there already.
            let mut cx = Context::from_waker(Waker::noop());
            match pin!(presence.next()).poll(&mut cx) {
                Poll::Ready(event) => mirror.hear(event),
                Poll::Pending => mirror.hear(block_on(presence.next())),
            }
        }
        assert!(mirror.keys().is_empty());
    });
}

#[test]
fn a_subscription_may_outlive_the_handles_and_end_at_any_time() {
    let registry = Registry::<u64>::new();
    let mut presence = registry.presence();
    let gone = registry.presence();
    let socket = registry.register(1).unwrap();
    drop((gone, registry));
    drop(socket);
    assert_eq!(heard(&mut presence), [('+', 1), ('-', 1)]);
}
