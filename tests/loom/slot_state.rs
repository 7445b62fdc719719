//! A slot's state by itself.

use super::check;
use crate::storage::slot::state::{Fence, MarkOutcome, SlotState, Woken};
use crate::topics::Topics;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

const OTHER: Topics = Topics::topic(1);

fn live() -> Arc<SlotState> {
    let state = Arc::new(SlotState::default());
    assert!(state.claim());
    state.publish(Topics::EMPTY);
    state
}

/// The two ways that a mark can go.
const WAYS: [fn(&SlotState); 2] = [
    |state| drop(state.mark(state.load(), Topics::UPDATE, Fence::Own)),
    |state| {
        if !state.try_mark(state.load(), Topics::UPDATE, Fence::Own) {
            let _ = state.mark(state.load(), Topics::UPDATE, Fence::Own);
        }
    },
];

/// What was written before a mark is seen by the owner that takes the mark.
#[test]
fn mark_publishes() {
    // Outside the model: both outcomes must have been met.
    static OUTCOMES: [std::sync::atomic::AtomicUsize; 2] = [const { std::sync::atomic::AtomicUsize::new(0) }; 2];
    check(|| {
        let (state, data) = (live(), Arc::new(AtomicUsize::new(0)));
        let taker = {
            let (state, data) = (state.clone(), data.clone());
            thread::spawn(move || {
                let taken = !state.take().is_empty();
                assert!(!taken || data.load(Relaxed) == 1);
                taken
            })
        };
        data.store(1, Relaxed);
        let _ = state.mark(state.load(), Topics::UPDATE, Fence::Own);
        OUTCOMES[usize::from(taker.join().unwrap())].fetch_add(1, Relaxed);
    });
    assert!(OUTCOMES.iter().all(|outcome| outcome.load(Relaxed) > 0));
}

/// A mark that finds the topic due sets nothing. What was written before it is seen all the same,
/// or the topic is due once more.
#[test]
fn mark_that_coalesces_publishes() {
    for mark in WAYS {
        check(move || {
            let (state, data) = (live(), Arc::new(AtomicUsize::new(0)));
            mark(&state);
            let marker = {
                let (state, data) = (state.clone(), data.clone());
                thread::spawn(move || {
                    data.store(1, Relaxed);
                    mark(&state);
                })
            };
            assert_eq!(state.take(), Topics::UPDATE);
            let seen = data.load(Relaxed);
            marker.join().unwrap();
            assert!(seen == 1 || state.take() == Topics::UPDATE, "an update was lost");
        });
    }
}

/// A mark that loses its step to another mark of the same topic sets nothing either.
#[test]
fn mark_that_loses_to_a_mark_publishes() {
    check(|| {
        let (state, data) = (live(), Arc::new(AtomicUsize::new(0)));
        let seen = state.load();
        let other = {
            let state = state.clone();
            thread::spawn(move || state.mark(state.load(), Topics::UPDATE, Fence::Own))
        };
        let taker = {
            let (state, data) = (state.clone(), data.clone());
            thread::spawn(move || !state.take().is_empty() && data.load(Relaxed) == 0)
        };
        data.store(1, Relaxed);
        let _ = state.mark(seen, Topics::UPDATE, Fence::Own);
        let missed = taker.join().unwrap();
        let _ = other.join().unwrap();
        assert!(!missed || state.take() == Topics::UPDATE, "an update was lost");
    });
}

/// A take finds something due, and a mark of another topic comes before it takes both: what was
/// written before that is seen as well.
#[test]
fn mark_within_a_take_publishes() {
    check(|| {
        let (state, data) = (live(), Arc::new(AtomicUsize::new(0)));
        let _ = state.mark(state.load(), Topics::UPDATE, Fence::Own);
        let marker = {
            let (state, data) = (state.clone(), data.clone());
            thread::spawn(move || {
                data.store(1, Relaxed);
                let _ = state.mark(state.load(), OTHER, Fence::Own);
            })
        };
        if state.take().contains(OTHER) {
            assert_eq!(data.load(Relaxed), 1);
        }
        marker.join().unwrap();
    });
}

/// Two topics marked concurrent with two takes: each is taken once.
#[test]
fn every_topic_is_taken_once() {
    check(|| {
        let state = live();
        let marker = {
            let state = state.clone();
            thread::spawn(move || assert_eq!(state.mark(state.load(), OTHER, Fence::Own), MarkOutcome::Set))
        };
        let taker = {
            let state = state.clone();
            thread::spawn(move || (state.take(), state.take()))
        };
        assert_eq!(state.mark(state.load(), Topics::UPDATE, Fence::Own), MarkOutcome::Set);
        marker.join().unwrap();
        let (first, second) = taker.join().unwrap();
        let third = state.take();
        assert_eq!(first | second | third, Topics::UPDATE | OTHER);
        assert_eq!(first.len() + second.len() + third.len(), 2);
    });
}

/// An owner that waits is woken by the marker, or does not wait.
#[test]
fn arm_beside_mark() {
    check(|| {
        let state = live();
        let marker = {
            let state = state.clone();
            thread::spawn(move || state.mark(state.load(), Topics::UPDATE, Fence::Own))
        };
        let waits = state.arm();
        let marked = marker.join().unwrap();
        assert_eq!(waits, matches!(marked, MarkOutcome::Wake(_)));
        assert_eq!(state.take(), Topics::UPDATE);
    });
}

