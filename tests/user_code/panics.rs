//! Panics in user code (G10): the registry stays as it was, usable, and leaks nothing but what
//! panicked.

use std::borrow::Borrow;
use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use socket_registry::{RegisterError, Registry, Socket, Topics};
use testkit::{Hook, WakerCall, Wakes, hooked_waker};

/// Where user code is called and may panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trap {
    Hash,
    Eq,
    KeyDrop,
    MetadataDefault,
    MetadataDrop,
    Waker(WakerCall),
}

thread_local! {
    static ARMED: Cell<Option<Trap>> = const { Cell::new(None) };
}

/// Panics, once, if `trap` is armed on this thread; quietly, as `resume_unwind` calls no panic
/// hook.
fn spring(trap: Trap) {
    if ARMED.get() == Some(trap) {
        ARMED.set(None);
        resume_unwind(Box::new(trap));
    }
}

/// Runs `f` with the trap armed, and says whether it panicked there. It must have been sprung.
fn with_trap<T>(trap: Trap, f: impl FnOnce() -> T) -> Option<T> {
    ARMED.set(Some(trap));
    let result = catch_unwind(AssertUnwindSafe(f));
    assert_eq!(ARMED.replace(None), None, "{trap:?} was never reached");
    if let Err(panic) = &result {
        assert_eq!(panic.downcast_ref(), Some(&trap), "another panic");
    }
    result.ok()
}

struct Key {
    name: u64,
    _alive: Arc<()>,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        spring(Trap::Hash);
        self.name.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        spring(Trap::Eq);
        self.name == other.name
    }
}

impl Eq for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        spring(Trap::KeyDrop);
    }
}

impl Borrow<u64> for Key {
    fn borrow(&self) -> &u64 {
        &self.name
    }
}

struct Metadata {
    _alive: Option<Arc<()>>,
}

impl Default for Metadata {
    fn default() -> Self {
        spring(Trap::MetadataDefault);
        Self { _alive: None }
    }
}

impl Drop for Metadata {
    fn drop(&mut self) {
        spring(Trap::MetadataDrop);
    }
}

type Moody = Registry<Key, Metadata>;

/// A registry with room for three sockets, so that a place lost to a panic is missed.
struct World {
    registry: Moody,
    keys: Arc<()>,
    metadata: Arc<()>,
}

impl World {
    fn new() -> Self {
        let registry = Registry::builder().max_sockets(3).build().unwrap();
        Self { registry, keys: Arc::default(), metadata: Arc::default() }
    }

    fn key(&self, name: u64) -> Key {
        Key { name, _alive: Arc::clone(&self.keys) }
    }

    fn try_register(&self, name: u64) -> Result<Socket<Key, Metadata>, RegisterError> {
        let metadata = Metadata { _alive: Some(Arc::clone(&self.metadata)) };
        self.registry.register_with(self.key(name), metadata)
    }

    fn register(&self, name: u64) -> Socket<Key, Metadata> {
        self.try_register(name).unwrap()
    }

    /// Exactly these sockets are there, reached by marks; all places are usable; and when the
    /// sockets are gone, so is every value.
    fn assert_intact(self, sockets: Vec<Socket<Key, Metadata>>) {
        let registry = &self.registry;
        assert_eq!(registry.socket_count(), sockets.len());
        assert_eq!(registry.mark_all(), sockets.len());
        for socket in &sockets {
            socket.take_due();
            assert!(registry.mark(&socket.key().name) >= 1);
            assert_eq!(socket.take_due(), Topics::UPDATE);
        }
        let more: Vec<_> = (sockets.len()..3).map(|_| self.register(42)).collect();
        assert!(matches!(self.try_register(43), Err(RegisterError::Full)));
        drop((sockets, more));
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
        assert_eq!(Arc::strong_count(&self.keys), 1, "a key leaked");
        assert_eq!(Arc::strong_count(&self.metadata), 1, "metadata leaked");
    }
}

#[test]
fn hash_panics_in_a_registration() {
    let world = World::new();
    let there = world.register(42);
    assert!(with_trap(Trap::Hash, || world.register(42)).is_none());
    assert!(with_trap(Trap::Hash, || world.register(43)).is_none());
    world.assert_intact(vec![there]);
}

