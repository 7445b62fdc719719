//! Messages that no honest node sends: counted and dropped, and what they broke is mended.

use super::node::config;
use crate::engine::{Action, Config, Engine, Time};
use crate::wire::items::Keys;
use crate::wire::subject::Subject;
use crate::wire::{Beat, Command, END_OF_SEQUENCE, Message, Op, PeerState, Range, Row, encode};
use bytes::Bytes;
use std::time::Duration;

const OWN: u64 = 1;
const LANES: u16 = 4;

fn at(ms: u64) -> Time {
    Time { since_start: Duration::from_millis(ms), wall_ms: 1_000_000 + ms }
}

/// An engine that has joined, and the time.
fn joined() -> (Engine, u64) {
    let mut engine = Engine::new(Config { max_peers: 50, ..config(OWN, LANES, true, None) }, at(0));
    let mut now = 0;
    while !engine.is_joined() {
        pass(&mut engine, &mut now, 100);
    }
    assert!(engine.start_pass().is_some());
    engine.pass_done();
    (engine, now)
}

/// Lets time pass, with the engine's own beats coming back. Returns what else it does.
fn pass(engine: &mut Engine, now: &mut u64, ms: u64) -> Vec<Action> {
    let (end, mut all) = (*now + ms, Vec::new());
    while *now < end {
        *now += 50;
        engine.tick(at(*now));
        let actions: Vec<_> = engine.actions().collect();
        for action in actions {
            match action {
                Action::Publish { subject: Subject::Beat, bytes } => engine.hear(at(*now), Subject::Beat, bytes),
                other => all.push(other),
            }
        }
    }
    all
}

fn keys(keys: &[&[u8]]) -> Keys {
    keys.iter().copied().collect()
}

fn marks(lane: u16, seq: u64) -> Message {
    Message::Marks { lane, seq, topics: 1, keys: keys(&[b"k"]) }
}

fn hear(engine: &mut Engine, now: u64, sender: u64, message: &Message) -> Vec<Action> {
    let subject = match message {
        Message::Marks { lane, .. } | Message::Command { lane, .. } => Subject::Lane(*lane),
        Message::Beat(_) | Message::Bye => Subject::Beat,
        Message::Presence { .. } => Subject::Presence,
        Message::Relay(_) => Subject::Relay,
        _ => Subject::Node(OWN),
    };
    engine.hear(at(now), subject, encode(sender, message));
    engine.actions().collect()
}

fn beat(now: u64, newest: u64) -> Message {
    let newest = vec![newest; LANES.into()];
    Message::Beat(Beat { stamp: (1_000_000 + now) << 16, serves: true, newest, ..Beat::default() })
}

fn marked(actions: &[Action]) -> usize {
    actions.iter().filter(|action| matches!(action, Action::Mark { .. })).count()
}

#[test]
fn garbage_is_counted_and_does_nothing() {
    let (mut engine, now) = joined();
    let mut random = 1_u64;
    for length in 0..2000_usize {
        let mut bytes: Vec<_> = (0..length % 300)
            .map(|_| {
                random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                (random >> 56) as u8
            })
            .collect();
        if let [version, kind, ..] = &mut bytes[..] {
            (*version, *kind) = (1, 1 + *kind % 13);
        }
        let subjects = [Subject::Lane(0), Subject::Beat, Subject::Presence, Subject::Node(OWN), Subject::Relay];
        engine.hear(at(now), subjects[length % 5], bytes.into());
    }
    let bad = engine.stats().bad;
    assert!(bad > 1900, "{bad} of 2,000");
    engine.hear(at(now), Subject::Lane(0), Bytes::from(vec![1; 1 << 20]));
    engine.hear(at(now), Subject::Node(77), encode(5, &Message::HistoryAsk));
    engine.hear(at(now), Subject::Lane(1), encode(5, &marks(2, 1)));
    engine.hear(at(now), Subject::Node(OWN), encode(5, &Message::Bye));
    assert_eq!(engine.stats().bad, bad + 4, "1 MiB, for another, in another lane, on another subject");
}

