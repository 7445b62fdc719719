//! A refused registration that returns its key and metadata.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use socket_registry::{Builder, RegisterError, Registry, Socket};

thread_local! {
    static EQ_PANICS: Cell<bool> = const { Cell::new(false) };
}

/// A key that hashes `hashed` alone, and is counted.
#[derive(Debug)]
struct Key {
    hashed: u64,
    name: &'static str,
    alive: Arc<()>,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hashed.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        if EQ_PANICS.replace(false) {
            resume_unwind(Box::new("eq"));
        }
        self.name == other.name
    }
}

impl Eq for Key {}

/// Keys and metadata that are counted.
#[derive(Default)]
struct Values {
    keys: Arc<()>,
    metadata: Arc<()>,
}

impl Values {
    fn key(&self, hashed: u64, name: &'static str) -> Key {
        Key { hashed, name, alive: Arc::clone(&self.keys) }
    }

    fn register(&self, registry: &Registry<Key, Arc<()>>, hashed: u64, name: &'static str) -> Socket<Key, Arc<()>> {
        registry.registration(self.key(hashed, name), Arc::clone(&self.metadata)).try_register().unwrap()
    }

    /// How many keys and metadata there are.
    fn alive(&self) -> (usize, usize) {
        (Arc::strong_count(&self.keys) - 1, Arc::strong_count(&self.metadata) - 1)
    }

    /// Asserts that the registration is refused for that reason, and returns the very key and
    /// metadata.
    fn assert_refused(&self, registry: &Registry<Key, Arc<()>>, hashed: u64, name: &'static str, why: RegisterError) {
        let (counts, alive) = ((registry.key_count(), registry.socket_count()), self.alive());
        for taking_over in [false, true] {
            let metadata = Arc::new(());
            let registration = registry.registration(self.key(hashed, name), Arc::clone(&metadata));
            let registration = if taking_over { registration.taking_over() } else { registration };
            if taking_over && why == RegisterError::KeyFull {
                continue;
            }
            let rejected = registration.try_register().unwrap_err();
            assert_eq!((rejected.error(), rejected.to_string()), (why, why.to_string()));
            let (error, key, returned) = rejected.into_parts();
            assert_eq!((error, key.hashed, key.name), (why, hashed, name));
            assert!(Arc::ptr_eq(&key.alive, &self.keys) && Arc::ptr_eq(&returned, &metadata));
        }
        assert_eq!(((registry.key_count(), registry.socket_count()), self.alive()), (counts, alive), "{why:?}");
    }
}

fn builder() -> Builder<Key, Arc<()>> {
    Registry::builder()
}

#[test]
fn every_refusal_returns_the_key_and_the_metadata() {
    let values = Values::default();
    let registry = builder().max_sockets(3).max_sockets_per_key(2).build().unwrap();
    let sockets = [0, 0].map(|_| values.register(&registry, 1, "ada"));
    values.assert_refused(&registry, 1, "ada", RegisterError::KeyFull);
    values.assert_refused(&registry, 1, "bob", RegisterError::IndistinctHash);
    let third = values.register(&registry, 2, "eve");
    values.assert_refused(&registry, 3, "bob", RegisterError::Full);
    registry.close();
    values.assert_refused(&registry, 3, "bob", RegisterError::Closed);
    drop((sockets, third, registry));
    assert_eq!(values.alive(), (0, 0));
}

#[test]
fn what_was_returned_can_be_registered() {
    let values = Values::default();
    let registry = builder().max_sockets(1).build().unwrap();
    let first = values.register(&registry, 1, "ada");
    let rejected = registry.registration(values.key(2, "bob"), Arc::default()).try_register().unwrap_err();
    drop(first);
    let (_, key, metadata) = rejected.into_parts();
    let second = registry.register_with(key, metadata).unwrap();
    assert_eq!((second.key().name, registry.socket_count()), ("bob", 1));
    assert_eq!(values.alive().0, 1);
}

#[test]
fn a_panic_of_eq_leaks_neither_the_key_nor_the_metadata() {
    let values = Values::default();
    let registry = builder().build().unwrap();
    let first = values.register(&registry, 1, "ada");
    EQ_PANICS.set(true);
    let panicked = catch_unwind(AssertUnwindSafe(|| values.register(&registry, 1, "ada")));
    assert!(panicked.is_err() && !EQ_PANICS.get());
    assert_eq!((values.alive(), registry.key_count(), registry.socket_count()), ((1, 1), 1, 1));
    drop(first);
    assert_eq!((values.alive(), registry.key_count()), ((0, 0), 0));
}

/// `?` makes a plain error of it, or a box, whatever the key is.
#[test]
fn question_marks_convert_it() {
    struct Opaque;
    let registry = Registry::<u64, Opaque>::new();
    registry.close();
    let plain = || -> Result<_, RegisterError> { Ok(registry.registration(1, Opaque).try_register()?) };
    let boxed = || -> Result<_, Box<dyn std::error::Error>> { Ok(registry.registration(1, Opaque).try_register()?) };
    assert_eq!(plain().err(), Some(RegisterError::Closed));
    assert_eq!(boxed().err().unwrap().to_string(), RegisterError::Closed.to_string());
}
