//! Presence while a registration is stopped in the key's `Clone`, which runs as the registration
//! tells of its key (G9, G16).

use std::hash::{Hash, Hasher};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::Context;
use std::thread;

use socket_registry::{CloseReason, Presence, PresenceEvent, Registry, Socket, SocketId};
use testkit::Wakes;

/// Stops the first clone of the key that has it, until the other ends are dropped.
type Gate = Arc<Mutex<Option<(Sender<()>, Receiver<()>)>>>;

struct Key(u64, Gate);

impl Clone for Key {
    fn clone(&self) -> Self {
        let gate = self.1.lock().unwrap().take();
        if let Some((passing, released)) = gate {
            let _ = passing.send(());
            let _ = released.recv();
        }
        key()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

fn key() -> Key {
    Key(42, Gate::default())
}

/// What is to be heard, as `Online` and its sequence, or not and that.
fn heard(presence: &mut Presence<Key>) -> Vec<(bool, u64)> {
    std::iter::from_fn(|| presence.try_next())
        .map(|event| match event {
            PresenceEvent::Online { sequence, .. } => (true, sequence.to_u64()),
            PresenceEvent::Offline { sequence, .. } => (false, sequence.to_u64()),
            other => panic!("nothing is lost: {other:?}"),
        })
        .collect()
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Stops the key's first registration while it tells, runs `others`, lets it go on, and returns its
/// socket.
fn beside_stopped_first(registry: &Registry<Key>, others: impl FnOnce()) -> Socket<Key> {
    let ((passing, at_the_gate), (release, released)) = (channel(), channel());
    let gated = Key(42, Arc::new(Mutex::new(Some((passing, released)))));
    thread::scope(|scope| {
        let first = scope.spawn(|| registry.register(gated).unwrap());
        at_the_gate.recv().unwrap();
        // Moved in, so that the first one goes on also if the others fail.
        let let_go_on = move || {
            others();
            drop(release);
        };
        let_go_on();
        first.join().unwrap()
    })
}

/// A key with a socket that was registered is known, although the first one is still telling.
#[test]
fn a_second_registration_tells_beside_a_stopped_first_one() {
    let registry = Registry::<Key>::new();
    let mut presence = registry.presence();
    assert_eq!(heard(&mut presence), []);
    let mut second = None;
    let first = beside_stopped_first(&registry, || {
        second = Some(registry.register(key()).unwrap());
        assert_eq!(heard(&mut presence), [(true, 2)]);
    });
    assert_eq!(heard(&mut presence), [], "the first one's telling came too late");
    drop((first, second));
    assert_eq!(heard(&mut presence), [(false, 3)]);
}

/// The first one is superseded, and who took over leaves: the key stays until it was told of.
#[test]
fn nobody_is_shown_who_has_gone_while_the_first_one_told() {
    let registry = Registry::<Key>::new();
    let mut presence = registry.presence();
    assert_eq!(heard(&mut presence), []);
    let first = beside_stopped_first(&registry, || {
        drop(registry.register_taking_over(key(), ()).unwrap());
        assert_eq!(registry.socket_count(), 0);
        assert_eq!(heard(&mut presence), [(true, 2)], "the second one told");
    });
    assert_eq!(heard(&mut presence), [(false, 3)]);
    drop(first);
    assert_eq!(heard(&mut presence), []);
    assert_eq!((registry.key_count(), registry.is_active(&key())), (0, false));
}

/// The same where the subscription finds the key meanwhile, by its walk.
#[test]
fn what_a_walk_has_found_is_not_told_again() {
    let registry = Registry::<Key>::new();
    let mut presence = registry.presence();
    assert_eq!(heard(&mut presence), []);
    let mut late = None;
    let first = beside_stopped_first(&registry, || {
        let presence = late.insert(registry.presence());
        assert_eq!(heard(presence), [(true, 2)]);
        drop(registry.register_taking_over(key(), ()).unwrap());
        assert_eq!(heard(presence), []);
    });
    assert_eq!(heard(late.as_mut().unwrap()), [(false, 3)]);
    assert_eq!(heard(&mut presence), [(true, 2), (false, 3)]);
    drop(first);
}

/// Tells how often a socket's task was woken when `call` stopped while it told subscriptions, and
/// in the end.
fn wakes_beside_stopped(call: impl FnOnce(&Registry<Key>, SocketId) + Send) -> (usize, usize) {
    let registry = Registry::<Key>::new();
    let _presence = registry.presence();
    let gate = Gate::default();
    let mut socket = registry.register(Key(42, gate.clone())).unwrap();
    let (wakes, waker) = Wakes::new();
    assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_pending());
    let ((passing, at_the_gate), (release, released)) = (channel(), channel());
    *gate.lock().unwrap() = Some((passing, released));
    let id = socket.id();
    let woken = thread::scope(|scope| {
        scope.spawn(|| call(&registry, id));
        at_the_gate.recv().unwrap();
        let woken = wakes.count();
        drop(release);
        woken
    });
    (woken, wakes.count())
}

#[test]
fn an_owner_is_woken_before_subscriptions_are_told() {
    let evict = |registry: &Registry<Key>, id| assert!(registry.evict_socket(id, CloseReason::LOGGED_OUT));
    let supersede = |registry: &Registry<Key>, _| assert_eq!(registry.supersede(&key()), 1);
    assert_eq!(wakes_beside_stopped(evict), (1, 1));
    assert_eq!(wakes_beside_stopped(supersede), (1, 1));
}