#[test]
fn senders_that_nobody_knows_do_not_make_the_engine_grow() {
    let (mut engine, mut now) = joined();
    for sender in 100..10_100 {
        let message = if sender % 2 == 0 { marks(0, sender) } else { beat(now, 3) };
        hear(&mut engine, now, sender, &message);
    }
    assert_eq!(engine.health(at(now)).peers, 50);
    assert!(engine.stats().refused > 9000);
    pass(&mut engine, &mut now, 20_000);
    assert_eq!(engine.health(at(now)).peers, 0, "they are silent");
    hear(&mut engine, now, 99, &beat(now, 0));
    assert_eq!(engine.health(at(now)).peers, 1, "there is room for one that is heard");
}

#[test]
fn a_forged_beat_of_a_stranger_makes_nothing_due() {
    let (mut engine, mut now) = joined();
    let Message::Beat(old) = beat(now, 0) else { unreachable!("it is one") };
    hear(&mut engine, now, 99, &Message::Beat(Beat { joined: true, heard: 1000, ..old }));
    pass(&mut engine, &mut now, 20_000);
    assert!(engine.start_pass().is_none());
}

/// Copies, also of messages that were missing for a time.
#[test]
fn a_message_that_comes_again_does_nothing() {
    let (mut engine, now) = joined();
    hear(&mut engine, now, 9, &beat(now, 0));
    for (seq, acts) in [(1, 1), (2, 1), (1, 0), (4, 1), (4, 0), (2, 0), (3, 1), (3, 0)] {
        assert_eq!(marked(&hear(&mut engine, now, 9, &marks(0, seq))), acts, "{seq}");
    }
    assert_eq!((engine.stats().duplicates, engine.stats().replayed), (4, 1));
    assert_eq!(marked(&hear(&mut engine, now, 9, &marks(1, 1))), 1, "each lane has numbers of its own");
    assert_eq!(marked(&hear(&mut engine, now, 10, &marks(0, 1))), 1, "and each life of a node");
}

/// Somebody speaks in a node's name, just ahead of it or far: its next beats set that right.
#[test]
fn a_forged_number_is_mended_by_the_next_beats() {
    for forged in [2, 500, 1 << 62, END_OF_SEQUENCE - 1] {
        let (mut engine, mut now) = joined();
        let mut seq = 1;
        hear(&mut engine, now, 9, &beat(now, 0));
        hear(&mut engine, now, 9, &marks(0, 1));
        hear(&mut engine, now, 9, &marks(0, forged));
        let mut was_repaired = false;
        for _ in 0..4 {
            pass(&mut engine, &mut now, 1000);
            hear(&mut engine, now, 9, &beat(now, seq));
            seq += 1;
            (0..LANES).for_each(|lane| drop(hear(&mut engine, now, 9, &marks(lane, seq))));
            if let Some(lanes) = engine.start_pass() {
                was_repaired |= lanes.contains(0);
                engine.pass_done();
            }
        }
        // A number just ahead is overtaken before the second beat: the node's own message was
        // taken for one heard before, which nobody can tell from a copy.
        assert!(was_repaired || forged == 2, "{forged}: real messages were dropped, so the lane is due");
        assert_eq!(marked(&hear(&mut engine, now, 9, &marks(0, seq + 1))), 1, "{forged}");
        assert!(engine.health(at(now)).missing == 0, "{forged}");
    }
}

#[test]
fn what_is_missing_is_bounded_and_asked_for_in_windows() {
    let (mut engine, mut now) = joined();
    hear(&mut engine, now, 9, &beat(now, 0));
    (1..20_000).for_each(|n| drop(hear(&mut engine, now, 9, &marks(0, 2 * n))));
    assert!(engine.health(at(now)).missing <= 1024, "{}", engine.health(at(now)).missing);
    assert!(engine.start_pass().is_some_and(|lanes| lanes.contains(0)));
    engine.pass_done();
    hear(&mut engine, now, 9, &marks(1, 100_000));
    let asked = pass(&mut engine, &mut now, 200);
    let bytes: usize = asked
        .iter()
        .map(|action| match action {
            Action::Publish { subject: Subject::Node(9), bytes } => bytes.len(),
            other => panic!("{other:?}"),
        })
        .sum();
    assert!(bytes < 20_000, "{bytes}");
    hear(&mut engine, now, 9, &marks(2, END_OF_SEQUENCE - 1));
    assert!(engine.start_pass().is_some_and(|lanes| lanes.contains(2)), "so much is not asked for");
}

