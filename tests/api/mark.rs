//! Marks and takes (G3, G4): due bits belong to a socket, coalesce, and are never lost.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};

use socket_registry::{Registry, Socket, Topics};
use testkit::both;

const NEWS: Topics = Topics::topic(1);
const ALERT: Topics = Topics::topic(31);
const ROUNDS: u64 = 2_000;

#[test]
fn a_mark_makes_every_socket_of_its_key_due_and_no_other() {
    let registry = Registry::<u64>::new();
    let tabs = [0; 3].map(|_| registry.register(42).unwrap());
    let stranger = registry.register(43).unwrap();
    assert_eq!(registry.mark(&42), 3);
    assert_eq!(registry.due_of(&42), Topics::UPDATE);
    assert_eq!(registry.due_of(&43), Topics::EMPTY);
    for tab in &tabs {
        assert_eq!(tab.peek_due(), Topics::UPDATE);
        assert_eq!(tab.take_due(), Topics::UPDATE, "one tab's take must not clear another's");
        assert_eq!(tab.take_due(), Topics::EMPTY);
    }
    assert_eq!(stranger.take_due(), Topics::EMPTY);
}

#[test]
fn marks_coalesce_until_taken() {
    let registry = Registry::<u64>::new();
    let socket = registry.register(42).unwrap();
    for _ in 0..5 {
        assert_eq!(registry.mark(&42), 1, "a mark of what is due already counts the socket all the same");
    }
    assert_eq!(socket.take_due(), Topics::UPDATE);
    assert_eq!(socket.take_due(), Topics::EMPTY);
}

/// Scenario 10: the update that a mark asks for is being written when the next mark comes.
#[test]
fn a_mark_after_the_take_asks_for_another_update() {
    let registry = Registry::<u64>::new();
    let socket = registry.register(42).unwrap();
    registry.mark(&42);
    let writing = socket.take_due();
    registry.mark(&42);
    assert_eq!((writing, socket.take_due()), (Topics::UPDATE, Topics::UPDATE));
}

#[test]
fn every_topic_arrives_alone_and_with_others() {
    let registry = Registry::<u64>::new();
    let socket = registry.register(42).unwrap();
    for n in 0..32 {
        assert_eq!(registry.mark_topics(&42, Topics::topic(n)), 1);
        assert_eq!(socket.take_due(), Topics::topic(n));
    }
    registry.mark_topics(&42, NEWS);
    registry.mark_topics(&42, ALERT);
    assert_eq!(socket.take_due(), NEWS | ALERT);
    registry.mark_topics(&42, Topics::ALL);
    assert_eq!(socket.take_due(), Topics::ALL);
    assert_eq!(Topics::topic(0), Topics::UPDATE);
}

#[test]
fn due_of_is_the_union_over_the_sockets_of_a_key() {
    let registry = Registry::<u64>::new();
    let (first, second) = (registry.register(42).unwrap(), registry.register(42).unwrap());
    assert!(registry.mark_socket_topics(first.id(), NEWS));
    assert!(registry.mark_socket_topics(second.id(), ALERT));
    assert_eq!(registry.due_of(&42), NEWS | ALERT);
    assert_eq!(first.take_due(), NEWS);
    assert_eq!(registry.due_of(&42), ALERT);
    assert_eq!(second.take_due(), ALERT);
    assert_eq!(registry.due_of(&42), Topics::EMPTY);
}

#[test]
fn what_could_not_be_written_is_given_back() {
    let registry = Registry::<u64>::new();
    let socket = registry.register(42).unwrap();
    registry.mark_topics(&42, NEWS | ALERT);
    let failed = socket.take_due();
    registry.mark(&42);
    socket.restore_due(failed);
    assert_eq!(socket.take_due(), Topics::UPDATE | NEWS | ALERT);
}

#[test]
fn mark_many_marks_as_a_loop_would() {
    let registry = Registry::<String>::new();
    let name = |n: usize| format!("a user with a rather long name, number {n}");
    let sockets: Vec<_> =
        (0..300).flat_map(|n| (0..=n % 3).map(move |_| n)).map(|n| (n, registry.register(name(n)).unwrap())).collect();
    // Every second one of those, and as many that were never registered.
    let asked: Vec<String> = (0..600).step_by(2).map(name).collect();
    let expected = sockets.iter().filter(|(n, _)| n % 2 == 0).count();
    assert_eq!(registry.mark_many(asked.iter()), expected);
    for (n, socket) in &sockets {
        let due = if n % 2 == 0 { Topics::UPDATE } else { Topics::EMPTY };
        assert_eq!(socket.take_due(), due, "user {n}");
    }
    assert_eq!(registry.mark_many(asked.iter().map(String::as_str)), expected);
    assert_eq!(registry.mark_many(std::iter::empty::<&str>()), 0);
}

