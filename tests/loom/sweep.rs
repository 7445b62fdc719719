//! A key's chain shrinks, concurrent with walks, registrations and removals.

use super::{Guarded, Key, check, check_up_to, key, registry};
use crate::{Registry, Socket, SocketId};
use loom::thread;
use std::ops::ControlFlow;

type Sockets = Vec<Socket<Key, Guarded>>;

fn register(registry: &Registry<Key, Guarded>, of: u8, count: usize) -> Sockets {
    (0..count).map(|_| registry.register(key(of)).unwrap()).collect()
}

/// The sockets that a walk over the key meets, as often as it meets them.
fn walk(registry: &Registry<Key, Guarded>, of: u8) -> Vec<SocketId> {
    let (shard, fingerprint) = registry.locate(&of);
    let mut met = Vec::new();
    shard.visit_key(&shard.find(&fingerprint).unwrap(), |addr, _, seen| {
        met.push(shard.id(crate::storage::slot::LocalId::seen_at(addr, seen)));
        true
    });
    met
}

/// How many slots the chain of the socket's key has.
fn chain_len(registry: &Registry<Key, Guarded>, socket: &Socket<Key, Guarded>) -> u32 {
    let shard = registry.shard_of(socket.id());
    let bucket = shard.bucket_of(socket.id().addr(0).unwrap());
    bucket.cold().chain.len()
}

/// A chain of five slots: the first and the last are used and stay used. The drop of `goes`, in the
/// second one, sweeps the three between them. The next key to need a slot gets the last one of
/// these.
fn long() -> (Registry<Key, Guarded>, Sockets, Socket<Key, Guarded>) {
    let registry = registry();
    let mut all = register(&registry, 1, 6);
    let (head, goes) = (all.pop().unwrap(), all.pop().unwrap());
    let last = all.remove(1);
    drop(all);
    assert_eq!(chain_len(&registry, &head), 5);
    (registry, vec![head, last], goes)
}

/// Walks the key while another thread runs `other`, which returns the sockets that it registered.
/// The walk meets those that stay exactly once.
fn walk_beside<T>(
    preemptions: usize,
    setup: fn() -> (Registry<Key, Guarded>, Sockets, T),
    other: fn(&Registry<Key, Guarded>, T) -> Sockets,
) where
    T: 'static,
{
    check_up_to(preemptions, move || {
        let (registry, stay, goes) = setup();
        let walker = {
            let registry = registry.clone();
            thread::spawn(move || walk(&registry, 1))
        };
        let new = other(&registry, goes);
        let met = walker.join().unwrap();
        let times = |socket: &Socket<Key, Guarded>| met.iter().filter(|&&id| id == socket.id()).count();
        assert!(stay.iter().all(|socket| times(socket) == 1), "a walk missed a socket, or met it twice");
        assert!(
            new.iter().all(|socket| times(socket) <= usize::from(socket.key().0 == 1)),
            "a socket of another key, or twice"
        );
    });
}

/// Another key takes a slot that was unlinked under a walker.
#[test]
fn walk_beside_sweep_and_another_key() {
    walk_beside(2, long, |registry, goes| {
        drop(goes);
        register(registry, 2, 2)
    });
}

/// The same key takes it again.
#[test]
fn walk_beside_sweep_and_the_same_key() {
    walk_beside(1, long, |registry, goes| {
        drop(goes);
        register(registry, 1, 2)
    });
}

/// The slot that was the chain's head passes to another key, after a walker has read that it is the
/// head.
#[test]
fn walk_beside_sweep_of_the_former_head() {
    let full = || {
        let registry = registry();
        let mut all = register(&registry, 1, 4);
        let stay = vec![all.remove(1)];
        all.reverse();
        (registry, stay, all)
    };
    walk_beside(1, full, |registry, goes| {
        let new = registry.register(key(1)).unwrap();
        // The former head first, so that it is the first to be used again, and the head last.
        drop((goes, new));
        let others = register(registry, 2, 2);
        assert!(others[1].id().addr(0).unwrap().is_overflow());
        others
    });
}

/// The slot on which a registration pushes its own is unlinked and becomes the head again: it has a
/// higher position by then.
#[test]
fn push_beside_sweep_and_return_of_the_head() {
    check_up_to(1, || {
        let registry = registry();
        let [inline, _stays, c, d, e, head] = [(); 6].map(|()| registry.register(key(1)).unwrap());
        let other = {
            let registry = registry.clone();
            thread::spawn(move || {
                let new = registry.register(key(1)).unwrap();
                // In the order in which they are used again.
                drop((c, d, head));
                drop((e, inline, new));
                register(&registry, 1, 5)
            })
        };
        let _pushed = registry.register(key(1)).unwrap();
        let _again = other.join().unwrap();
        assert_eq!(walk(&registry, 1).len(), 7);
    });
}

/// The key goes idle while a thread sweeps its chain: the next keys find their buckets and slots in
/// order.
#[test]
fn sweep_beside_the_last_leave() {
    check_up_to(1, || {
        let (registry, stay, goes) = long();
        let sweeper = thread::spawn(move || drop(goes));
        drop(stay);
        let others = register(&registry, 2, 3);
        sweeper.join().unwrap();
        let again = register(&registry, 1, 3);
        for (of, sockets) in [(2, others), (1, again)] {
            assert_eq!((walk(&registry, of).len(), chain_len(&registry, &sockets[0])), (3, 2));
        }
    });
}

/// Most sockets leave while a thread sweeps: it looks again, and so the chain is not left long.
#[test]
fn sweep_beside_removals() {
    check_up_to(2, || {
        let registry = registry();
        let mut all = register(&registry, 1, 8);
        let stays = all.pop().unwrap();
        let [one, two, three] = [(); 3].map(|()| all.pop().unwrap());
        drop(all);
        let sweeper = thread::spawn(move || drop(one));
        drop((two, three));
        sweeper.join().unwrap();
        assert!(chain_len(&registry, &stays) <= 2);
        assert_eq!(walk(&registry, 1), [stays.id()]);
    });
}

/// A slot whose generations are used up leaves the chain, and its group's count.
#[test]
fn retired_slots_are_unlinked() {
    check(|| {
        let registry = registry();
        let stays = registry.register(key(1)).unwrap();
        for _ in 0..20 {
            drop(registry.register(key(1)).unwrap());
            assert!(chain_len(&registry, &stays) <= 2);
        }
        drop(stays);
        let mut counted = 0;
        for page in registry.shard(0).unwrap().slab.pages() {
            let _ = page.each_slot(0, |_, _| {
                counted += 1;
                ControlFlow::Continue(())
            });
        }
        assert_eq!(counted, 0, "a walk would look at slots that nobody uses");
    });
}
