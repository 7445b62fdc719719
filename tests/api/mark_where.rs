//! `mark_where`: who is asked, who is marked, and what a panic leaves behind.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Context;
use std::thread;

use socket_registry::{Registry, Socket, SocketId, Topics};
use testkit::{Hook, Over, WakerCall, Wakes, both, crowd, hooked_waker};

const NEWS: Topics = Topics::topic(5);

#[test]
fn those_that_are_chosen_are_marked_and_no_other() {
    let registry = Registry::<u64, u64>::new();
    let sockets: Vec<_> = (0..200).map(|n| registry.register_with(n / 4, n).unwrap()).collect();
    registry.mark(&7);
    let mut asked = HashSet::new();
    let chosen = |key: u64, metadata: u64, due: Topics| metadata % 3 == 0 && key != 5 && due.is_empty();
    let marked = registry.mark_where_topics(
        |socket| {
            assert!(asked.insert(socket.id()), "asked twice");
            chosen(*socket.key(), *socket.metadata(), socket.peek_due())
        },
        NEWS,
    );
    assert_eq!(asked.len(), sockets.len());
    assert_eq!(marked, sockets.iter().filter(|socket| socket.peek_due() == NEWS).count());
    for socket in &sockets {
        let before = if *socket.key() == 7 { Topics::UPDATE } else { Topics::EMPTY };
        let marked = if chosen(*socket.key(), *socket.metadata(), before) { NEWS } else { Topics::EMPTY };
        assert_eq!(socket.take_due(), before | marked, "{socket:?}");
    }
}

#[test]
fn what_is_due_already_counts_and_an_empty_set_counts_the_chosen() {
    let registry = Registry::<u64>::new();
    assert_eq!(registry.mark_where_topics(|_| true, NEWS), 0);
    let socket = registry.register(42).unwrap();
    assert_eq!(registry.mark_where_topics(|_| true, NEWS), 1);
    assert_eq!(registry.mark_where_topics(|_| true, NEWS), 1);
    assert_eq!(registry.mark_where_topics(|_| true, Topics::EMPTY), 1);
    assert_eq!(registry.mark_where_topics(|_| false, Topics::ALL), 0);
    assert_eq!(socket.take_due(), NEWS);
}

#[test]
fn the_chosen_are_woken_and_the_others_sleep_on() {
    let registry = Registry::<u64>::new();
    let mut sockets: Vec<_> = (0..10).map(|n| registry.register(n / 2).unwrap()).collect();
    let wakes: Vec<_> = sockets
        .iter_mut()
        .map(|socket| {
            let (wakes, waker) = Wakes::new();
            assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_pending());
            wakes
        })
        .collect();
    assert_eq!(registry.mark_where_topics(|socket| *socket.key() == 3, NEWS), 2);
    let woken: Vec<_> = wakes.iter().map(|wakes| wakes.count()).collect();
    assert_eq!(woken, [0, 0, 0, 0, 0, 0, 1, 1, 0, 0]);
}

#[test]
fn a_socket_that_goes_while_it_is_looked_at_is_not_marked() {
    let registry = Registry::<u64>::builder().shards(1).build().unwrap();
    let mut held: Vec<Option<Socket<u64>>> = (0..20).map(|n| Some(registry.register(n / 2).unwrap())).collect();
    let mut next = Vec::new();
    let marked = registry.mark_where_topics(
        |socket| {
            let key = *socket.key();
            if key >= 100 {
                return false;
            }
            if key % 2 == 0 {
                held.iter_mut().find(|held| held.as_ref().is_some_and(|held| held.id() == socket.id())).unwrap().take();
                // It may take the place of one that is gone, and must not have its mark.
                next.push(registry.register(100 + key).unwrap());
            }
            true
        },
        NEWS,
    );
    assert_eq!(marked, 10);
    assert!(held.iter().flatten().all(|socket| socket.take_due() == NEWS));
    assert!(next.iter().all(|socket| socket.take_due().is_empty()));
}

#[test]
fn the_closure_may_use_the_registry() {
    let registry = Registry::<u64>::new();
    let sockets: Vec<_> = (0..20).map(|key| registry.register(key).unwrap()).collect();
    let marked = registry.mark_where_topics(
        |socket| registry.mark(socket.key()) == 1 && registry.due_of(socket.key()) == Topics::UPDATE,
        NEWS,
    );
    assert_eq!(marked, 20);
    assert!(sockets.iter().all(|socket| socket.take_due() == Topics::UPDATE | NEWS));
}

