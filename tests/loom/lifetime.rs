//! Handles that outlive the registry.

use super::{check, key, registry};
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
