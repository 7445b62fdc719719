//! That every mark is accounted for, and what is lost is noticed.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::{Expectation, Moment, PATIENCE, Update, Watch};

const PATIENCE_MS: u64 = PATIENCE.as_millis() as u64;

/// So many milliseconds after the beginning, without pauses.
fn at(ms: u64) -> Moment {
    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
    let counted = Duration::from_millis(ms);
    Moment { at: *BEGINNING + counted, counted }
}

fn exact(ms: u64) -> Update {
    Update::Exact(Duration::from_millis(ms))
}

fn open() -> Watch {
    let mut watch = Watch::opening(0, at(0));
    watch.opened();
    watch
}

#[test]
fn an_update_settles_the_mark_before_it() {
    let mut watch = open();
    assert_eq!(watch.updated(at(0)), Update::Unexpected);
    assert_eq!(watch.marked(at(1), PATIENCE), Expectation::Update);
    assert!(watch.is_waiting());
    assert_eq!(watch.updated(at(3)), exact(2));
    assert!(!watch.is_waiting());
    assert_eq!(watch.updated(at(4)), Update::Duplicate);
    assert_eq!(watch.marked(at(5), PATIENCE), Expectation::Update);
    assert_eq!(watch.give_up(at(5 + PATIENCE_MS)), (1, 0));
}

/// Two marks may be served by one update or by two, and by no more.
#[test]
fn marks_under_way_together_may_share_an_update() {
    let mut watch = open();
    assert_eq!(watch.marked(at(0), PATIENCE), Expectation::Update);
    assert_eq!(watch.marked(at(1), PATIENCE), Expectation::SharedUpdate);
    assert_eq!(watch.updated(at(2)), exact(2));
    assert!(!watch.is_waiting());
    // The second one's update may still come, so a client cannot tell whose the next one is.
    assert_eq!(watch.marked(at(3), PATIENCE), Expectation::SharedUpdate);
    assert_eq!([(); 3].map(|()| watch.updated(at(4))), [Update::Shared, Update::Shared, Update::Duplicate]);
    // After a while it can no longer come.
    assert_eq!(watch.marked(at(4 + PATIENCE_MS), PATIENCE), Expectation::Update);
    assert_eq!(watch.updated(at(5 + PATIENCE_MS)), exact(1));
    assert_eq!(watch.updated(at(6 + PATIENCE_MS)), Update::Duplicate);
}

#[test]
fn a_mark_during_the_handshake_may_be_heard_or_not() {
    let mut watch = Watch::opening(1, at(0));
    assert_eq!(watch.marked(at(1), PATIENCE), Expectation::Nothing);
    watch.opened();
    assert!(!watch.is_waiting());
    assert_eq!([(); 3].map(|()| watch.updated(at(2))), [Update::Shared, Update::Shared, Update::Duplicate]);
}

#[test]
fn a_mark_that_failed_is_not_waited_for() {
    let mut watch = open();
    watch.marked(at(0), PATIENCE);
    assert_eq!(watch.withdraw(at(0)), 1);
    assert!(!watch.is_waiting());
    assert_eq!([(); 2].map(|()| watch.updated(at(1))), [Update::Shared, Update::Duplicate]);
}

#[test]
fn what_comes_too_late_is_lost_and_not_a_duplicate() {
    let mut watch = open();
    watch.marked(at(0), PATIENCE);
    watch.marked(at(PATIENCE_MS - 1), PATIENCE);
    assert_eq!(watch.give_up(at(PATIENCE_MS)), (1, 1), "the client left while it could still hear of the second one");
    assert_eq!([(); 2].map(|()| watch.updated(at(3 * PATIENCE_MS))), [Update::Shared, Update::Duplicate]);
    assert_eq!(watch.give_up(at(3 * PATIENCE_MS)), (0, 0));
}

#[test]
fn a_later_mark_does_not_make_up_for_a_lost_one() {
    let mut watch = open();
    watch.marked(at(0), PATIENCE);
    assert_eq!(watch.marked(at(PATIENCE_MS), PATIENCE), Expectation::Update);
    assert_eq!(watch.updated(at(PATIENCE_MS + 1)), exact(1));
    assert_eq!(watch.give_up(at(PATIENCE_MS + 1)), (1, 0));
}

#[test]
fn a_pause_of_the_machine_is_not_the_servers() {
    let mut watch = open();
    watch.marked(at(0), PATIENCE);
    let paused = Moment { counted: Duration::from_millis(100), ..at(3 * PATIENCE_MS) };
    assert_eq!(watch.give_up(paused), (0, 1));
    watch.marked(paused, PATIENCE);
    assert_eq!(watch.updated(paused), exact(0));
}

#[test]
fn a_socket_is_stale_until_something_makes_up_for_what_it_lost() {
    let mut watch = open();
    watch.marked(at(0), PATIENCE);
    assert!(!watch.is_stale());
    watch.give_up(at(PATIENCE_MS));
    assert!(watch.is_stale());
    watch.marked(at(PATIENCE_MS), PATIENCE);
    assert!(watch.is_stale(), "nothing has come yet");
    watch.updated(at(PATIENCE_MS + 1));
    assert!(!watch.is_stale());
}

#[test]
fn a_mark_may_be_worth_waiting_for_longer() {
    let mut watch = open();
    watch.marked(at(0), 4 * PATIENCE);
    assert_eq!(watch.updated(at(4 * PATIENCE_MS - 1)), exact(4 * PATIENCE_MS - 1));
    watch.marked(at(4 * PATIENCE_MS), 4 * PATIENCE);
    assert_eq!(watch.give_up(at(8 * PATIENCE_MS)), (1, 0));
}
