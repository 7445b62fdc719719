//! Takeovers of one key from several sides, concurrent with everything that may meet them.

use super::{Census, Tracked, World, crowd, explore, world};
use crate::{CloseReason, Closed, PresenceEvent, Socket, Topics};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

fn take_over(registry: &World, census: &Census) -> Socket<usize, Tracked> {
    census.0.values.fetch_add(1, SeqCst);
    let metadata = Tracked { key: 0, census: census.clone(), dropped: AtomicBool::new(false) };
    registry.register_taking_over(0, metadata).expect("far from every limit")
}

/// One stays, with what was due for all; the others are told, and keep what they were told; the key
/// is active throughout.
#[test]
fn takeovers_among_everything() {
    explore(|| {
        let (registry, census) = (world(1), Census::default());
        let mut presence = registry.presence();
        let mut held = vec![census.register(&registry, 0).unwrap()];
        let (inside, of_all) = (registry.clone(), census.clone());
        let taken_over = crowd(6, move |n| match n {
            0 | 1 => (0..2).map(|_| take_over(&inside, &of_all)).collect(),
            2 => {
                for topic in 1..4 {
                    assert!(inside.mark_topics(&0, Topics::topic(topic)) >= 1, "the key was seen idle");
                }
                Vec::new()
            }
            3 => {
                inside.mark_all();
                inside.for_each(|socket| assert_eq!(socket.metadata().look(), *socket.key()));
                assert!(inside.key_count() <= 1 + 1 && inside.is_active(&0));
                Vec::new()
            }
            4 => {
                inside.disconnect(&0, CloseReason::LOGGED_OUT);
                Vec::new()
            }
            _ => {
                let other = of_all.register(&inside, 1).unwrap();
                of_all.leave(&inside, other);
                Vec::new()
            }
        });
        held.extend(taken_over.into_iter().flatten());
        let (stay, gone): (Vec<_>, Vec<_>) = held.into_iter().partition(|socket| registry.contains(socket.id()));
        assert_eq!((stay.len(), registry.key_count(), registry.socket_count()), (1, 1, 1));
        assert_eq!(registry.sockets_of(&0), [stay[0].id()]);
        assert!(!matches!(stay[0].close_reason(), Some(Closed::Superseded)));
        assert!(gone.iter().all(|socket| socket.close_reason().is_some() && socket.take_due().is_empty()));
        let all = (0..4).map(Topics::topic).fold(Topics::EMPTY, |all, topic| all | topic);
        assert_eq!(stay[0].take_due() & all, all, "a mark was lost");
        let mut online = Vec::new();
        while let Some(event) = presence.try_next() {
            match event {
                PresenceEvent::Online { key, .. } => online.push(key),
                PresenceEvent::Offline { key, .. } => online.retain(|known| *known != key),
                PresenceEvent::Lagged => {}
            }
        }
        assert_eq!(online, [0]);
        drop((stay, gone));
        drop(presence);
        census.check_empty(registry);
    });
}

/// Three take a key over, and one of them is dropped: at most one of the others stays, for the last
/// to begin may be that one.
#[test]
fn one_of_two_stays_beside_a_third() {
    explore(|| {
        let (registry, census) = (world(1), Census::default());
        let (inside, of_all) = (registry.clone(), census.clone());
        let held = crowd(3, move |n| {
            let socket = take_over(&inside, &of_all);
            (n != 2).then_some(socket)
        });
        let held: Vec<_> = held.into_iter().flatten().collect();
        let stay = held.iter().filter(|socket| socket.close_reason().is_none()).count();
        assert!(stay <= 1, "{stay} of two that took over stay, each for good");
        drop(held);
        census.check_empty(registry);
    });
}

/// A takeover comes and goes, and another socket is registered: the takeovers that it has
/// superseded leave that one alone, so there is always one that stays.
#[test]
fn one_stays_beside_a_takeover_that_leaves() {
    explore(|| {
        let (registry, census) = (world(1), Census::default());
        let _there = census.register(&registry, 0).unwrap();
        let (inside, of_all) = (registry.clone(), census.clone());
        let held = crowd(3, move |n| {
            let socket = take_over(&inside, &of_all);
            if n < 2 {
                return socket;
            }
            let metadata = Tracked { key: 0, census: of_all.clone(), dropped: AtomicBool::new(false) };
            of_all.0.values.fetch_add(1, SeqCst);
            // While the first one is there, so that the other gets a slot that no takeover has had.
            let later = inside.register_with(0, metadata).expect("far from every limit");
            drop(socket);
            later
        });
        assert!(held.iter().any(|socket| registry.contains(socket.id())), "each is superseded by one that is gone");
    });
}