#[test]
fn hash_panics_in_every_look_up() {
    let world = World::new();
    let there = world.register(42);
    let (key, registry) = (world.key(42), &world.registry);
    assert!(with_trap(Trap::Hash, || registry.mark(&key)).is_none());
    assert!(with_trap(Trap::Hash, || registry.mark_many([&key, &key])).is_none());
    assert!(with_trap(Trap::Hash, || registry.is_active(&key)).is_none());
    assert!(with_trap(Trap::Hash, || registry.sockets_of(&key)).is_none());
    assert!(with_trap(Trap::Hash, || registry.due_of(&key)).is_none());
    assert_eq!(there.take_due(), Topics::EMPTY);
    drop(key);
    world.assert_intact(vec![there]);
}

#[test]
fn eq_panics_in_a_registration() {
    let world = World::new();
    let there = world.register(42);
    assert!(with_trap(Trap::Eq, || world.register(42)).is_none());
    assert_eq!(world.registry.sockets_of(&42), [there.id()]);
    world.assert_intact(vec![there]);
}

#[test]
fn the_default_of_metadata_panics() {
    let world = World::new();
    let there = world.register(42);
    let key = world.key(42);
    assert!(with_trap(Trap::MetadataDefault, || world.registry.register(key)).is_none());
    world.assert_intact(vec![there]);
}

/// Whether `Drop` of the socket passes the panic on or not, the socket is gone, and its neighbours
/// are not.
#[test]
fn drop_of_a_value_panics_when_its_socket_leaves() {
    for trap in [Trap::KeyDrop, Trap::MetadataDrop] {
        for leaving in 0..3 {
            let world = World::new();
            let mut sockets = vec![world.register(42), world.register(42), world.register(43)];
            let socket = sockets.remove(leaving);
            let id = socket.id();
            // A registry that keeps one copy of an equal key may have no key to drop here yet.
            let key_stays = sockets.iter().any(|other| other.key() == socket.key());
            if trap == Trap::MetadataDrop || !key_stays {
                with_trap(trap, || drop(socket));
            } else {
                drop(socket);
            }
            assert!(!world.registry.contains(id));
            world.assert_intact(sockets);
        }
    }
}

#[test]
fn drop_of_a_value_panics_when_its_registration_is_refused() {
    for trap in [Trap::KeyDrop, Trap::MetadataDrop] {
        let world = World::new();
        let sockets = vec![world.register(41), world.register(42), world.register(42)];
        let refused = with_trap(trap, || world.try_register(43).is_err());
        assert!(refused != Some(false));
        world.assert_intact(sockets);
    }
}

fn trapped_waker() -> Arc<Hook> {
    Arc::new(Hook(|call| spring(Trap::Waker(call))))
}

#[test]
fn clone_of_a_waker_panics() {
    let world = World::new();
    let hook = trapped_waker();
    let waker = hooked_waker(&hook);
    let mut cx = Context::from_waker(&waker);
    let mut socket = world.register(42);
    assert!(with_trap(Trap::Waker(WakerCall::Clone), || socket.poll_due(&mut cx)).is_none());

    assert!(socket.poll_due(&mut cx).is_pending());
    world.registry.mark(&42);
    assert_eq!(socket.poll_due(&mut cx), Poll::Ready(Ok(Topics::UPDATE)));
    world.assert_intact(vec![socket]);
    drop(waker);
    assert_eq!(Arc::strong_count(&hook), 1, "a waker leaked");
}

