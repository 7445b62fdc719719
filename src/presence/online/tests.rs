#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;

fn keys() -> OnlineKeys<u8> {
    OnlineKeys::new(u8::clone)
}

fn events(keys: &mut OnlineKeys<u8>) -> Vec<PresenceEvent<u8>> {
    let mut events: Vec<_> = std::iter::from_fn(|| keys.next()).collect();
    // What was not met is yielded in any order.
    events.sort_by_key(|event| match event {
        PresenceEvent::Online { key, .. } | PresenceEvent::Offline { key, .. } => *key,
        PresenceEvent::Lagged => unreachable!("not from here"),
    });
    assert!(keys.is_yielded());
    events
}

fn hear(keys: &mut OnlineKeys<u8>, key: u8, sequences: &[u64]) -> Vec<PresenceEvent<u8>> {
    sequences.iter().for_each(|&sequence| keys.hear(Change { key, sequence }));
    events(keys)
}

#[test]
fn events_alternate_and_rise_whichever_way_they_come() {
    let mut keys = keys();
    assert_eq!(hear(&mut keys, 1, &[2, 2, 3, 3]), [online(1, 2), offline(1, 3)]);
    assert_eq!(hear(&mut keys, 1, &[4, 6, 5]), [online(1, 4), offline(1, 5), online(1, 6)]);
    assert_eq!(hear(&mut keys, 1, &[4, 5, 7]), [offline(1, 7)]);
    assert_eq!(keys.len(), 0);
}

#[test]
fn what_a_walk_does_not_meet_has_gone() {
    let mut keys = keys();
    for key in 1..=6 {
        hear(&mut keys, key, &[2 * u64::from(key)]);
    }
    keys.begin_walk();
    keys.on_active(1, 2);
    keys.on_active(2, 20);
    assert_eq!(events(&mut keys), [offline(2, 5), online(2, 20)]);
    // Told while the walk is under way.
    assert_eq!(hear(&mut keys, 3, &[7]), [offline(3, 7)]);
    assert_eq!(hear(&mut keys, 4, &[30]), [offline(4, 9), online(4, 30)]);
    assert_eq!(keys.len(), 5);
    keys.end_walk();
    assert!(!keys.is_yielded());
    assert_eq!(events(&mut keys), [offline(5, 11), offline(6, 13)]);
    assert_eq!(hear(&mut keys, 5, &[11]), [], "an end that is told late was found out");
    assert_eq!(keys.len(), 3);
    keys.begin_walk();
    keys.end_walk();
    assert_eq!(events(&mut keys), [offline(1, 3), offline(2, 21), offline(4, 31)]);
}
