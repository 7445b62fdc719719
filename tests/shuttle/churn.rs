//! Sockets that come and go while others mark, look and walk.

use super::{Census, choose, crowd, explore, world};
use crate::{Socket, SocketId, Topics};
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::mpsc;

/// Few keys, so that they share slots and change hands; ids, bounds and reach are checked at every
/// step.
#[test]
fn reconnect_storm() {
    explore(|| {
        let (registry, census) = (world(1), Census::default());
        let (inside, of_all) = (registry.clone(), census.clone());
        crowd(6, move |_| {
            for _ in 0..3 {
                let key = choose(2);
                let socket = of_all.register(&inside, key).expect("far from every limit");
                assert!(inside.mark(&key) >= 1);
                assert_eq!(socket.take_due(), Topics::UPDATE, "marked by this very thread");
                of_all.check_bounds(&inside, 2);
                of_all.leave(&inside, socket);
            }
        });
        census.check_empty(registry);
    });
}

/// Every owner keeps its sockets while tables are added; then all leave at the same time.
#[test]
fn growth_under_everybody() {
    explore(|| {
        let (registry, census) = (world(1), Census::default());
        let (inside, of_all) = (registry.clone(), census.clone());
        let held = crowd(5, move |n| {
            let mut held = Vec::new();
            for key in [0, 10 + n, 1, 20 + n] {
                held.push(of_all.register(&inside, key).expect("far from every limit"));
                for socket in &held {
                    assert!(inside.contains(socket.id()) && inside.is_active(socket.key()));
                    assert!(inside.mark(socket.key()) >= 1);
                    assert_eq!(socket.take_due(), Topics::UPDATE);
                }
            }
            held
        });
        assert_eq!((registry.key_count(), registry.socket_count()), (12, 20));
        assert_eq!((registry.mark(&0), registry.mark(&1), registry.mark(&23)), (5, 5, 1));
        assert_eq!(registry.sockets_of(&1).len(), 5);
        let (inside, of_all, held) = (registry.clone(), census.clone(), Mutex::new(held));
        crowd(5, move |_| {
            let mine = held.lock().unwrap().pop().expect("one for each");
            mine.into_iter().for_each(|socket| of_all.leave(&inside, socket));
        });
        census.check_empty(registry);
    });
}

/// A walk shows who stays exactly once, no socket twice, and values that are alive and belong
/// together.
#[test]
fn walks_among_churn() {
    explore(|| {
        let (registry, census) = (world(2), Census::default());
        let stay: Vec<_> = [0, 0, 1].map(|key| census.register(&registry, key).unwrap()).into();
        let ids: Vec<SocketId> = stay.iter().map(Socket::id).collect();
        let (inside, of_all) = (registry.clone(), census.clone());
        crowd(6, move |n| match n {
            0 | 1 => {
                let mut seen = HashSet::new();
                inside.for_each(|socket| {
                    assert!(seen.insert(socket.id()), "{} was shown twice", socket.id());
                    assert_eq!(socket.metadata().look(), *socket.key());
                });
                assert!(ids.iter().all(|id| seen.contains(id)), "who stays was not shown");
            }
            2 => {
                let shown = inside.with_socket(ids[1], |socket| socket.metadata().look());
                assert_eq!(shown, Some(0));
                assert!(inside.sockets_of(&0).contains(&ids[1]));
            }
            _ => {
                for _ in 0..3 {
                    let socket = of_all.register(&inside, choose(3)).unwrap();
                    of_all.leave(&inside, socket);
                }
            }
        });
        stay.into_iter().for_each(|socket| census.leave(&registry, socket));
        census.check_empty(registry);
    });
}

/// Others look into a socket and mark it by its id while its owner leaves and another one takes the
/// slot.
#[test]
fn looks_and_marks_by_id_among_churn() {
    explore(|| {
        let (registry, census) = (world(1), Census::default());
        let first: Vec<_> = [0, 0].map(|key| census.register(&registry, key).unwrap()).into();
        let ids: Vec<SocketId> = first.iter().map(Socket::id).collect();
        let (inside, of_all, first) = (registry.clone(), census.clone(), Mutex::new(first));
        crowd(7, move |n| match n {
            0 | 1 => {
                let mine = first.lock().unwrap().pop().expect("one for each");
                of_all.leave(&inside, mine);
            }
            2 | 3 => {
                for id in &ids {
                    inside.mark_socket_topics(*id, Topics::topic(7));
                    inside.with_socket(*id, |socket| assert_eq!((socket.id(), socket.metadata().look()), (*id, 0)));
                }
            }
            _ => {
                for key in [0, choose(2)] {
                    let socket = of_all.register(&inside, key).unwrap();
                    assert!(socket.take_due().is_empty(), "due for what was meant for another socket");
                    of_all.leave(&inside, socket);
                }
            }
        });
        census.check_empty(registry);
    });
}

/// Handles go to other threads, and the last of the registry's goes while they are on their way.
#[test]
fn handles_on_other_threads() {
    explore(|| {
        let (registry, census) = (world(2), Census::default());
        let (sender, receiver) = mpsc::channel();
        let sender = Mutex::new((sender, registry.clone()));
        let of_all = census.clone();
        drop(registry);
        crowd(5, move |n| {
            let (sender, registry) = sender.lock().unwrap().clone();
            let (one, other) = (of_all.register(&registry, n % 2).unwrap(), of_all.register(&registry, n).unwrap());
            assert!(registry.mark(&n) >= 1);
            sender.send(one).unwrap();
            if n % 2 == 0 {
                drop(registry);
            }
            drop(other);
        });
        let rest: Vec<_> = receiver.into_iter().collect();
        assert_eq!(rest.len(), 5);
        let rest = Mutex::new(rest);
        crowd(5, move |_| {
            let mine = rest.lock().unwrap().pop().expect("one for each");
            assert_eq!(mine.metadata().look(), *mine.key());
        });
        assert_eq!(census.0.values.load(std::sync::atomic::Ordering::SeqCst), 0, "values outlive their sockets");
    });
}
