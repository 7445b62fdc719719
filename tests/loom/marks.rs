//! What a mark makes visible: who does not see the mark sees what was written before it.

use super::takeover::{Ours, take_over, with_old};
use super::{Guarded, Key, check, is_due, key, registry};
use crate::shard::geometry::Geometry;
use crate::{Registry, Topics};
use loom::sync::Arc;
use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;
use std::sync::Mutex;
use std::task::{Context, Wake, Waker};

/// What a thread wrote before a mark that found the old socket due already is visible to the
/// owner that takes it from the new one.
#[test]
fn mark_that_coalesces_beside_takeover() {
    check(|| {
        let (registry, _old) = with_old(false);
        registry.mark(&1);
        let data = Arc::new(AtomicUsize::new(0));
        let marker = {
            let (registry, data) = (registry.clone(), data.clone());
            thread::spawn(move || {
                data.store(1, Relaxed);
                registry.mark(&1);
            })
        };
        let new = take_over(&registry);
        assert!(!new.take_due().is_empty());
        let seen = data.load(Relaxed);
        marker.join().unwrap();
        assert!(seen == 1 || !new.take_due().is_empty(), "an update was lost");
    });
}

fn mark(registry: &Registry<Key, Guarded>) {
    registry.mark(&1);
}

/// A mark concurrent with a registration, of a key that has `others` sockets before: either the
/// mark reaches the new socket, or its owner sees, after `register` returned, what the marker wrote
/// before the mark. The two share nothing else that would order them.
fn mark_beside_register(others: u8, mark: fn(&Registry<Key, Guarded>)) {
    check(move || {
        let registry = registry();
        let _others: Vec<_> = (0..others).map(|_| registry.register(key(1)).unwrap()).collect();
        mark_beside_register_of(1, registry, mark);
    });
}

fn mark_beside_register_of(number: u8, registry: Registry<Key, Guarded>, mark: fn(&Registry<Key, Guarded>)) {
    let data = Arc::new(AtomicUsize::new(0));
    let marker = {
        let (registry, data) = (registry.clone(), data.clone());
        thread::spawn(move || {
            data.store(1, Relaxed);
            mark(&registry);
        })
    };
    let mut socket = registry.register(key(number)).unwrap();
    let seen = data.load(Relaxed);
    marker.join().unwrap();
    assert!(seen == 1 || is_due(&mut socket), "an update is lost");
}

#[test]
fn mark_of_nobody_beside_register() {
    mark_beside_register(0, mark);
}

#[test]
fn mark_where_of_nobody_beside_register() {
    mark_beside_register(0, |registry| {
        registry.mark_where(|_| true);
    });
}

#[test]
fn mark_of_one_beside_second_register() {
    mark_beside_register(1, mark);
}

/// The same where the only socket is in the chain.
#[test]
fn mark_of_one_in_a_chain_beside_second_register() {
    check(|| {
        let (registry, _old) = with_old(true);
        mark_beside_register_of(1, registry, mark);
    });
}

/// The same where the only socket leaves after it was marked, and before the mark looks again. So
/// the key has one socket in both looks.
#[test]
fn mark_of_one_that_leaves_beside_second_register() {
    #[derive(Default)]
    struct Leaves(Mutex<Option<Ours>>);
    impl Wake for Leaves {
        fn wake(self: std::sync::Arc<Self>) {
            drop(self.0.lock().unwrap().take());
        }
    }
    check(|| {
        let registry = registry();
        let mut first = registry.register(key(1)).unwrap();
        drop(registry.register(key(1)).unwrap());
        let leaves = std::sync::Arc::new(Leaves::default());
        assert!(first.poll_due(&mut Context::from_waker(&Waker::from(leaves.clone()))).is_pending());
        *leaves.0.lock().unwrap() = Some(first);
        mark_beside_register_of(1, registry, mark);
    });
}

/// The same where the waker of the only socket panics.
#[test]
fn mark_of_one_whose_waker_panics_beside_second_register() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: std::sync::Arc<Self>) {
            std::panic::resume_unwind(Box::new(()));
        }
    }
    check(|| {
        let registry = registry();
        let mut first = registry.register(key(1)).unwrap();
        let waker = Waker::from(std::sync::Arc::new(Panics));
        assert!(first.poll_due(&mut Context::from_waker(&waker)).is_pending());
        mark_beside_register_of(1, registry, |registry| {
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| registry.mark(&1)));
        });
    });
}

/// The same for a key whose first pair is full: a mark looks for it elsewhere before it fences.
#[test]
fn mark_of_a_displaced_one_beside_second_register() {
    const PAIRS: u64 = 4;
    fn displaced() -> u8 {
        super::table::keys_of(0, PAIRS).nth(2).unwrap()
    }
    check(|| {
        let registry = Registry::with(1, 100, Geometry::ahead(1, 1, 100));
        let sockets: Vec<_> =
            super::table::keys_of(0, PAIRS).take(3).map(|number| registry.register(key(number)).unwrap()).collect();
        let pairs: Vec<_> = sockets.iter().map(|socket| socket.id().addr(0).unwrap().index() / 2).collect();
        assert_eq!(pairs, [0, 0, 1]);
        mark_beside_register_of(displaced(), registry, |registry| {
            registry.mark(&displaced());
        });
    });
}

#[test]
fn gradual_mark_of_nobody_beside_register() {
    mark_beside_register(0, |registry| registry.mark_where_gradually(|_| true, Topics::UPDATE, 1).for_each(drop));
}