#[test]
fn mark_many_topics_adds_its_topics() {
    let registry = Registry::<u64>::new();
    let sockets: Vec<_> = (0..40).map(|key| registry.register(key).unwrap()).collect();
    registry.mark(&7);
    assert_eq!(registry.mark_many_topics(&(0..50).collect::<Vec<_>>(), NEWS | ALERT), 40);
    for socket in &sockets {
        let before = if *socket.key() == 7 { Topics::UPDATE } else { Topics::EMPTY };
        assert_eq!(socket.take_due(), before | NEWS | ALERT);
    }
    assert_eq!(
        registry.mark_many_topics(&[1, 2, 2, 99], Topics::EMPTY),
        3,
        "marks of nothing count the sockets all the same"
    );
    assert!(sockets.iter().all(|socket| socket.take_due().is_empty()));
}

/// How far ahead of its marks `mark_many` takes keys, as its documentation says.
const AHEAD: usize = 16;

/// Each time that the iterator is asked, all but the last 16 keys that it gave are marked.
#[test]
fn mark_many_is_few_keys_ahead_of_its_marks() {
    let registry = Registry::<usize>::new();
    let keys: Vec<_> = (0..100).collect();
    let sockets: Vec<_> = keys.iter().map(|&key| registry.register(key).unwrap()).collect();
    let given = keys.iter().inspect(|&&n| {
        let behind = sockets[..n].iter().filter(|socket| socket.peek_due().is_empty()).count();
        assert!(behind <= AHEAD, "{behind} of {n} keys wait for the next one");
    });
    assert_eq!(registry.mark_many(given), keys.len());
}

/// What a loop of marks would have marked before the panic is marked, although wakers panic, too.
#[test]
fn keys_given_before_the_iterator_panics_are_marked() {
    for given in [0, 1, AHEAD - 1, AHEAD, AHEAD + 1, 3 * AHEAD + 5] {
        let registry = Registry::<usize>::new();
        let mut sockets: Vec<_> = (0..=given).map(|key| registry.register(key).unwrap()).collect();
        let waker = Waker::from(Arc::new(Panics));
        for socket in sockets.iter_mut().step_by(2) {
            assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_pending());
        }
        let keys: Vec<_> = (0..=given).collect();
        let broken = keys.iter().inspect(|&&key| {
            if key == given {
                resume_unwind(Box::new("the iterator's own bug"));
            }
        });
        let panic = catch_unwind(AssertUnwindSafe(|| registry.mark_many(broken))).expect_err("the iterator panics");
        assert_eq!(panic.downcast_ref(), Some(&"the iterator's own bug"));
        for (key, socket) in sockets.iter().enumerate() {
            assert_eq!(socket.take_due(), if key < given { Topics::UPDATE } else { Topics::EMPTY }, "{key} of {given}");
        }
    }
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        resume_unwind(Box::new("a waker's bug"));
    }
}

#[test]
fn mark_all_marks_every_socket_once() {
    let registry = Registry::<u64>::new();
    assert_eq!(registry.mark_all(), 0);
    let sockets: Vec<_> = (0..500).map(|n| registry.register(n / 3).unwrap()).collect();
    assert_eq!(registry.mark_all(), 500);
    assert!(sockets.iter().all(|socket| socket.take_due() == Topics::UPDATE));
}

/// Scenario 18 (that it allocates nothing is in `memory.rs`).
#[test]
fn a_mark_of_an_unknown_key_is_not_remembered() {
    let registry = Registry::<u64>::new();
    assert_eq!(registry.mark(&42), 0);
    assert_eq!(registry.mark_topics(&42, Topics::ALL), 0);
    assert_eq!((registry.key_count(), registry.is_active(&42)), (0, false));
    let socket = registry.register(42).unwrap();
    assert_eq!(socket.take_due(), Topics::EMPTY);
}

#[test]
fn a_mark_of_a_key_that_left_is_not_remembered() {
    let registry = Registry::<u64>::new();
    drop(registry.register(42).unwrap());
    assert_eq!(registry.mark(&42), 0);
    assert_eq!(registry.due_of(&42), Topics::EMPTY);
    assert_eq!(registry.register(42).unwrap().take_due(), Topics::EMPTY);
}

