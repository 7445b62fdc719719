#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;

fn session(word: u64) -> (ActivityEpoch, EpochClock) {
    (ActivityEpoch(AtomicU64::new(word)), EpochClock::default())
}

#[test]
fn a_number_is_drawn_once_and_stays() {
    let clock = EpochClock::default();
    let (first, second) = (ActivityEpoch::default(), ActivityEpoch::default());
    assert_eq!(first.number(&clock, || true), Some(1));
    assert_eq!(second.number(&clock, || true), Some(2));
    assert_eq!(first.number(&clock, || panic!("not asked")), Some(1));
    assert_eq!((first.end(), second.end()), (Some(1), Some(2)));
    assert_eq!(first.number(&clock, || panic!("not asked")), Some(1), "who comes late is told the same");
}

#[test]
fn a_session_that_ended_gets_no_number() {
    let (session, clock) = session(NONE);
    assert_eq!(session.number(&clock, || false), None);
    assert_eq!(session.end(), None);
    assert_eq!((session.number(&clock, || true), session.end()), (None, None));
    session.clear();
    assert!(session.number(&clock, || true) > Some(1), "numbers rise, also when one was drawn in vain");
}

#[test]
fn a_number_that_was_drawn_meanwhile_counts() {
    for is_active in [true, false] {
        let (session, clock) = session(NONE);
        let number = session.number(&clock, || {
            session.0.store(7, Ordering::Relaxed);
            is_active
        });
        assert_eq!(number, Some(7));
        session.clear();
        let number = session.number(&clock, || {
            assert_eq!(session.end(), None);
            is_active
        });
        assert_eq!(number, None);
    }
}
