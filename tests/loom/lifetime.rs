//! Handles that outlive the registry.

use super::{check, key, registry};
use crate::shard::geometry::Geometry;
use crate::shard::shards::Shards;
use crate::shard::totals::Totals;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

/// The registry's last handle and the last sockets go at the same time: everything is freed (loom
/// reports leaks), nothing twice.
#[test]
fn registry_dropped_beside_sockets() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let second = registry.register(key(1)).unwrap();
        let other = thread::spawn(move || drop(first));
        drop(registry);
        second.metadata().look();
        drop(second);
        other.join().unwrap();
    });
}

/// Plain memory in a shard. A thread that holds the shard writes it, and the thread that frees all
/// shards reads it.
#[derive(Default)]
struct Plain(UnsafeCell<u32>);

// SAFETY: in the model below, holders of different shards write to different cells.
#[allow(unsafe_code)]
unsafe impl Sync for Plain {}

impl Plain {
    fn write(&self) {
        self.0.with_mut(|value| {
            // SAFETY: as above, and loom checks it.
            #[allow(unsafe_code)]
            unsafe {
                *value += 1;
            }
        });
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        let written = self.0.with(|value| unsafe { *value });
        assert_eq!(written, 1);
    }
}

/// A registry has two shards, with one socket's hold on each. One thread gives up the first hold,
/// another one the registry and the second hold. Only the last of these frees the shards, and it
/// sees what both threads wrote.
#[test]
fn last_holders_beside_each_other() {
    check(|| {
        let totals = Arc::new(Totals::new(2, 2));
        let shards = Shards::<u8, (), Plain>::new(2, Geometry::growing(2, 1), &totals, Plain::default);
        let [first, second] = [0, 1].map(|index: usize| shards[index].hold(0).0);
        let other = thread::spawn(move || {
            first.observer.write();
            drop(first);
        });
        drop(shards);
        second.observer.write();
        drop(second);
        other.join().unwrap();
    });
}
