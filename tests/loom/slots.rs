//! Slots of one key: the chain, reuse, and visitors.

use super::takeover::with_old;
use super::{check, is_due, key, registry};
use crate::Topics;
use loom::thread;

/// One of two sockets goes, concurrent with a mark: the other one is reached.
#[test]
fn mark_beside_drop_of_the_first() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let mut second = registry.register(key(1)).unwrap();
        let marker = thread::spawn(move || registry.mark(&1));
        drop(first);
        assert!((1..=2).contains(&marker.join().unwrap()));
        assert!(is_due(&mut second));
    });
}

/// The same the other way round.
#[test]
fn mark_beside_drop_of_the_second() {
    check(|| {
        let registry = registry();
        let mut first = registry.register(key(1)).unwrap();
        let second = registry.register(key(1)).unwrap();
        let marker = thread::spawn(move || registry.mark(&1));
        drop(second);
        assert!((1..=2).contains(&marker.join().unwrap()));
        assert!(is_due(&mut first));
    });
}

/// A socket moves into the inline slot while only one in the chain is left, concurrent with a mark:
/// that one is reached.
#[test]
fn mark_beside_return_to_the_own_place() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let mut second = registry.register(key(1)).unwrap();
        drop(first);
        let joiner = {
            let registry = registry.clone();
            thread::spawn(move || drop(registry.register(key(1)).unwrap()))
        };
        assert!((1..=2).contains(&registry.mark(&1)));
        joiner.join().unwrap();
        assert!(is_due(&mut second));
    });
}

/// The chain goes back to the slab, and another key takes the slot, concurrent with a mark that
/// walks it: the latter is not marked.
#[test]
fn chain_returned_beside_mark() {
    check(|| {
        let registry = registry();
        let sockets = [registry.register(key(1)).unwrap(), registry.register(key(1)).unwrap()];
        let marker = {
            let registry = registry.clone();
            thread::spawn(move || registry.mark(&1))
        };
        drop(sockets);
        let mut others = [registry.register(key(2)).unwrap(), registry.register(key(2)).unwrap()];
        assert!(marker.join().unwrap() <= 2);
        assert!(others.iter_mut().all(|socket| !is_due(socket)));
        assert_eq!(registry.mark(&2), 2);
    });
}

/// The same for a mark of the only socket, which is in the chain. Its key comes back meanwhile, and
/// has one socket again.
#[test]
fn chain_returned_beside_mark_of_the_only_socket() {
    check(|| {
        let (registry, old) = with_old(true);
        // So the key comes back to the same bucket: there are two.
        let _rival = registry.register(key(2)).unwrap();
        let marker = {
            let registry = registry.clone();
            thread::spawn(move || registry.mark(&1))
        };
        drop(old);
        let mut other = registry.register(key(2)).unwrap();
        let _next = registry.register(key(1)).unwrap();
        assert!(marker.join().unwrap() <= 1);
        assert!(!is_due(&mut other));
    });
}

/// A mark looks for the only socket in the chain, where a second one comes meanwhile: the only one
/// was in the inline slot.
#[test]
fn register_beside_mark_of_the_only_socket() {
    check(|| {
        let registry = registry();
        let mut first = registry.register(key(1)).unwrap();
        drop(registry.register(key(1)).unwrap());
        let marker = {
            let registry = registry.clone();
            thread::spawn(move || {
                let (shard, fingerprint) = registry.locate(&1u8);
                shard.mark_single_in_chain(&fingerprint, Topics::UPDATE)
            })
        };
        let _second = registry.register(key(1)).unwrap();
        assert!(marker.join().unwrap().is_none() || is_due(&mut first), "the key has two sockets");
    });
}

/// The key's only socket is in the chain, and a second one comes to the inline slot, beside a mark
/// of many keys: it marks the first one too.
#[test]
fn register_beside_mark_of_many() {
    check(|| {
        let (registry, mut old) = with_old(true);
        let marker = {
            let registry = registry.clone();
            thread::spawn(move || registry.mark_many(&[1]))
        };
        let _second = registry.register(key(1)).unwrap();
        marker.join().unwrap();
        assert!(is_due(&mut old), "an update was lost");
    });
}

/// Two sockets of a key join while one is there: three slots, three ids, all reached.
#[test]
fn two_joins() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)).unwrap())
        };
        let second = registry.register(key(1)).unwrap();
        let third = other.join().unwrap();
        assert!(first.id() != second.id() && second.id() != third.id() && third.id() != first.id());
        assert_eq!((registry.mark(&1), registry.sockets_of(&1).len()), (3, 3));
    });
}

/// A slot of the chain is given back and taken from both sides.
#[test]
fn chain_reused_beside_join() {
    check(|| {
        let registry = registry();
        let first = registry.register(key(1)).unwrap();
        let second = registry.register(key(1)).unwrap();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || {
                drop(second);
                registry.register(key(1)).unwrap()
            })
        };
        let third = registry.register(key(1)).unwrap();
        let fourth = other.join().unwrap();
        assert!(third.id() != fourth.id() && first.id() != third.id());
        assert_eq!((registry.mark(&1), registry.socket_count()), (3, 3));
    });
}

/// The slots of a key that went idle are there for the next key.
#[test]
fn chain_returned_when_idle() {
    check(|| {
        let registry = registry();
        let slot_of = |number| {
            let sockets = [registry.register(key(number)).unwrap(), registry.register(key(number)).unwrap()];
            assert_eq!(registry.mark(&number), 2);
            sockets[1].id().addr(0).unwrap()
        };
        let slot = slot_of(1);
        assert!(slot.is_overflow());
        assert_eq!(slot_of(2), slot);
    });
}