/// Of two marks that meet a waiting owner both wake it: neither knows whether the other one has
/// come so far.
#[test]
fn two_marks_beside_waiting_owner() {
    check(|| {
        let state = live();
        assert!(state.arm());
        let markers = [Topics::UPDATE, OTHER].map(|topic| {
            let state = state.clone();
            thread::spawn(move || matches!(state.mark(state.load(), topic, Fence::Own), MarkOutcome::Wake(_)))
        });
        let wakes = markers.map(|marker| marker.join().unwrap());
        assert_eq!(wakes, [true; 2]);
    });
}

/// A socket whose owner waited, and is being woken by as many marks as can be counted.
fn being_woken() -> Arc<SlotState> {
    let state = live();
    assert!(state.arm());
    for _ in 0..3 {
        assert!(matches!(state.mark(state.load(), Topics::UPDATE, Fence::Own), MarkOutcome::Wake(_)));
    }
    state
}

/// The owner waits again while as many marks wake it as can be counted, and is marked again: that
/// mark wakes it, or one of those learns that it must do so once more.
#[test]
fn wait_again_while_woken() {
    check(|| {
        let state = being_woken();
        let waker = {
            let state = state.clone();
            thread::spawn(move || {
                let again = state.wake_done() == Woken::Again;
                again && state.wake_done() == Woken::Done
            })
        };
        assert_eq!(state.take(), Topics::UPDATE);
        assert!(state.arm());
        let direct = matches!(state.mark(state.load(), OTHER, Fence::Own), MarkOutcome::Wake(_));
        assert!(waker.join().unwrap() != direct, "the second wait was woken once");
    });
}

/// The same after the owner has taken what was due and waits again, and a fourth mark has found the
/// count full: it leaves the wake-up to the three.
fn waiting_in_vain() -> Arc<SlotState> {
    let state = being_woken();
    assert_eq!(state.take(), Topics::UPDATE);
    assert!(state.arm());
    assert_eq!(state.mark(state.load(), OTHER, Fence::Own), MarkOutcome::Set);
    state
}

/// One of the three is done. Before it looks whether to wake the owner once more, another mark
/// fills the count again: then it must not count itself too.
#[test]
fn wake_done_beside_full_count() {
    check(|| {
        let state = waiting_in_vain();
        let waker = {
            let state = state.clone();
            thread::spawn(move || state.wake_done() == Woken::Again)
        };
        let direct = matches!(state.mark(state.load(), Topics::UPDATE, Fence::Own), MarkOutcome::Wake(_));
        let _ = state.take();
        assert!(state.arm());
        let last = matches!(state.mark(state.load(), OTHER, Fence::Own), MarkOutcome::Wake(_));
        let again = waker.join().unwrap();
        assert!(direct || last || again);
        assert!(!state.load().is_closed());
    });
}

/// One of the three is done. Before it looks whether to wake the owner once more, the owner leaves
/// and another socket gets the slot: that one is not woken.
#[test]
fn wake_done_beside_next_socket() {
    check(|| {
        let state = waiting_in_vain();
        let waker = {
            let state = state.clone();
            thread::spawn(move || state.wake_done())
        };
        let _ = state.remove();
        let others = [state.wake_done(), state.wake_done()];
        if others.contains(&Woken::OwnerLeft) {
            assert!(state.vacate() && state.claim());
            state.publish(Topics::UPDATE);
            assert!(state.arm_for_close());
            let next = state.load();
            assert_eq!(waker.join().unwrap(), Woken::Done);
            assert!(state.load() == next);
        } else {
            let _ = waker.join().unwrap();
        }
    });
}

/// A mark meant for one socket never reaches the next one in the slot.
#[test]
fn due_does_not_pass_on() {
    check(|| {
        let state = live();
        let seen = state.load();
        let marker = {
            let state = state.clone();
            thread::spawn(move || state.mark(seen, Topics::UPDATE, Fence::Own))
        };
        let _ = state.remove();
        assert!(state.vacate());
        assert!(state.claim());
        state.publish(Topics::EMPTY);
        let marked = marker.join().unwrap();
        assert!(marked == MarkOutcome::Gone || marked == MarkOutcome::Set);
        assert_eq!(state.take(), Topics::EMPTY);
    });
}

/// Of two that claim a vacant slot one gets it.
#[test]
fn one_claim() {
    check(|| {
        let state = Arc::new(SlotState::default());
        let other = {
            let state = state.clone();
            thread::spawn(move || state.claim())
        };
        assert!(state.claim() != other.join().unwrap());
    });
}

/// A socket is closed while it is about to wait: it does not wait, or is woken.
#[test]
fn arm_beside_close() {
    check(|| {
        let state = live();
        let generation = state.load().generation();
        let closer = {
            let state = state.clone();
            thread::spawn(move || state.close(generation))
        };
        let waits = state.arm();
        assert_eq!(waits, matches!(closer.join().unwrap(), MarkOutcome::Wake(_)));
        assert!(state.load().is_closed());
    });
}