/// The task whose waker panics gets its update all the same; and marks reach its neighbours again.
#[test]
fn wake_panics_in_a_mark() {
    let marks: [fn(&Moody) -> usize; 5] = [
        |registry| registry.mark(&42),
        |registry| registry.mark_topics(&42, Topics::UPDATE),
        |registry| registry.mark_many([&42, &43]),
        |registry| registry.mark_all(),
        |registry| {
            let ids = registry.sockets_of(&42).into_iter();
            ids.filter(|&id| registry.mark_socket(id)).count()
        },
    ];
    for mark in marks {
        let world = World::new();
        let hook = trapped_waker();
        let waker = hooked_waker(&hook);
        let mut cx = Context::from_waker(&waker);
        let mut hostile = world.register(42);
        let mut neighbour = world.register(42);
        assert!(hostile.poll_due(&mut cx).is_pending());
        let (wakes, peaceful) = Wakes::new();
        assert!(neighbour.poll_due(&mut Context::from_waker(&peaceful)).is_pending());

        with_trap(Trap::Waker(WakerCall::Wake), || mark(&world.registry));
        assert_eq!(hostile.poll_due(&mut cx), Poll::Ready(Ok(Topics::UPDATE)));
        assert_eq!(mark(&world.registry), 2);
        assert_eq!(wakes.count(), 1);
        assert_eq!(neighbour.take_due(), Topics::UPDATE);

        world.assert_intact(vec![hostile, neighbour]);
        drop(waker);
        assert_eq!(Arc::strong_count(&hook), 1, "a waker leaked");
    }
}

#[test]
fn drop_of_a_waker_panics_when_another_replaces_it() {
    let world = World::new();
    let hook = trapped_waker();
    let mut socket = world.register(42);
    {
        let waker = hooked_waker(&hook);
        assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_pending());
    }
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    with_trap(Trap::Waker(WakerCall::Drop), || socket.poll_due(&mut cx));
    assert_eq!(Arc::strong_count(&hook), 1, "a waker leaked");

    assert!(socket.poll_due(&mut cx).is_pending());
    world.registry.mark(&42);
    assert_eq!(wakes.count(), 1);
    world.assert_intact(vec![socket]);
}

#[test]
fn drop_of_a_waker_panics_when_its_socket_leaves() {
    let world = World::new();
    let hook = trapped_waker();
    let mut socket = world.register(42);
    let neighbour = world.register(42);
    {
        let waker = hooked_waker(&hook);
        assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_pending());
    }
    with_trap(Trap::Waker(WakerCall::Drop), || drop(socket));
    assert_eq!(Arc::strong_count(&hook), 1, "a waker leaked");
    assert_eq!(world.registry.sockets_of(&42), [neighbour.id()]);
    world.assert_intact(vec![neighbour]);
}

/// A visitor that leaves by a panic has left: what it looked at is dropped with its socket.
#[test]
fn closures_panic() {
    let world = World::new();
    let sockets = vec![world.register(42), world.register(42), world.register(43)];
    let id = sockets[1].id();
    for stop_at in 0..3 {
        let mut walked = 0;
        let walk = catch_unwind(AssertUnwindSafe(|| {
            world.registry.for_each(|_| {
                if walked == stop_at {
                    resume_unwind(Box::new("the visitor's own bug"));
                }
                walked += 1;
            });
        }));
        assert!(walk.is_err());
    }
    let look = catch_unwind(AssertUnwindSafe(|| {
        world.registry.with_socket(id, |_| resume_unwind(Box::new("the visitor's own bug")))
    }));
    assert!(look.is_err());
    world.assert_intact(sockets);
}

#[test]
fn a_closure_drops_the_socket_it_looks_at_and_panics() {
    let world = World::new();
    let neighbour = world.register(42);
    let mut leaving = Some(world.register(42));
    let id = leaving.as_ref().unwrap().id();
    let look = catch_unwind(AssertUnwindSafe(|| {
        world.registry.with_socket(id, |_| {
            leaving = None;
            resume_unwind(Box::new("the visitor's own bug"))
        })
    }));
    assert!(look.is_err());
    assert!(!world.registry.contains(id));
    world.assert_intact(vec![neighbour]);
}

#[test]
fn the_iterator_of_mark_many_panics() {
    let world = World::new();
    let there = world.register(42);
    let keys = [42, 43, 44];
    let broken = keys.iter().inspect(|&&key| {
        if key == 44 {
            resume_unwind(Box::new("the iterator's own bug"));
        }
    });
    let marked = catch_unwind(AssertUnwindSafe(|| world.registry.mark_many(broken)));
    assert!(marked.is_err());
    world.assert_intact(vec![there]);
}