/// A key that was idle does not have the slots any more that another key has taken meanwhile.
#[test]
fn chain_forgotten_when_idle() {
    check(|| {
        let registry = registry();
        let two = |number| [(); 2].map(|()| registry.register(key(number)).unwrap());
        drop(two(1));
        let _sockets = [two(2), two(1)];
        assert_eq!((registry.mark(&1), registry.mark(&2)), (2, 2));
    });
}

/// A slot is popped while another thread pops it, too, and the one below it, and puts it back: no
/// slot is in two hands.
#[test]
fn pop_beside_pops_and_push() {
    use crate::storage::slab::{FreeList, Slab};
    use loom::sync::Arc;
    check(|| {
        let shared = Arc::new((Slab::<()>::new(3), FreeList::default()));
        for _ in 0..3 {
            let slot = shared.0.allocate().unwrap().unwrap();
            shared.1.push(&shared.0, slot, slot);
        }
        let other = {
            let shared = shared.clone();
            thread::spawn(move || {
                let (slab, stack) = &*shared;
                let (top, below) = (stack.pop(slab)?, stack.pop(slab)?);
                stack.push(slab, top, top);
                Some(below)
            })
        };
        let (slab, stack) = &*shared;
        let mut slots = vec![stack.pop(slab).unwrap()];
        slots.extend(other.join().unwrap());
        slots.extend(std::iter::from_fn(|| stack.pop(slab)));
        let count = slots.len();
        slots.sort_by_key(|slot| slot.raw());
        slots.dedup();
        assert_eq!((slots.len(), count), (3, 3));
    });
}

/// A socket is dropped while a visitor looks at it: what is looked at stays until the look ends,
/// and then goes.
#[test]
fn visit_beside_drop() {
    check(|| {
        let registry = registry();
        let socket = registry.register(key(1)).unwrap();
        let id = socket.id();
        let visitor = {
            let registry = registry.clone();
            thread::spawn(move || {
                registry.with_socket(id, |socket| {
                    socket.metadata().look();
                    socket.key().1.look();
                })
            })
        };
        drop(socket);
        assert_eq!(registry.key_count(), 0);
        let _next = registry.register(key(1)).unwrap();
        visitor.join().unwrap();
        assert_eq!(registry.mark(&1), 1);
    });
}

/// Two look at a socket that is dropped: one of the three cleans up.
#[test]
fn two_visits_beside_drop() {
    check(|| {
        let registry = registry();
        let socket = registry.register(key(1)).unwrap();
        let id = socket.id();
        let visitors = [(); 2].map(|()| {
            let registry = registry.clone();
            thread::spawn(move || registry.with_socket(id, |socket| socket.metadata().look()))
        });
        drop(socket);
        for visitor in visitors {
            visitor.join().unwrap();
        }
        assert_eq!(registry.socket_count(), 0);
        assert!(registry.register(key(1)).is_ok());
    });
}

/// Two look at a socket whose owner has left: the one that is done first leaves the values to the
/// other one.
#[test]
fn visit_beside_visit_after_drop() {
    check(|| {
        let registry = registry();
        let socket = registry.register(key(1)).unwrap();
        let id = socket.id();
        let mut owner = Some(socket);
        let (looking, looked) = (registry.clone(), registry.clone());
        let mut other = None;
        looking.with_socket(id, |seen| {
            other = Some(thread::spawn(move || looked.with_socket(id, |seen| seen.metadata().look())));
            drop(owner.take());
            seen.metadata().look();
        });
        other.unwrap().join().unwrap();
        assert_eq!((registry.socket_count(), registry.key_count()), (0, 0));
    });
}

/// A walk that meets a socket as it moves in sees all of its values.
#[test]
fn walk_beside_register() {
    check(|| {
        let registry = registry();
        let _there = registry.register(key(2)).unwrap();
        let walker = {
            let registry = registry.clone();
            thread::spawn(move || {
                let mut count = 0;
                registry.for_each(|socket| {
                    socket.metadata().look();
                    socket.key().1.look();
                    count += 1;
                });
                count
            })
        };
        let _socket = registry.register(key(1)).unwrap();
        assert!((1..=2).contains(&walker.join().unwrap()));
    });
}

/// A walk sees what is there throughout exactly once, and nothing twice.
#[test]
fn walk_beside_churn() {
    check(|| {
        let registry = registry();
        let goes = registry.register(key(1)).unwrap();
        let stays = registry.register(key(1)).unwrap();
        let walker = {
            let registry = registry.clone();
            thread::spawn(move || {
                let mut ids = Vec::new();
                registry.for_each(|socket| {
                    socket.metadata().look();
                    ids.push(socket.id());
                });
                ids
            })
        };
        drop(goes);
        let _other = registry.register(key(2)).unwrap();
        let mut ids = walker.join().unwrap();
        assert_eq!(ids.iter().filter(|&&id| id == stays.id()).count(), 1);
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    });
}

/// A stale id never matches, also after the slot's last generation.
#[test]
fn ids_are_not_issued_twice() {
    check(|| {
        let registry = registry();
        let mut ids = Vec::new();
        for _ in 0..40 {
            let socket = registry.register(key(1)).unwrap();
            let further = registry.register(key(1)).unwrap();
            ids.extend([socket.id(), further.id()]);
        }
        assert!(ids.iter().all(|&id| !registry.contains(id)));
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    });
}
