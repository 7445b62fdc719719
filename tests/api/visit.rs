//! Walking (`for_each`, `for_each_of`, `with_socket`): who stays throughout is seen exactly once,
//! and none that had left.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::thread;

use futures_util::FutureExt;
use socket_registry::{Registry, Socket, SocketId, Topics};
use testkit::{Over, crowd};

#[test]
fn a_walk_shows_every_socket_as_it_is() {
    let registry = Registry::<u64, String>::new();
    let sockets: Vec<_> = (0..200).map(|n| registry.register_with(n / 4, format!("tab {n}")).unwrap()).collect();
    registry.mark_topics(&7, Topics::topic(3));

    let mut seen = HashMap::new();
    registry.for_each(|socket| {
        let shown = (*socket.key(), socket.metadata().clone(), socket.peek_due());
        assert!(seen.insert(socket.id(), shown).is_none(), "seen twice");
    });

    assert_eq!(seen.len(), sockets.len());
    for socket in &sockets {
        let (key, metadata, due) = &seen[&socket.id()];
        assert_eq!((key, metadata), (socket.key(), socket.metadata()));
        assert_eq!(*due, if *key == 7 { Topics::topic(3) } else { Topics::EMPTY });
        assert_eq!(socket.peek_due(), *due, "a walk takes nothing");
    }
}

#[test]
fn an_empty_registry_has_nothing_to_walk() {
    let registry = Registry::<u64>::new();
    drop(registry.register(42).unwrap());
    registry.for_each(|socket| panic!("{} is there", socket.id()));
}

#[test]
fn with_socket_shows_the_socket_it_names_and_returns_what_its_closure_does() {
    let registry = Registry::<u64, &str>::new();
    let tab = registry.register_with(42, "tab").unwrap();
    let phone = registry.register_with(42, "phone").unwrap();
    registry.mark_socket_topics(phone.id(), Topics::topic(9));
    let shown =
        |id| registry.with_socket(id, |socket| (socket.id(), *socket.key(), *socket.metadata(), socket.peek_due()));
    assert_eq!(shown(tab.id()), Some((tab.id(), 42, "tab", Topics::EMPTY)));
    assert_eq!(shown(phone.id()), Some((phone.id(), 42, "phone", Topics::topic(9))));
    let left = tab.id();
    drop(tab);
    assert_eq!(shown(left), None);
    assert_eq!(shown(phone.id()), Some((phone.id(), 42, "phone", Topics::topic(9))));
}

/// A closure that walks may use the registry meanwhile: nothing is locked.
#[test]
fn a_closure_may_use_the_registry() {
    let registry = Registry::<u64>::new();
    let held: Vec<_> = (0..20).map(|key| registry.register(key).unwrap()).collect();
    let mut joined = Vec::new();
    let mut walked = 0;
    registry.for_each(|socket| {
        // Those who join during the walk may be met or not; they bring no other socket along.
        if *socket.key() >= 100 {
            return;
        }
        walked += 1;
        assert_eq!(registry.mark(socket.key()), 1);
        joined.push(registry.register(100 + socket.key()).unwrap());
        assert!(registry.with_socket(socket.id(), |same| same.peek_due()) == Some(Topics::UPDATE));
    });
    assert_eq!(walked, held.len());
    assert_eq!(registry.socket_count(), held.len() + joined.len());
}

/// A closure may even end the life of the socket it looks at, and of those it will never meet.
#[test]
fn a_closure_may_drop_sockets() {
    let registry = Registry::<u64>::new();
    let mut held: HashMap<SocketId, Socket<u64>> =
        (0..50).map(|n| registry.register(n / 3).unwrap()).map(|socket| (socket.id(), socket)).collect();
    registry.for_each(|socket| {
        let key = *socket.key();
        assert!(held.remove(&socket.id()).is_some(), "seen after it was dropped");
        assert!(!registry.contains(socket.id()));
        assert_eq!(*socket.key(), key, "still there for who looks at it");
        if let Some(&another) = held.keys().next() {
            held.remove(&another);
        }
    });
    assert_eq!((held.len(), registry.socket_count()), (0, 0));
}

/// Scenario 25.
#[test]
fn a_walk_among_churn_sees_who_stays_once_and_nobody_who_had_left() {
    const CHURNERS: usize = 3;
    const WALKS: usize = 100;
    let registry = Registry::<u64, u64>::builder().shards(4).build().unwrap();
    let staying: Vec<_> = (0..40).map(|n| registry.register_with(n % 10, (n % 10) * 2).unwrap()).collect();
    let stays: HashSet<SocketId> = staying.iter().map(Socket::id).collect();
    // Written after a drop returned: a socket that is in here when a walk begins had left before
    // it.
    let left = Mutex::new(HashSet::new());
    let walks = Over::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            crowd(CHURNERS, |thread| {
                let mut step = thread as u64;
                while !walks.is_over() {
                    step += 1;
                    // Half of them join the keys of those who stay.
                    let key = step % 20;
                    let churning = registry.register_with(key, key * 2).unwrap();
                    let id = churning.id();
                    drop(churning);
                    left.lock().unwrap().insert(id);
                }
            });
        });
        let _over = walks.at_the_end();
        for _ in 0..WALKS {
            let left_before = left.lock().unwrap().clone();
            let mut seen = HashSet::new();
            registry.for_each(|socket| {
                assert!(seen.insert(socket.id()), "seen twice");
                assert!(!left_before.contains(&socket.id()), "had left before the walk");
                assert_eq!(*socket.metadata(), socket.key() * 2, "another socket's metadata");
            });
            assert!(seen.is_superset(&stays));
        }
    });
    assert_eq!(registry.socket_count(), staying.len());
}

