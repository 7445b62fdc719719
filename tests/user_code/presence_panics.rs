//! Presence events of keys whose `Clone` or `Drop` panics (G10), and what becomes of keys that were
//! told and never taken.

use std::cell::Cell;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use socket_registry::{Presence, PresenceEvent, Registry};

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
    static DROP_ARMED: Cell<bool> = const { Cell::new(false) };
}

struct Fragile(u64, Arc<()>);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        if ARMED.replace(false) {
            resume_unwind(Box::new("clone"));
        }
        Self(self.0, Arc::clone(&self.1))
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        if DROP_ARMED.replace(false) {
            resume_unwind(Box::new("drop"));
        }
    }
}

impl PartialEq for Fragile {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Fragile {}

impl Hash for Fragile {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

fn fragile(presence: &mut Presence<Fragile>) -> Vec<char> {
    std::iter::from_fn(|| presence.try_next())
        .map(|event| match event {
            PresenceEvent::Online { .. } => '+',
            PresenceEvent::Offline { .. } => '-',
            _ => '!',
        })
        .collect()
}

fn panics<R>(f: impl FnOnce() -> R) {
    ARMED.set(true);
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
    assert!(!ARMED.get());
}

#[test]
fn a_clone_that_panics_harms_nobody() {
    let (registry, alive) = (Registry::<Fragile>::new(), Arc::new(()));
    let key = |number| Fragile(number, Arc::clone(&alive));
    let (mut one, mut two) = (registry.presence(), registry.presence());
    assert!(fragile(&mut one).is_empty() && fragile(&mut two).is_empty());

    // While registering: the registration is taken back. Subscribers that were told are told of
    // that, too.
    panics(|| registry.register(key(1)));
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    let (one_heard, two_heard) = (fragile(&mut one), fragile(&mut two));
    assert!([&one_heard, &two_heard].iter().any(|heard| **heard == ['!']), "{one_heard:?} {two_heard:?}");
    assert!([&one_heard, &two_heard].iter().any(|heard| **heard == ['+', '-']), "{one_heard:?} {two_heard:?}");

    // While dropping: the socket is gone.
    let socket = registry.register(key(1)).unwrap();
    assert_eq!((fragile(&mut one), fragile(&mut two)), (vec!['+'], vec!['+']));
    panics(|| drop(socket));
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    let mut heard = [fragile(&mut one), fragile(&mut two)];
    heard.sort();
    assert_eq!(heard, [vec!['!', '-'], vec!['-']]);

    // While listening: it finds out what it has lost.
    let socket = registry.register(key(1)).unwrap();
    panics(|| one.try_next());
    assert_eq!((fragile(&mut one), fragile(&mut two)), (vec!['!', '+'], vec!['+']));
    drop(socket);
    assert_eq!((fragile(&mut one), fragile(&mut two)), (vec!['-'], vec!['-']));

    drop((one, two, registry));
    assert_eq!(Arc::strong_count(&alive), 1, "no key is leaked");
}

#[test]
fn what_is_told_and_never_taken_is_dropped_with_the_subscription() {
    let (registry, alive) = (Registry::<Fragile>::new(), Arc::new(()));
    let presence = registry.presence();
    let sockets: Vec<_> = (0..10).map(|n| registry.register(Fragile(n, Arc::clone(&alive))).unwrap()).collect();
    assert_eq!(Arc::strong_count(&alive), 21);
    drop(presence);
    assert_eq!(Arc::strong_count(&alive), 11);
    drop(sockets);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_drop_that_panics_leaks_no_other_key() {
    let (registry, alive) = (Registry::<Fragile>::new(), Arc::new(()));
    let register = |n| registry.register(Fragile(n, Arc::clone(&alive))).unwrap();
    let drop_panics = |f: &mut dyn FnMut()| {
        DROP_ARMED.set(true);
        assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
        assert!(!DROP_ARMED.get());
    };

    // While a subscription listens: what it has taken in is yielded, and the rest is found out.
    let mut presence = registry.presence();
    let (stays, goes) = (register(1), register(2));
    assert_eq!(fragile(&mut presence), ['+', '+']);
    drop(goes);
    drop_panics(&mut || drop(presence.try_next()));
    assert_eq!(fragile(&mut presence), ['!', '-']);
    drop(stays);
    assert_eq!(fragile(&mut presence), ['-']);

    // While one ends that has not taken what it was told.
    let sockets: Vec<_> = (0..10).map(register).collect();
    assert_eq!(Arc::strong_count(&alive), 21);
    let mut presence = Some(presence);
    drop_panics(&mut || drop(presence.take()));
    assert_eq!(Arc::strong_count(&alive), 11);
    drop(sockets);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_clone_that_panics_in_a_walk_harms_nobody() {
    let registry = Registry::<Fragile>::new();
    let key = |n| Fragile(n, Arc::default());
    let mut presence = registry.presence_with_capacity(0);
    let stays = registry.register(key(1)).unwrap();
    assert_eq!(fragile(&mut presence), ['!', '+']);
    drop(registry.register(key(2)).unwrap());
    assert!(matches!(presence.try_next(), Some(PresenceEvent::Lagged)));
    panics(|| presence.try_next());
    assert_eq!(fragile(&mut presence), ['!'], "the key stayed online");
    drop(stays);
    assert_eq!(fragile(&mut presence), ['!', '-']);
}
