//! No thread waits for another (G9): a thread stopped in the middle of a call, in the user code
//! that the call runs, stops nobody else. With a lock held there, every one of these tests would
//! time out.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use socket_registry::{Registry, Socket, Topics};
use testkit::{Hook, PATIENCE, WakerCall, hooked_waker, reason};

/// Stops the one thread that passes it, until released or until its test is over.
struct Gate {
    passing: Sender<()>,
    released: Mutex<Receiver<()>>,
}

impl Gate {
    fn pass(&self) {
        // A test that has failed meanwhile no longer listens, and lets every thread through.
        let _ = self.passing.send(());
        let _ = self.released.lock().unwrap().recv();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Hash,
    Eq,
    KeyDrop,
}

/// A key that stops its thread at one of the things that a key does.
#[derive(Clone)]
struct Key {
    name: u64,
    gate: Option<(At, Arc<Gate>)>,
}

impl Key {
    fn pass(&self, at: At) {
        if let Some((_, gate)) = self.gate.as_ref().filter(|(stops, _)| *stops == at) {
            gate.pass();
        }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pass(At::Hash);
        self.name.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.pass(At::Eq);
        other.pass(At::Eq);
        self.name == other.name
    }
}

impl Eq for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        self.pass(At::KeyDrop);
    }
}

fn key(name: u64) -> Key {
    Key { name, gate: None }
}

/// The key 42, which stops there.
fn stalling_key(at: At, gate: &Arc<Gate>) -> Key {
    Key { name: 42, gate: Some((at, Arc::clone(gate))) }
}

/// Metadata that stops its thread when dropped.
#[derive(Default)]
struct Metadata(Option<Arc<Gate>>);

impl Drop for Metadata {
    fn drop(&mut self) {
        if let Some(gate) = &self.0 {
            gate.pass();
        }
    }
}

type World = Registry<Key, Metadata>;

/// Runs `stalled` until it stands at the gate, then `others` to their end, and only then opens the
/// gate.
fn while_stalled(stalled: impl FnOnce(&Arc<Gate>) + Send, others: impl FnOnce() + Send) {
    let (passing, at_the_gate) = channel();
    let (release, released) = channel();
    let gate = Arc::new(Gate { passing, released: Mutex::new(released) });
    thread::scope(move |scope| {
        let stalled = scope.spawn(move || stalled(&gate));
        at_the_gate.recv_timeout(PATIENCE).expect("the gate was never reached");
        let (finished, others_finished) = channel();
        scope.spawn(move || {
            others();
            let _ = finished.send(());
        });
        let outcome = others_finished.recv_timeout(PATIENCE);
        drop(release);
        stalled.join().expect("the stalled call failed");
        outcome.expect("another thread waits for the stalled one, or failed meanwhile");
    });
}

/// Every operation there is, on the key of the stalled call and on enough others to meet its shard.
fn everything_works(registry: &World) {
    for name in 0..200 {
        let key = key(name);
        let before = registry.sockets_of(&key).len();
        let mut first = registry.register(key.clone()).unwrap();
        let second = registry.register(key.clone()).unwrap();
        assert!(registry.is_active(&key) && registry.contains(first.id()));
        assert!(registry.mark(&key) >= 2);
        assert!(registry.mark_topics(&key, Topics::topic(5)) >= 2);
        assert!(registry.mark_many([&key]) >= 2);
        assert!(registry.mark_socket_topics(second.id(), Topics::topic(6)));
        assert!(registry.due_of(&key).contains(Topics::topic(6)));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(first.poll_due(&mut cx).is_ready());
        assert!(first.poll_due(&mut cx).is_pending());
        assert!(registry.with_socket(second.id(), |socket| socket.peek_due() == second.peek_due()) == Some(true));
        assert!(second.take_due().contains(Topics::UPDATE));
        assert!(registry.key_count() >= 1 && registry.socket_count() >= 2);
        drop((first, second));
        assert_eq!(registry.sockets_of(&key).len(), before);
    }
    registry.mark_all();
    registry.for_each(|socket| assert!(socket.key().name < 200));
}

/// Also the socket of the key 42 is not held up, at which the stalled call looks.
fn everything_works_with_and_without(registry: &World, there: Socket<Key, Metadata>) {
    everything_works(registry);
    drop(there);
    assert!(!registry.is_active(&key(42)));
    everything_works(registry);
}

/// Scenario 26: however long a walk takes.
#[test]
fn a_stalled_walk_stops_nobody() {
    let registry = World::new();
    let there = registry.register(key(42)).unwrap();
    while_stalled(|gate| registry.for_each(|_| gate.pass()), || everything_works_with_and_without(&registry, there));
    assert_eq!(registry.socket_count(), 0);
}

#[test]
fn a_stalled_look_at_a_socket_stops_nobody() {
    let registry = World::new();
    let neighbour = registry.register(key(42)).unwrap();
    let there = registry.register(key(42)).unwrap();
    let id = there.id();
    while_stalled(
        |gate| assert!(registry.with_socket(id, |_| gate.pass()).is_some()),
        || {
            drop(there);
            everything_works(&registry);
            assert_eq!(registry.sockets_of(&key(42)), [neighbour.id()]);
        },
    );
}