/// Scenario 25 for one socket: either it is shown whole, or it is gone.
#[test]
fn with_socket_among_churn_shows_what_it_names_or_nothing() {
    const ROUNDS: u64 = 20_000;
    let registry = Registry::<u64, u64>::builder().max_sockets(2).build().unwrap();
    let current = Mutex::new(None);
    let churn = Over::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !churn.is_over() {
                let Some((id, key)) = *current.lock().unwrap() else {
                    continue;
                };
                let shown = registry.with_socket(id, |socket| (socket.id(), *socket.key(), *socket.metadata()));
                assert!(shown.is_none() || shown == Some((id, key, key * 2)));
            }
        });
        let _over = churn.at_the_end();
        for key in 0..ROUNDS {
            let socket = registry.register_with(key, key * 2).unwrap();
            *current.lock().unwrap() = Some((socket.id(), key));
        }
    });
}

#[test]
fn for_each_of_shows_the_sockets_of_a_key_and_no_other() {
    let registry = Registry::<String, u64>::new();
    let sockets: Vec<_> = (0..60).map(|n| registry.register_with(format!("user {}", n / 4), n).unwrap()).collect();
    for user in 0..15 {
        let mut seen = Vec::new();
        registry.for_each_of(format!("user {user}").as_str(), |socket| {
            assert_eq!(*socket.key(), format!("user {user}"));
            seen.push((socket.id(), *socket.metadata()));
        });
        seen.sort_by_key(|&(_, n)| n);
        let expected: Vec<_> = sockets[4 * user..][..4].iter().map(|s| (s.id(), *s.metadata())).collect();
        assert_eq!(seen, expected);
    }
    registry.for_each_of("nobody", |socket| panic!("{} is there", socket.id()));
}

#[test]
fn for_each_of_may_end_the_key_it_walks() {
    let registry = Registry::<u64>::new();
    let mut held: Vec<_> = (0..5).map(|_| registry.register(42).unwrap()).collect();
    let mut seen = 0;
    let mut others = Vec::new();
    registry.for_each_of(&42, |socket| {
        assert_eq!(*socket.key(), 42);
        seen += 1;
        held.clear();
        // They take the places that were just left.
        others.extend((0..5).map(|n| registry.register(100 + n / 2).unwrap()));
    });
    assert_eq!(seen, 1, "the others are gone");
    assert!(!registry.is_active(&42));
}

#[test]
fn a_panic_of_the_closure_of_for_each_of_passes_on() {
    let registry = Registry::<u64>::new();
    let socket = registry.register(42).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| registry.for_each_of(&42, |_| resume_unwind(Box::new("look")))));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"look"));
    drop(socket);
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
}

/// While the walk goes on, keys are taken over, go, and come back in the same slots with sockets
/// that take nothing over. How far the walk is by then depends on the hash seeds, so the test tries
/// several registries.
#[test]
fn a_walk_beside_churn_meets_nobody_twice() {
    for _ in 0..20 {
        let registry = Registry::<u64>::builder().shards(1).build().unwrap();
        let _first = registry.register(0).unwrap();
        let (mut met, mut held) = (Vec::new(), Vec::new());
        registry.for_each(|socket| {
            met.push(socket.id());
            if held.is_empty() {
                for key in 1..6 {
                    let mut taking_over = registry.register_taking_over(key, ()).unwrap();
                    assert!(taking_over.due().now_or_never().is_none());
                    drop(taking_over);
                    held.extend([registry.register(key).unwrap(), registry.register(key).unwrap()]);
                }
            }
        });
        let count = met.len();
        met.sort_unstable();
        met.dedup();
        assert_eq!(met.len(), count, "a socket that took nothing over was met twice");
    }
}

/// Keys in tables that were added as the shard grew are met as well, and idle ones are not.
#[test]
fn every_active_key_is_met_once_whatever_the_closure_does() {
    let registry = Registry::<u64>::builder().shards(2).build().unwrap();
    let mut sockets: Vec<_> = (0..2_000).map(|n| registry.register(n / 2).unwrap()).collect();
    sockets.truncate(1_000);
    let mut keys = Vec::new();
    registry.for_each_key(|&key| {
        assert_eq!((registry.count_of(&key), registry.mark(&key)), (2, 2));
        sockets.retain(|socket| *socket.key() != key);
        keys.push(key);
    });
    keys.sort_unstable();
    assert!(keys.into_iter().eq(0..500));
    assert_eq!((registry.key_count(), registry.count_of(&0)), (0, 0));
    registry.for_each_key(|key| panic!("{key} is idle"));
}
