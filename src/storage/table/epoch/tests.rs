#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;

fn epoch(word: u64) -> (ActivityEpoch, EpochClock) {
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
    let (epoch, clock) = epoch(NONE);
    assert_eq!(epoch.number(&clock, || false), None);
    assert_eq!(epoch.end(), None);
    assert_eq!((epoch.number(&clock, || true), epoch.end()), (None, None));
    epoch.clear();
    assert!(epoch.number(&clock, || true) > Some(1), "numbers rise, also when one was drawn in vain");
}

#[test]
fn what_was_told_keeps_its_number() {
    let (epoch, clock) = epoch(NONE);
    assert_eq!((epoch.is_told(), epoch.number(&clock, || true), epoch.is_told()), (false, Some(1), false));
    epoch.set_told();
    epoch.set_told();
    assert_eq!((epoch.is_told(), epoch.number(&clock, || panic!("not asked")), epoch.end()), (true, Some(1), Some(1)));
    epoch.clear();
    assert!(!epoch.is_told());
    assert_eq!((epoch.end(), epoch.is_told()), (None, true), "nobody is to be told");
}

#[test]
fn a_number_that_was_drawn_meanwhile_counts() {
    for is_active in [true, false] {
        let (epoch, clock) = epoch(NONE);
        let number = epoch.number(&clock, || {
            epoch.0.store(7 * ONE_NUMBER, Ordering::Relaxed);
            is_active
        });
        assert_eq!(number, Some(7));
        epoch.clear();
        let number = epoch.number(&clock, || {
            assert_eq!(epoch.end(), None);
            is_active
        });
        assert_eq!(number, None);
    }
}