/// G3: a mark publishes what was written before it, and of a batch of marks the last one is not
/// lost.
#[test]
fn what_was_written_before_a_mark_is_visible_to_who_takes_it() {
    const MARKS: u64 = 20_000;
    let registry = Registry::<u64>::new();
    let socket = registry.register(42).unwrap();
    let written = AtomicU64::new(0);
    both(
        || {
            let (mut seen, mut takes) = (0, 0);
            while seen < MARKS {
                if socket.take_due().is_empty() {
                    std::thread::yield_now();
                    continue;
                }
                takes += 1;
                seen = written.load(Ordering::Relaxed);
                assert!(takes <= seen, "{takes} takes, but only {seen} marks");
            }
        },
        || {
            for n in 1..=MARKS {
                written.store(n, Ordering::Relaxed);
                assert_eq!(registry.mark(&42), 1);
            }
        },
    );
}

/// Scenario 17: two topics marked during takes arrive once each.
#[test]
fn topics_marked_during_takes_arrive_once_each() {
    let registry = Registry::<u64>::new();
    let socket = registry.register(42).unwrap();
    for _ in 0..ROUNDS {
        let (taken, ()) = both(
            || {
                assert_eq!(registry.mark_topics(&42, NEWS), 1);
                socket.take_due()
            },
            || assert_eq!(registry.mark_topics(&42, ALERT), 1),
        );
        let rest = socket.take_due();
        assert_eq!(taken | rest, NEWS | ALERT);
        assert_eq!(taken & rest, Topics::EMPTY);
    }
}

/// Scenario 11, G4: of A only, or of no socket; never of the next to sit in A's place.
#[test]
fn a_mark_of_a_leaving_socket_does_not_reach_the_next_in_its_place() {
    let registry = Registry::<u64>::builder().max_sockets(1).build().unwrap();
    for _ in 0..ROUNDS {
        let leaving = registry.register(1).unwrap();
        let (next, marked) = both(
            || {
                drop(leaving);
                registry.register(2).unwrap()
            },
            || registry.mark_topics(&1, Topics::ALL),
        );
        assert!(marked <= 1);
        assert_eq!(next.take_due(), Topics::EMPTY);
    }
}

/// Scenario 12, G7: B registered before the mark, so B is marked, whatever A does.
#[test]
fn a_socket_registered_before_a_mark_is_marked_while_another_leaves() {
    let registry = Registry::<u64>::new();
    for _ in 0..ROUNDS {
        let old = registry.register(42).unwrap();
        let ((), (new, marked)) = both(
            || drop(old),
            || {
                let new = registry.register(42).unwrap();
                let marked = registry.mark(&42);
                (new, marked)
            },
        );
        assert!((1..=2).contains(&marked), "{marked} marked");
        assert_eq!(new.take_due(), Topics::UPDATE);
    }
}

/// Scenario 13: the walk over a key's sockets survives the loss of any of them.
#[test]
fn the_other_sockets_of_a_key_are_marked_while_one_leaves() {
    let registry = Registry::<u64>::new();
    for round in 0..ROUNDS {
        let mut tabs: Vec<Socket<u64>> = (0..3).map(|_| registry.register(42).unwrap()).collect();
        let leaving = tabs.remove(round as usize % 3);
        let ((), marked) = both(|| drop(leaving), || registry.mark(&42));
        assert!((2..=3).contains(&marked), "{marked} marked");
        assert!(tabs.iter().all(|tab| tab.take_due() == Topics::UPDATE));
    }
}

/// Every key has reconnected. Keys that nobody has are marked in vain, and a mark of each key
/// reaches its own socket, also where the key's search passes others.
#[test]
fn a_mark_of_nobody_reaches_nobody_who_has_reconnected() {
    let registry: Registry<u64> = Registry::builder().shards(1).max_sockets(3_000).build().unwrap();
    let mut sockets: Vec<_> = (0..2_900).map(|key| registry.register(key).unwrap()).collect();
    for (key, socket) in (0..).zip(&mut sockets) {
        *socket = registry.register(key).unwrap();
    }
    for key in 10_000..20_000 {
        assert_eq!(registry.mark(&key), 0);
    }
    assert!(sockets.iter().all(|socket| socket.take_due().is_empty()));
    for (key, socket) in (0..).zip(&sockets) {
        assert_eq!(registry.mark(&key), 1);
        assert!(!socket.take_due().is_empty(), "{key} was marked, and its socket was not");
    }
    assert!(sockets.iter().all(|socket| socket.take_due().is_empty()));
}