#[test]
fn a_panic_of_the_closure_leaves_those_marked_that_were_chosen_and_no_other() {
    let registry = Registry::<u64>::new();
    let sockets: Vec<_> = (0..50).map(|n| registry.register(n / 3).unwrap()).collect();
    let mut asked = Vec::new();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        registry.mark_where_topics(
            |socket| {
                if asked.len() == 20 {
                    resume_unwind(Box::new("select"));
                }
                asked.push(socket.id());
                true
            },
            NEWS,
        )
    }))
    .unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"select"));
    assert_eq!(asked.len(), 20);
    for socket in &sockets {
        assert_eq!(socket.take_due() == NEWS, asked.contains(&socket.id()));
    }
    // And no visitor is left.
    assert_eq!(registry.mark_where_topics(|_| true, NEWS), 50);
    drop(sockets);
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
}

/// Of several panics the first one is passed on.
#[test]
fn a_panic_of_a_waker_is_passed_on_when_all_are_marked_and_one_of_the_closure_ends_it() {
    let panics = Arc::new(Hook(|call| {
        if call == WakerCall::Wake {
            resume_unwind(Box::new("wake"));
        }
    }));
    for closure_too in [false, true] {
        let registry = Registry::<u64>::new();
        let mut sockets: Vec<_> = (0..10).map(|n| registry.register(n).unwrap()).collect();
        for socket in &mut sockets {
            assert!(socket.poll_due(&mut Context::from_waker(&hooked_waker(&panics))).is_pending());
        }
        let mut asked = 0;
        let panic = catch_unwind(AssertUnwindSafe(|| {
            registry.mark_where_topics(
                |_| {
                    asked += 1;
                    if closure_too && asked == 5 {
                        resume_unwind(Box::new("select"));
                    }
                    true
                },
                NEWS,
            )
        }))
        .unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"wake"), "the first one");
        let marked = sockets.iter().filter(|socket| socket.take_due() == NEWS).count();
        assert_eq!((asked, marked), if closure_too { (5, 4) } else { (10, 10) });
    }
}

/// Of a metadata that was dropped while it was looked at, the drop comes when the look ends.
#[test]
fn a_drop_that_panics_when_the_look_ends_does_not_keep_the_mark_from_the_others() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 {
                resume_unwind(Box::new("drop"));
            }
        }
    }
    let registry = Registry::<u64, Bomb>::new();
    let mut bomb = Some(registry.register_with(1, Bomb(true)).unwrap());
    let sockets: Vec<_> = (2..10).map(|n| registry.register_with(n, Bomb(false)).unwrap()).collect();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        registry.mark_where_topics(
            |socket| {
                if socket.metadata().0 {
                    bomb.take();
                }
                true
            },
            NEWS,
        )
    }))
    .unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"drop"));
    assert!(sockets.iter().all(|socket| socket.take_due() == NEWS));
    assert_eq!(registry.socket_count(), sockets.len());
}

#[test]
fn among_churn_who_stays_is_asked_once_and_marked() {
    const CHURNERS: usize = 2;
    const CALLS: usize = 100;
    let registry = Registry::<u64, u64>::builder().shards(4).build().unwrap();
    let staying: Vec<_> = (0..40).map(|n| registry.register_with(n % 10, (n % 10) * 2).unwrap()).collect();
    let stays: HashSet<SocketId> = staying.iter().map(Socket::id).collect();
    let calls = Over::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            crowd(CHURNERS, |thread| {
                let mut step = thread as u64;
                while !calls.is_over() {
                    step += 1;
                    let key = step % 20;
                    // Its metadata says not to mark it.
                    let churning = registry.register_with(key, key * 2 + 1).unwrap();
                    assert_eq!(churning.take_due(), Topics::EMPTY);
                }
            });
        });
        let _over = calls.at_the_end();
        for _ in 0..CALLS {
            let mut asked = HashSet::new();
            let marked = registry.mark_where_topics(
                |socket| {
                    assert!(asked.insert(socket.id()), "asked twice");
                    assert_eq!(*socket.metadata() / 2, *socket.key(), "another socket's metadata");
                    socket.metadata() % 2 == 0
                },
                NEWS,
            );
            assert!(asked.is_superset(&stays));
            assert_eq!(marked, staying.len());
            assert!(staying.iter().all(|socket| socket.take_due() == NEWS));
        }
    });
}

/// As for every mark: also what the closure itself wrote, and also if the topics were due.
#[test]
fn what_was_written_before_is_visible_to_who_takes_it() {
    const MARKS: u64 = 5_000;
    let registry = Registry::<u64>::builder().shards(1).build().unwrap();
    let socket = registry.register(42).unwrap();
    let written = AtomicU64::new(0);
    both(
        || {
            let mut seen = 0;
            while seen < MARKS {
                if socket.take_due().is_empty() {
                    thread::yield_now();
                    continue;
                }
                seen = written.load(Ordering::Relaxed);
            }
        },
        || {
            for n in 1..=MARKS {
                let marked = registry.mark_where_topics(
                    |_| {
                        written.store(n, Ordering::Relaxed);
                        true
                    },
                    NEWS,
                );
                assert_eq!(marked, 1);
            }
        },
    );
}