#[test]
fn a_storm_of_requests_is_answered_in_bounds() {
    let (mut engine, mut now) = joined();
    for key in 0..5000_u32 {
        engine.mark(&key.to_le_bytes(), 1);
        engine.flush(at(now));
    }
    let sent = pass(&mut engine, &mut now, 50);
    assert!(sent.len() >= 5000);
    let all = vec![Range { lane: 0, from: 1, to: END_OF_SEQUENCE - 1 }; 1024];
    let answers = hear(&mut engine, now, 9, &Message::Nack(all));
    assert!(answers.len() <= 1025, "{}", answers.len());
    assert!(hear(&mut engine, now, 9, &Message::Reset(vec![Range { lane: 0, from: 1, to: 9 }])).is_empty());
    assert!(engine.start_pass().is_none(), "nothing of it was missing");
}

/// Each node that asks for all keys is answered once, when there is room for its answer.
#[test]
fn a_storm_of_asks_is_answered_one_by_one() {
    let (mut engine, now) = joined();
    engine.presence_changed(b"k", true);
    for asker in [9, 10, 9].into_iter().chain(100..10_100) {
        let answer = hear(&mut engine, now, asker, &Message::Ask);
        assert!(answer.is_empty(), "{answer:?}");
    }
    let mut answered = Vec::new();
    loop {
        engine.answer_ask();
        match &engine.actions().filter(|action| !matches!(action, Action::Publish { .. })).collect::<Vec<_>>()[..] {
            [] => break,
            [Action::PublishAll { subject: Subject::Node(asker), messages }] => {
                assert_eq!(messages.len(), 1);
                answered.push(*asker);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((&answered[..2], answered.len()), (&[9, 10][..], 50), "as many as there may be peers");
}

#[test]
fn keys_that_are_too_long_are_counted_and_empty_ones_travel() {
    let (mut engine, now) = joined();
    for key in [&[0; 256][..], &[0; 64 << 10]] {
        engine.mark(key, 1);
        engine.disconnect(at(now), key, 1);
        engine.claim(at(now), key);
        engine.presence_changed(key, true);
    }
    assert_eq!(engine.stats().long_keys, 8);
    engine.flush(at(now));
    assert_eq!(engine.actions().count(), 0);
    engine.mark(b"", 1);
    engine.mark(&[7; 255], 1);
    engine.flush(at(now));
    assert_eq!(engine.stats().marks_sent, 2);
}

#[test]
fn parts_that_nobody_asked_for_are_not_kept() {
    let (mut engine, now) = joined();
    hear(&mut engine, now, 9, &beat(now, 0));
    let part = |part| Message::Part { version: 1, part, parts: 1 << 16, keys: keys(&[b"a", b"b"]) };
    (0..1000).for_each(|n| drop(hear(&mut engine, now, 9, &part(n))));
    assert_eq!(engine.online(b"a"), 0);
    let row = Row { sender: 50, state: PeerState::Left, ago_ms: 0, newest: vec![9; LANES.into()] };
    hear(&mut engine, now, 9, &Message::History { part: 0, parts: 1, rows: vec![row] });
    assert_eq!(engine.health(at(now)).missing, 0);
    assert!(engine.start_pass().is_none());
}

#[test]
fn a_forged_copy_of_this_node_is_not_believed() {
    let (mut engine, mut now) = joined();
    hear(&mut engine, now, OWN, &beat(now, 1000));
    hear(&mut engine, now, OWN, &Message::Bye);
    assert_eq!(marked(&hear(&mut engine, now, OWN, &marks(0, 5))), 0);
    let claim = Command { op: Op::Claim, arg: 0, stamp: u64::MAX, key: Bytes::from_static(b"k") };
    assert_eq!(hear(&mut engine, now, OWN, &Message::Command { lane: 0, seq: 1, command: claim }), []);
    pass(&mut engine, &mut now, 3000);
    assert!(engine.health(at(now)).hearing);
}
