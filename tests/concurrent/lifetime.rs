//! Life and death (G11): handles in any order, on any thread, after the registry; every value
//! dropped exactly once.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::mem;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;

use socket_registry::{Registry, Socket, Topics};
use testkit::{Wakes, crowd};

/// A key of which every instance alive holds the same `Arc`.
struct Name {
    name: u64,
    _alive: Arc<()>,
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Name {}

impl Borrow<u64> for Name {
    fn borrow(&self) -> &u64 {
        &self.name
    }
}

/// Registers counted keys with counted metadata. What is dropped twice or never shows in the
/// counts.
#[derive(Default)]
struct Counted {
    keys: Arc<()>,
    metadata: Arc<()>,
}

impl Counted {
    fn register(&self, registry: &Registry<Name, Arc<()>>, name: u64) -> Socket<Name, Arc<()>> {
        let key = Name { name, _alive: Arc::clone(&self.keys) };
        registry.register_with(key, Arc::clone(&self.metadata)).unwrap()
    }

    /// How many keys and how many metadata are alive.
    fn alive(&self) -> (usize, usize) {
        (Arc::strong_count(&self.keys) - 1, Arc::strong_count(&self.metadata) - 1)
    }
}

#[test]
fn keys_and_metadata_go_with_their_sockets() {
    let counted = Counted::default();
    let registry = Registry::new();
    let sockets: Vec<_> = (0..90).map(|n| counted.register(&registry, n / 3)).collect();
    let (keys, metadata) = counted.alive();
    // How many copies of an equal key are kept is the registry's business, but one must be.
    assert!((30..=90).contains(&keys), "{keys} keys");
    assert_eq!(metadata, 90);
    for (left, socket) in sockets.into_iter().enumerate() {
        drop(socket);
        assert_eq!(counted.alive().1, 89 - left);
    }
    assert_eq!(counted.alive(), (0, 0), "while the registry lives on");
    assert_eq!(registry.socket_count(), 0);
}

/// Scenario 27: sockets outlive the last handle of their registry, and still work.
#[test]
fn sockets_outlive_the_registry() {
    let counted = Counted::default();
    let registry = Registry::new();
    let clone = registry.clone();
    let mut sockets: Vec<_> = (0..10).map(|n| counted.register(&registry, n / 2)).collect();
    drop(registry);
    assert_eq!(clone.mark(&0), 2);
    drop(clone);

    let first = &mut sockets[0];
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert_eq!(first.poll_due(&mut cx), Poll::Ready(Ok(Topics::UPDATE)));
    assert!(first.poll_due(&mut cx).is_pending());
    first.restore_due(Topics::topic(4));
    assert_eq!(first.take_due(), Topics::topic(4));
    assert_eq!((first.key().name, Arc::strong_count(first.metadata())), (0, 11));

    drop(sockets);
    assert_eq!(counted.alive(), (0, 0));
    drop(waker);
    assert_eq!(Arc::strong_count(&wakes), 1, "the stored waker is gone too");
}

#[test]
fn handles_are_dropped_in_any_order_on_any_thread() {
    for order in 0..4 {
        let counted = Counted::default();
        let registry = Registry::new();
        let mut sockets: Vec<_> = (0..60).map(|n| counted.register(&registry, n % 7)).collect();
        match order {
            0 => sockets.reverse(),
            1 => sockets.sort_by_key(|socket| socket.key().name),
            2 => sockets.rotate_left(31),
            _ => sockets.sort_by_key(|socket| (socket.key().name % 2, socket.id())),
        }
        let others = sockets.split_off(20);
        let clone = registry.clone();
        thread::spawn(move || drop((others, clone))).join().unwrap();
        assert_eq!(registry.socket_count(), 20);
        drop(registry);
        thread::spawn(move || drop(sockets)).join().unwrap();
        assert_eq!(counted.alive(), (0, 0));
    }
}

/// Scenario 27 with everything at the same time: the registry's last handles and the sockets, on
/// four threads.
#[test]
fn the_registry_and_its_sockets_go_at_the_same_time() {
    for _ in 0..300 {
        let counted = Counted::default();
        let handles = Mutex::new(vec![Registry::new(); 4]);
        crowd(4, |thread| {
            let registry = handles.lock().unwrap().pop().unwrap();
            let sockets: Vec<_> = (0..5).map(|n| counted.register(&registry, n + thread as u64 % 2)).collect();
            drop(registry);
            drop(sockets);
        });
        assert_eq!(counted.alive(), (0, 0));
    }
}

#[test]
fn sockets_drop_outside_and_after_their_runtime() {
    let registry = Registry::<u64>::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut socket = registry.register(42).unwrap();
    runtime.block_on(async {
        registry.mark(&42);
        assert_eq!(socket.due().await, Ok(Topics::UPDATE));
        tokio::select! {
            biased;
            _ = socket.due() => panic!("nothing was marked"),
            () = std::future::ready(()) => {}
        }
    });
    drop(runtime);
    // Its waker, if any is still stored, belongs to a runtime that is gone.
    assert_eq!(registry.mark(&42), 1);
    drop(socket);
    assert_eq!(registry.socket_count(), 0);
}

#[test]
fn a_forgotten_socket_leaks_its_own_registration_only() {
    let counted = Counted::default();
    let registry = Registry::new();
    let sockets: Vec<_> = (0..6).map(|n| counted.register(&registry, n / 3)).collect();
    let forgotten = counted.register(&registry, 1);
    let id = forgotten.id();
    mem::forget(forgotten);
    drop(sockets);

    // It cannot know better: it is there, as if its task were asleep forever.
    assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
    assert_eq!(registry.sockets_of(&1), [id]);
    assert_eq!(registry.mark(&1), 1);
    assert_eq!(counted.alive().1, 1);

    let next = counted.register(&registry, 1);
    assert_eq!(registry.mark(&1), 2);
    assert_eq!(next.take_due(), Topics::UPDATE);
    drop(next);
    assert_eq!(registry.sockets_of(&1), [id]);
    assert_eq!(counted.alive().1, 1);
}

#[test]
fn a_forgotten_wait_leaves_the_socket_as_it_was() {
    let registry = Registry::<u64>::new();
    let mut socket = registry.register(42).unwrap();
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    let mut wait = Box::pin(socket.due());
    assert!(wait.as_mut().poll(&mut cx).is_pending());
    mem::forget(wait);
    registry.mark(&42);
    assert_eq!(wakes.count(), 1);
    assert_eq!(socket.take_due(), Topics::UPDATE);
    drop(socket);
    assert_eq!(registry.socket_count(), 0);
}

/// What a visitor looks at is not dropped meanwhile, and not kept for longer than that.
#[test]
fn metadata_lives_while_it_is_looked_at() {
    let counted = Counted::default();
    let registry = Registry::new();
    let mut held = Some(counted.register(&registry, 42));
    let id = held.as_ref().unwrap().id();

    let looked = registry.with_socket(id, |socket| {
        held = None;
        assert!(!registry.contains(id));
        assert_eq!(registry.socket_count(), 0);
        let (keys, metadata) = counted.alive();
        assert!(keys >= 1 && metadata == 1);
        (socket.key().name, Arc::strong_count(socket.metadata()))
    });

    assert_eq!(looked, Some((42, 2)));
    assert_eq!(counted.alive(), (0, 0));
    assert!(!registry.is_active(&42));
}

/// The place of a socket that is still looked at is not given away.
#[test]
fn the_next_socket_does_not_overwrite_what_is_looked_at() {
    let registry: Registry<u64, String> = Registry::builder().max_sockets(4).build().unwrap();
    let mut held = Some(registry.register_with(1, "first".to_owned()).unwrap());
    let id = held.as_ref().unwrap().id();
    registry.with_socket(id, |socket| {
        held = None;
        let others: Vec<_> = (2..5).map(|key| registry.register_with(key, format!("number {key}")).unwrap()).collect();
        let again = registry.register_with(1, "again".to_owned()).unwrap();
        assert_eq!((*socket.key(), socket.metadata().as_str()), (1, "first"));
        assert_eq!(again.metadata(), "again");
        assert_eq!(registry.socket_count(), others.len() + 1);
    });
    assert_eq!(registry.socket_count(), 0);
}

/// Drops of values counted through churn on all sides, walks included.
#[test]
fn churn_drops_every_value_exactly_once() {
    let counted = Counted::default();
    let registry = Registry::new();
    crowd(4, |thread| {
        for step in 0..2_000 {
            let socket = counted.register(&registry, step % 5);
            if thread == 0 && step % 10 == 0 {
                registry.for_each(|socket| assert!(socket.key().name < 5));
            }
            registry.with_socket(socket.id(), |same| assert_eq!(same.key().name, step % 5));
        }
    });
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    assert_eq!(counted.alive(), (0, 0));
}