#[test]
fn a_registration_stalled_in_hash_stops_nobody() {
    let registry = World::new();
    while_stalled(
        |gate| {
            assert!(registry.register(stalling_key(At::Hash, gate)).is_ok());
        },
        || everything_works(&registry),
    );
}

/// The registered key itself is being compared when its socket leaves.
#[test]
fn a_registration_stalled_in_eq_stops_nobody() {
    let registry = World::new();
    let there = registry.register(key(42)).unwrap();
    while_stalled(
        |gate| {
            let joined = registry.register(stalling_key(At::Eq, gate)).unwrap();
            assert_eq!(registry.sockets_of(&key(42)), [joined.id()]);
        },
        || everything_works_with_and_without(&registry, there),
    );
    assert_eq!(registry.key_count(), 0);
}

/// Scenario 29: a drop in the middle of many; those who come meanwhile don't wait for its end.
#[test]
fn a_drop_stalled_in_a_value_stops_nobody() {
    let registry = World::new();
    while_stalled(
        |gate| {
            let many: Vec<_> = (0..100).map(|name| registry.register(key(name)).unwrap()).collect();
            let metadata = Metadata(Some(Arc::clone(gate)));
            let stalls = registry.register_with(key(42), metadata).unwrap();
            drop((stalls, many));
        },
        || everything_works(&registry),
    );
    while_stalled(
        |gate| drop(registry.register(stalling_key(At::KeyDrop, gate)).unwrap()),
        || everything_works(&registry),
    );
    assert_eq!(registry.socket_count(), 0);
}

/// A waker has no room for a gate of its own: each of the tests below has one of these.
type SharedGate = LazyLock<Mutex<Option<Arc<Gate>>>>;

fn pass_once(shared: &SharedGate) {
    let gate = shared.lock().unwrap().take();
    if let Some(gate) = gate {
        gate.pass();
    }
}

#[test]
fn a_mark_stalled_in_a_waker_stops_nobody() {
    static GATE: SharedGate = LazyLock::new(Mutex::default);
    let registry = World::new();
    let hook = Arc::new(Hook(|call| {
        if call == WakerCall::Wake {
            pass_once(&GATE);
        }
    }));
    let waker = hooked_waker(&hook);
    let mut woken = registry.register(key(42)).unwrap();
    assert!(woken.poll_due(&mut Context::from_waker(&waker)).is_pending());
    while_stalled(
        |gate| {
            *GATE.lock().unwrap() = Some(Arc::clone(gate));
            assert_eq!(registry.mark(&key(42)), 1);
        },
        || {
            // The mark came before the wake-up, so it is there although its caller is not.
            assert_eq!(woken.take_due(), Topics::UPDATE);
            everything_works(&registry);
            drop(woken);
            assert!(!registry.is_active(&key(42)));
        },
    );
}

/// The task that is being woken runs, waits again, and is woken by every call that comes next: none
/// relies on the stalled one.
#[test]
fn a_mark_stalled_in_a_waker_leaves_no_wake_up_to_itself() {
    static GATE: SharedGate = LazyLock::new(Mutex::default);
    static WAKES: AtomicUsize = AtomicUsize::new(0);
    let registry = World::new();
    let hook = Arc::new(Hook(|call| {
        if call == WakerCall::Wake {
            WAKES.fetch_add(1, Ordering::SeqCst);
            pass_once(&GATE);
        }
    }));
    let waker = hooked_waker(&hook);
    let mut woken = registry.register(key(42)).unwrap();
    assert!(woken.poll_due(&mut Context::from_waker(&waker)).is_pending());
    while_stalled(
        |gate| {
            *GATE.lock().unwrap() = Some(Arc::clone(gate));
            assert_eq!(registry.mark(&key(42)), 1);
        },
        || {
            let mut cx = Context::from_waker(&waker);
            let calls: [fn(&World); 3] = [
                |registry| assert_eq!(registry.mark(&key(42)), 1),
                |registry| assert_eq!(registry.mark_all(), 1),
                |registry| assert_eq!(registry.disconnect(&key(42), reason(9)), 1),
            ];
            for (n, call) in calls.into_iter().enumerate() {
                assert_eq!(woken.poll_due(&mut cx), Poll::Ready(Ok(Topics::UPDATE)));
                assert!(woken.poll_due(&mut cx).is_pending());
                call(&registry);
                assert_eq!(WAKES.load(Ordering::SeqCst), n + 2, "nothing woke the task");
            }
            assert!(matches!(woken.poll_due(&mut cx), Poll::Ready(Err(_))));
            drop(woken);
        },
    );
}

#[test]
fn a_wait_stalled_in_its_waker_stops_nobody() {
    static GATE: SharedGate = LazyLock::new(Mutex::default);
    let registry = World::new();
    let hook = Arc::new(Hook(|call| {
        if call == WakerCall::Clone {
            pass_once(&GATE);
        }
    }));
    let waker = hooked_waker(&hook);
    let mut waiting = registry.register(key(42)).unwrap();
    while_stalled(
        |gate| {
            *GATE.lock().unwrap() = Some(Arc::clone(gate));
            let polled = waiting.poll_due(&mut Context::from_waker(&waker));
            assert!(polled.is_ready(), "marked before the waker was stored");
        },
        || everything_works(&registry),
    );
}
