//! The socket's word by itself.

use super::check;
use crate::storage::slot::state::{MarkOutcome, SlotState, Woken};
use crate::topics::Topics;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

const OTHER: Topics = Topics::topic(1);

fn live() -> Arc<SlotState> {
    let word = Arc::new(SlotState::default());
    assert!(word.claim());
    word.publish(Topics::EMPTY);
    word
}

/// The two ways that a mark can go.
const WAYS: [fn(&SlotState); 2] = [
    |word| drop(word.mark(word.load(), Topics::UPDATE)),
    |word| {
        if !word.mark_at_once(word.load(), Topics::UPDATE, false) {
            let _ = word.mark(word.load(), Topics::UPDATE);
        }
    },
];

/// What was written before a mark is seen by who takes the mark.
#[test]
fn mark_publishes() {
    // Outside the model: both outcomes must have been met.
    static OUTCOMES: [std::sync::atomic::AtomicUsize; 2] = [const { std::sync::atomic::AtomicUsize::new(0) }; 2];
    check(|| {
        let (word, data) = (live(), Arc::new(AtomicUsize::new(0)));
        let taker = {
            let (word, data) = (word.clone(), data.clone());
            thread::spawn(move || {
                let taken = !word.take().is_empty();
                assert!(!taken || data.load(Relaxed) == 1);
                taken
            })
        };
        data.store(1, Relaxed);
        let _ = word.mark(word.load(), Topics::UPDATE);
        OUTCOMES[usize::from(taker.join().unwrap())].fetch_add(1, Relaxed);
    });
    assert!(OUTCOMES.iter().all(|outcome| outcome.load(Relaxed) > 0));
}

/// A mark that finds the topic due sets nothing. What was written before it is seen all the same, or the topic is due once more.
#[test]
fn mark_that_coalesces_publishes() {
    for mark in WAYS {
        check(move || {
            let (word, data) = (live(), Arc::new(AtomicUsize::new(0)));
            mark(&word);
            let marker = {
                let (word, data) = (word.clone(), data.clone());
                thread::spawn(move || {
                    data.store(1, Relaxed);
                    mark(&word);
                })
            };
            assert_eq!(word.take(), Topics::UPDATE);
            let seen = data.load(Relaxed);
            marker.join().unwrap();
            assert!(seen == 1 || word.take() == Topics::UPDATE, "an update was lost");
        });
    }
}

/// A mark that loses its step to another mark of the same topic sets nothing either.
#[test]
fn mark_that_loses_to_a_mark_publishes() {
    check(|| {
        let (word, data) = (live(), Arc::new(AtomicUsize::new(0)));
        let seen = word.load();
        let other = {
            let word = word.clone();
            thread::spawn(move || word.mark(word.load(), Topics::UPDATE))
        };
        let taker = {
            let (word, data) = (word.clone(), data.clone());
            thread::spawn(move || !word.take().is_empty() && data.load(Relaxed) == 0)
        };
        data.store(1, Relaxed);
        let _ = word.mark(seen, Topics::UPDATE);
        let missed = taker.join().unwrap();
        let _ = other.join().unwrap();
        assert!(!missed || word.take() == Topics::UPDATE, "an update was lost");
    });
}

/// A take finds something due, and a mark of another topic comes before it takes both: what was written before that is seen as well.
#[test]
fn mark_within_a_take_publishes() {
    check(|| {
        let (word, data) = (live(), Arc::new(AtomicUsize::new(0)));
        let _ = word.mark(word.load(), Topics::UPDATE);
        let marker = {
            let (word, data) = (word.clone(), data.clone());
            thread::spawn(move || {
                data.store(1, Relaxed);
                let _ = word.mark(word.load(), OTHER);
            })
        };
        if word.take().contains(OTHER) {
            assert_eq!(data.load(Relaxed), 1);
        }
        marker.join().unwrap();
    });
}

