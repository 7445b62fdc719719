//! The checker itself: what must pass passes, and every kind of broken promise is seen.

use super::{Call, Event, Limits, Registered, is_linearizable};
use crate::reason;
use Registered::{Full, KeyFull, Ok};
use socket_registry::Closed;

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
    Call::Register { key, takes_over: false, result }
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
    // The place must be usable immediately.
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

fn take_over(key: u8) -> Call {
    Call::Register { key, takes_over: true, result: Ok }
}

fn superseded(socket: usize) -> Call {
    Call::CloseReason { socket, reason: Some(Closed::Superseded) }
}

fn open(socket: usize) -> Call {
    Call::CloseReason { socket, reason: None }
}

#[test]
fn a_socket_left_beside_a_takeover_is_seen() {
    let over = [register(1, Ok), take_over(1)];
    assert!(passes(&sequence(&[&over[..], &[superseded(0), open(1), mark(1, 1, 1), take(1, 1)]].concat())));
    assert!(!passes(&sequence(&[&over[..], &[open(0)]].concat())));
    assert!(!passes(&sequence(&[&over[..], &[mark(1, 1, 2)]].concat())));
    // Another key, or after it.
    assert!(passes(&sequence(&[register(2, Ok), take_over(1), open(0), register(1, Ok), open(3), mark(1, 1, 2)])));
    // While it is in progress both may be there.
    assert!(passes(&[at(0, 1, over[0]), at(2, 9, over[1]), at(3, 4, mark(1, 1, 2)), at(5, 6, open(0))]));
}

#[test]
fn of_two_takeovers_one_stays() {
    let both = [take_over(1), take_over(1)];
    for stays in [0, 1] {
        let reasons = sequence(&[open(stays), superseded(1 - stays)]).into_iter();
        let later = reasons.map(|event| at(event.began + 2, event.ended + 2, event.call));
        assert!(passes(&at_once(&both).into_iter().chain(later).collect::<Vec<_>>()));
    }
    for reasons in [[open(0), open(1)], [superseded(0), superseded(1)]] {
        let later = reasons.map(|reason| at(2, 3, reason));
        assert!(!passes(&at_once(&both).into_iter().chain(later).collect::<Vec<_>>()));
    }
    assert!(!passes(&sequence(&[both[0], both[1], superseded(1)])), "the later one in sequence stays");
}

#[test]
fn a_mark_lost_in_a_takeover_is_seen() {
    let marked = [register(1, Ok), mark(1, 1, 1), take_over(1)];
    assert!(passes(&sequence(&[&marked[..], &[take(0, 0), take(2, 1)]].concat())));
    assert!(!passes(&sequence(&[&marked[..], &[take(2, 0)]].concat())));
    // A mark during it meets the old one, the new one, or both.
    for marked in 0..=2 {
        let call = mark(1, 1, marked);
        let history = [at(0, 1, register(1, Ok)), at(2, 9, take_over(1)), at(3, 8, call), at(10, 11, take(1, 1))];
        assert_eq!(passes(&history), marked > 0, "{marked} marked");
    }
}

#[test]
fn a_reason_that_nobody_gave_is_seen() {
    let code = |n| Closed::Disconnected(reason(n));
    let disconnect = |n, told| Call::Disconnect { key: 1, reason: code(n), told };
    let told = |n| Call::CloseReason { socket: 0, reason: Some(code(n)) };
    assert!(passes(&sequence(&[register(1, Ok), disconnect(1, 1), disconnect(2, 1), told(1), mark(1, 1, 1)])));
    assert!(!passes(&sequence(&[register(1, Ok), disconnect(1, 1), disconnect(2, 1), told(2)])));
    assert!(!passes(&sequence(&[register(1, Ok), disconnect(1, 1), open(0)])));
    assert!(!passes(&sequence(&[register(1, Ok), disconnect(1, 0)])));
    assert!(!passes(&sequence(&[register(1, Ok), told(1)])));
    assert!(!passes(&sequence(&[disconnect(1, 0), register(1, Ok), told(1)])));
    let racing =
        |seen| [at(0, 1, register(1, Ok)), at(2, 9, disconnect(1, 1)), at(2, 9, disconnect(2, 1)), at(3, 4, seen)];
    assert!(passes(&racing(told(1))) && passes(&racing(told(2))) && passes(&racing(open(0))));
    let one = Call::DisconnectSocket { socket: 0, reason: code(1), live: true };
    assert!(passes(&sequence(&[register(1, Ok), register(1, Ok), one, told(1), open(1)])));
}

#[test]
fn a_socket_that_escapes_a_shutdown_is_seen() {
    let shut = |socket| Call::CloseReason { socket, reason: Some(Closed::Shutdown) };
    let refused = register(2, Registered::Closed);
    assert!(passes(&sequence(&[register(1, Ok), Call::Close, shut(0), refused])));
    assert!(!passes(&sequence(&[register(1, Ok), Call::Close, open(0)])));
    assert!(!passes(&sequence(&[Call::Close, register(1, Ok)])));
    assert!(!passes(&sequence(&[register(1, Ok), refused])));
    let racing = |seen| [at(0, 1, Call::Close), at(0, 1, register(1, Ok)), at(2, 3, seen)];
    assert!(passes(&racing(Call::CloseReason { socket: 1, reason: Some(Closed::Shutdown) })));
    assert!(!passes(&racing(open(1))));
}

#[test]
fn presence_that_is_behind_is_seen() {
    let online = |online| Call::Online { key: 1, online };
    let left = Call::Drop { socket: 1 };
    assert!(passes(&sequence(&[online(false), register(1, Ok), online(true), left, online(false)])));
    assert!(!passes(&sequence(&[online(false), register(1, Ok), online(false)])));
    assert!(!passes(&sequence(&[online(false), register(1, Ok), left, online(true)])));
    assert!(!passes(&sequence(&[online(true)])));
    // While the call is in progress it may be known or not.
    for first in [false, true] {
        let coming = [at(0, 9, register(1, Ok)), at(1, 2, online(first)), at(3, 4, online(true))];
        assert!(passes(&coming));
    }
    assert!(!passes(&[at(0, 9, register(1, Ok)), at(1, 2, online(true)), at(3, 4, online(false))]));
    // The last one leaves while the next one joins: at rest it is there.
    let joins = [at(0, 1, online(false)), at(2, 3, register(1, Ok)), at(4, 9, left), at(4, 9, register(1, Ok))];
    for (last, is_allowed) in [(true, true), (false, false)] {
        assert_eq!(passes(&[&joins[..], &[at(10, 11, online(last))]].concat()), is_allowed);
    }
}
