//! The checker itself: what must pass passes, and every kind of broken promise is seen.

use super::{Call, Event, Limits, Registered, is_linearizable};
use Registered::{Full, KeyFull, Ok};

const LIMITS: Limits = Limits { sockets: 3, sockets_per_key: 2 };

fn at(began: u64, ended: u64, call: Call) -> Event {
    Event { began, ended, call }
}

/// One after another, in the order written.
fn sequence(calls: &[Call]) -> Vec<Event> {
    (0..).step_by(2).zip(calls).map(|(now, &call)| at(now, now + 1, call)).collect()
}

/// All at the same time.
fn at_once(calls: &[Call]) -> Vec<Event> {
    calls.iter().map(|&call| at(0, 1, call)).collect()
}

fn passes(history: &[Event]) -> bool {
    is_linearizable(LIMITS, history)
}

fn register(key: u8, result: Registered) -> Call {
    Call::Register { key, result }
}

fn mark(key: u8, topics: u32, marked: u32) -> Call {
    Call::Mark { key, topics, marked }
}

fn take(socket: usize, topics: u32) -> Call {
    Call::Take { socket, topics }
}

fn is_active(key: u8, active: bool) -> Call {
    Call::IsActive { key, active }
}

#[test]
fn a_life_in_sequence_passes() {
    assert!(passes(&sequence(&[
        is_active(1, false),
        register(1, Ok),
        register(1, Ok),
        register(1, KeyFull),
        register(2, Ok),
        register(3, Full),
        mark(1, 0b01, 2),
        mark(1, 0b10, 2),
        take(1, 0b11),
        take(1, 0),
        Call::Drop { socket: 1 },
        Call::MarkSocket { socket: 1, topics: 0b100, live: false },
        mark(1, 0b100, 1),
        take(2, 0b111),
        is_active(1, true),
        Call::Drop { socket: 2 },
        is_active(1, false),
        mark(1, 1, 0),
    ])));
}

#[test]
fn a_lost_mark_is_seen() {
    assert!(!passes(&sequence(&[register(1, Ok), mark(1, 1, 1), take(0, 0)])));
    assert!(!passes(&sequence(&[register(1, Ok), mark(1, 1, 0)])));
    assert!(!passes(&sequence(&[register(1, Ok), register(1, Ok), mark(1, 1, 1)])));
    let mut second_lost = sequence(&[register(1, Ok), mark(1, 1, 1), mark(1, 2, 1), take(0, 1), take(0, 0)]);
    assert!(!passes(&second_lost));
    // The same is no loss while the second mark is still under way.
    second_lost[2].ended = 100;
    second_lost.push(at(101, 102, take(0, 2)));
    assert!(passes(&second_lost));
}

#[test]
fn an_update_from_nowhere_is_seen() {
    assert!(!passes(&sequence(&[register(1, Ok), take(0, 1)])));
    assert!(!passes(&sequence(&[register(1, Ok), mark(1, 1, 1), take(0, 1), take(0, 1)])));
    assert!(!passes(&sequence(&[register(1, Ok), register(2, Ok), mark(1, 1, 1), take(1, 1)])));
}

#[test]
fn a_mark_of_who_had_left_is_seen() {
    let left = [register(1, Ok), Call::Drop { socket: 0 }];
    assert!(!passes(&sequence(&[&left[..], &[mark(1, 1, 1)]].concat())));
    let stale = Call::MarkSocket { socket: 0, topics: 1, live: true };
    assert!(!passes(&sequence(&[&left[..], &[stale]].concat())));
    assert!(!passes(&sequence(&[&left[..], &[is_active(1, true)]].concat())));
    // While it leaves, a mark may reach it or not.
    let mut leaving = sequence(&[left[0], left[1], mark(1, 1, 1)]);
    leaving[1].ended = 100;
    assert!(passes(&leaving));
    leaving[2].call = mark(1, 1, 0);
    assert!(passes(&leaving));
}

#[test]
fn a_socket_evicted_by_another_is_seen() {
    let reconnect = [register(1, Ok), register(1, Ok), Call::Drop { socket: 0 }];
    assert!(passes(&sequence(&[&reconnect[..], &[is_active(1, true), mark(1, 1, 1)]].concat())));
    assert!(!passes(&sequence(&[&reconnect[..], &[is_active(1, false)]].concat())));
    assert!(!passes(&sequence(&[&reconnect[..], &[mark(1, 1, 0)]].concat())));
}

#[test]
fn a_limit_passed_or_guessed_is_seen() {
    let two = [register(1, Ok), register(1, Ok)];
    assert!(!passes(&at_once(&[&two[..], &[register(1, Ok)]].concat())));
    assert!(passes(&at_once(&[&two[..], &[register(1, KeyFull)]].concat())));
    assert!(!passes(&at_once(&[register(1, Ok), register(1, KeyFull)])));
    assert!(!passes(&at_once(&[&two[..], &[register(2, Ok), register(3, Ok)]].concat())));
    assert!(!passes(&at_once(&[&two[..], &[register(2, Full)]].concat())));
    // Not usable at once.
    let freed = [register(1, Ok), register(1, Ok), Call::Drop { socket: 0 }, register(1, KeyFull)];
    assert!(!passes(&sequence(&freed)));
}

#[test]
fn a_mark_owes_only_who_was_there_before_it() {
    for marked in 0..=2 {
        let joining = [at(0, 9, mark(1, 1, marked)), at(1, 2, register(1, Ok)), at(3, 4, register(1, Ok))];
        assert!(passes(&joining), "{marked} marked");
    }
    assert!(!passes(&[at(0, 9, mark(1, 1, 2)), at(1, 2, register(1, Ok))]));
}