/// Two topics marked beside two takes: each is taken once.
#[test]
fn every_topic_is_taken_once() {
    check(|| {
        let word = live();
        let marker = {
            let word = word.clone();
            thread::spawn(move || assert_eq!(word.mark(word.load(), OTHER), MarkOutcome::Set))
        };
        let taker = {
            let word = word.clone();
            thread::spawn(move || (word.take(), word.take()))
        };
        assert_eq!(word.mark(word.load(), Topics::UPDATE), MarkOutcome::Set);
        marker.join().unwrap();
        let (first, second) = taker.join().unwrap();
        let third = word.take();
        assert_eq!(first | second | third, Topics::UPDATE | OTHER);
        assert_eq!(first.len() + second.len() + third.len(), 2);
    });
}

/// An owner that waits is woken by whoever marks, or does not wait.
#[test]
fn arm_beside_mark() {
    check(|| {
        let word = live();
        let marker = {
            let word = word.clone();
            thread::spawn(move || word.mark(word.load(), Topics::UPDATE))
        };
        let waits = word.arm();
        let marked = marker.join().unwrap();
        assert_eq!(waits, matches!(marked, MarkOutcome::Wake(_)));
        assert_eq!(word.take(), Topics::UPDATE);
    });
}

/// Of two marks that meet a waiting owner exactly one wakes it.
#[test]
fn one_wake_for_two_marks() {
    check(|| {
        let word = live();
        assert!(word.arm());
        let markers = [Topics::UPDATE, OTHER].map(|topic| {
            let word = word.clone();
            thread::spawn(move || matches!(word.mark(word.load(), topic), MarkOutcome::Wake(_)))
        });
        let wakes = markers.map(|marker| marker.join().unwrap());
        assert_eq!(wakes.iter().filter(|&&wake| wake).count(), 1);
    });
}

/// The owner waits again while it is still being woken, and is marked again: whoever wakes it learns that it must do so once more.
#[test]
fn wait_again_while_woken() {
    check(|| {
        let word = live();
        assert!(word.arm());
        assert!(matches!(word.mark(word.load(), Topics::UPDATE), MarkOutcome::Wake(_)));
        let waker = {
            let word = word.clone();
            thread::spawn(move || {
                let mut wakes = 1;
                while word.wake_done() == Woken::Again {
                    wakes += 1;
                }
                wakes
            })
        };
        assert_eq!(word.take(), Topics::UPDATE);
        let waits = word.arm();
        assert!(waits);
        let direct = matches!(word.mark(word.load(), OTHER), MarkOutcome::Wake(_));
        let wakes = waker.join().unwrap();
        assert_eq!(wakes + usize::from(direct), 2, "the second wait was woken once");
    });
}

/// A mark meant for one socket never reaches the next one in the place.
#[test]
fn due_does_not_pass_on() {
    check(|| {
        let word = live();
        let seen = word.load();
        let marker = {
            let word = word.clone();
            thread::spawn(move || word.mark(seen, Topics::UPDATE))
        };
        let _ = word.remove();
        assert!(word.vacate());
        assert!(word.claim());
        word.publish(Topics::EMPTY);
        let marked = marker.join().unwrap();
        assert!(marked == MarkOutcome::Gone || marked == MarkOutcome::Set);
        assert_eq!(word.take(), Topics::EMPTY);
    });
}

/// Of two that claim a vacant place one gets it.
#[test]
fn one_claim() {
    check(|| {
        let word = Arc::new(SlotState::default());
        let other = {
            let word = word.clone();
            thread::spawn(move || word.claim())
        };
        assert!(word.claim() != other.join().unwrap());
    });
}

/// A socket is told to go while it is about to wait: it does not wait, or is woken.
#[test]
fn arm_beside_close() {
    check(|| {
        let word = live();
        let generation = word.load().generation();
        let closer = {
            let word = word.clone();
            thread::spawn(move || word.close(generation))
        };
        let waits = word.arm();
        assert_eq!(waits, matches!(closer.join().unwrap(), MarkOutcome::Wake(_)));
        assert!(word.load().is_closed());
    });
}
