//! Marks, waits and closing. A wake-up that is lost is a deadlock, which shuttle reports.

use super::{Census, Tracked, choose, crowd, explore, world};
use crate::{Closed, RegisterError, Socket, Topics};
use shuttle::future::block_on;
use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;

/// Waits. Nothing here may yield, which in shuttle wakes the one who yields: a lost wake-up would
/// go unnoticed.
fn wait(socket: &mut Socket<usize, Tracked>) -> Result<Topics, Closed> {
    block_on(socket.due())
}

/// Polls once, and gives up.
fn poll(socket: &mut Socket<usize, Tracked>) -> Poll<Result<Topics, Closed>> {
    block_on(poll_fn(|cx| Poll::Ready(socket.poll_due(cx))))
}

/// Every topic is taken by every socket of the key exactly once, though some waits are given up.
#[test]
fn marks_and_waits() {
    explore(|| {
        let every = (3..6).fold(Topics::EMPTY, |all, n| all | Topics::topic(n));
        let (registry, census) = (world(1), Census::default());
        let sockets: Vec<_> = (0..3).map(|_| census.register(&registry, 0).unwrap()).collect();
        let (inside, of_all, sockets) = (registry.clone(), census.clone(), Mutex::new(sockets));
        crowd(6, move |n| match n {
            0..3 => {
                let mut socket = sockets.lock().unwrap().pop().expect("one for each");
                let mut taken = Topics::EMPTY;
                while taken != every {
                    let due = match choose(3) {
                        0 => socket.take_due(),
                        1 => match poll(&mut socket) {
                            Poll::Ready(due) => due.expect("nobody closes the registry"),
                            Poll::Pending => Topics::EMPTY,
                        },
                        _ => wait(&mut socket).expect("nobody closes the registry"),
                    };
                    assert!((taken & due).is_empty(), "{due:?} was marked once and came again");
                    taken = taken | due;
                }
                of_all.leave(&inside, socket);
            }
            // No task leaves before it has taken this one.
            _ => assert_eq!(inside.mark_topics(&0, Topics::topic(n as u32)), 3),
        });
        census.check_empty(registry);
    });
}

/// After every mark that was made while a socket lived there is a take of that socket; no take
/// without a mark.
#[test]
fn marks_among_churn() {
    explore(|| {
        let (registry, census) = (world(1), Census::default());
        let (inside, of_all) = (registry.clone(), census.clone());
        let (begun, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        crowd(7, move |n| {
            if n < 2 {
                for _ in 0..4 {
                    begun.fetch_add(1, SeqCst);
                    inside.mark(&0);
                    done.fetch_add(1, SeqCst);
                }
                return;
            }
            for _ in 0..2 {
                let over_before = done.load(SeqCst);
                let socket = of_all.register(&inside, 0).unwrap();
                let not_owed = begun.load(SeqCst);
                let (mut takes, mut seen) = (0, 0);
                for _ in 0..2 {
                    let last = done.load(SeqCst);
                    if !socket.take_due().is_empty() {
                        (takes, seen) = (takes + 1, begun.load(SeqCst));
                        assert!(takes <= seen - over_before, "a take without a mark");
                    }
                    // If more marks are done than had begun by then, one of them began later, and
                    // is owed.
                    assert!(
                        last <= not_owed.max(seen),
                        "{last} marks are done, and those after {} not taken",
                        not_owed.max(seen)
                    );
                }
                of_all.leave(&inside, socket);
            }
        });
        census.check_empty(registry);
    });
}

/// Who registers while the registry closes is refused, or told; who waits is told.
#[test]
fn close_among_registrations() {
    explore(|| {
        let (registry, census) = (world(2), Census::default());
        let (inside, of_all) = (registry.clone(), census.clone());
        crowd(6, move |n| {
            if n == 0 {
                inside.mark_all();
                inside.close();
                assert_eq!(of_all.register(&inside, 9).err(), Some(RegisterError::Closed));
                return;
            }
            let mut socket = match of_all.register(&inside, n % 3) {
                Ok(socket) => socket,
                Err(refused) => return assert_eq!(refused, RegisterError::Closed),
            };
            let told: Closed = loop {
                match wait(&mut socket) {
                    Ok(due) => assert_eq!(due, Topics::UPDATE),
                    Err(told) => break told,
                }
            };
            assert_eq!(wait(&mut socket), Err(told), "told once, and then not");
            of_all.leave(&inside, socket);
        });
        census.check_empty(registry);
    });
}
