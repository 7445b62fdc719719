//! A socket takes its key over, concurrent with everything else.

use super::{block_on, check, check_up_to, is_due, key, race, registry};
use crate::{Closed, Registry, Socket, Topics};
use loom::thread;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

pub(super) type Ours = Socket<super::Key, super::Guarded>;

pub(super) fn take_over(registry: &Registry<super::Key, super::Guarded>) -> Ours {
    registry.register_taking_over(key(1), Default::default()).unwrap()
}

/// Only this socket is there, and only it is counted.
fn assert_alone(registry: &Registry<super::Key, super::Guarded>, socket: &Ours) {
    assert_eq!(socket.close_reason(), None);
    assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
    assert_eq!(registry.sockets_of(&1), [socket.id()]);
}

/// The old socket is in the inline slot, or in the chain while that is free: the new one gets the
/// other.
pub(super) fn with_old(in_chain: bool) -> (Registry<super::Key, super::Guarded>, Ours) {
    let registry = registry();
    let (own, old) = (registry.register(key(1)).unwrap(), in_chain.then(|| registry.register(key(1)).unwrap()));
    let old = match old {
        Some(old) => {
            drop(own);
            old
        }
        None => own,
    };
    (registry, old)
}

/// A mark concurrent with a takeover reaches one of the two, and ends up with the new socket,
/// wherever the two are.
#[test]
fn mark_beside_takeover() {
    for in_chain in [false, true] {
        check(move || {
            let (registry, old) = with_old(in_chain);
            let marker = {
                let registry = registry.clone();
                thread::spawn(move || registry.mark(&1))
            };
            let mut new = take_over(&registry);
            let marked = marker.join().unwrap();
            // The new socket may be met before it has arrived, and again after that.
            assert!((1..=3).contains(&marked), "{marked}");
            assert!(is_due(&mut new), "an update was lost");
            assert_eq!(old.close_reason(), Some(Closed::Superseded));
            assert_alone(&registry, &new);
        });
    }
}

/// The same for a mark of all.
#[test]
fn mark_of_all_beside_takeover() {
    for in_chain in [false, true] {
        check(move || {
            let (registry, _old) = with_old(in_chain);
            let marker = {
                let registry = registry.clone();
                thread::spawn(move || registry.mark_all())
            };
            let mut new = take_over(&registry);
            marker.join().unwrap();
            assert!(is_due(&mut new), "an update was lost");
        });
    }
}

/// The same where the old socket's owner leaves immediately, so that the walk finds no socket in
/// its slot.
#[test]
fn mark_of_all_beside_takeover_and_drop() {
    check(|| {
        let (registry, old) = with_old(true);
        let marker = {
            let registry = registry.clone();
            thread::spawn(move || registry.mark_all())
        };
        let mut new = take_over(&registry);
        drop(old);
        marker.join().unwrap();
        assert!(is_due(&mut new), "an update was lost");
    });
}

/// Of two takeovers one stays, and has what was due for the socket before both.
#[test]
fn two_takeovers() {
    check_up_to(1, || {
        let (registry, old) = with_old(false);
        registry.mark(&1);
        let other = {
            let registry = registry.clone();
            thread::spawn(move || take_over(&registry))
        };
        let one = take_over(&registry);
        let other = other.join().unwrap();
        assert_eq!(old.close_reason(), Some(Closed::Superseded));
        let (mut stays, goes) = if one.close_reason().is_none() { (one, other) } else { (other, one) };
        assert_eq!(goes.close_reason(), Some(Closed::Superseded));
        assert_alone(&registry, &stays);
        assert!(is_due(&mut stays), "an update was lost");
        drop((old, goes));
        assert_alone(&registry, &stays);
    });
}

/// Two takeovers of a new key.
#[test]
fn two_takeovers_of_nobody() {
    check_up_to(1, || {
        let registry = registry();
        let other = {
            let registry = registry.clone();
            thread::spawn(move || take_over(&registry))
        };
        let one = take_over(&registry);
        let other = other.join().unwrap();
        let (stays, goes) = if one.close_reason().is_none() { (one, other) } else { (other, one) };
        assert_eq!(goes.close_reason(), Some(Closed::Superseded));
        assert_alone(&registry, &stays);
        drop(stays);
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    });
}

/// Two takeovers, one after the other, concurrent with a mark. (With all three concurrent there are
/// too many orders for loom; shuttle tries some.)
#[test]
fn two_takeovers_beside_mark() {
    for marks_first in [false, true] {
        check_up_to(1, move || {
            let (registry, _old) = with_old(false);
            let marked = registry.clone();
            let twice = move || (take_over(&registry), take_over(&registry));
            let (marked, (_one, mut two)) = race(marks_first, move || marked.mark(&1), twice);
            assert!(marked >= 1);
            assert!(is_due(&mut two), "an update was lost");
        });
    }
}

/// A later takeover, and a mark, that begin while an earlier takeover is in its midst: when that
/// has superseded the old socket, it wakes this.
struct Meanwhile(Registry<super::Key, super::Guarded>, Mutex<Option<(Ours, thread::JoinHandle<usize>)>>);

impl Wake for Meanwhile {
    /// The later one has a turn and is published, and has not arrived.
    fn wake(self: Arc<Self>) {
        let registry = self.0.clone();
        let marker = thread::spawn(move || registry.mark(&1));
        let late = self.0.register(key(1)).unwrap();
        let (shard, id) = self.0.resolve(late.id()).unwrap();
        shard.slot_at(id.addr).turn.draw(&shard.takeovers);
        *self.1.lock().unwrap() = Some((late, marker));
    }
}

/// A mark concurrent with a takeover that is overtaken, and supersedes itself before the later one
/// has superseded anybody.
#[test]
fn mark_beside_overtaken_takeover() {
    check(|| {
        let (registry, mut old) = with_old(false);
        let meanwhile = Arc::new(Meanwhile(registry.clone(), Mutex::default()));
        assert!(old.poll_due(&mut Context::from_waker(&Waker::from(meanwhile.clone()))).is_pending());
        let new = take_over(&registry);
        let (mut late, marker) = meanwhile.1.lock().unwrap().take().unwrap();
        marker.join().unwrap();
        assert_eq!(new.close_reason(), Some(Closed::Superseded));
        assert!(is_due(&mut late), "an update was lost");
    });
}

/// A takeover meets a socket that leaves, and reads the turn of the next one in its slot: that of a
/// later takeover, which is not published yet. It does not yield to it: nobody would be there, and
/// nobody would have what was due for a socket that it has superseded.
#[test]
fn takeover_beside_takeover_that_is_not_published() {
    check(|| {
        let (registry, leaves) = with_old(false);
        let _old = registry.register(key(1)).unwrap();
        registry.mark(&1);
        let later = {
            let registry = registry.clone();
            thread::spawn(move || {
                let (shard, id) = registry.resolve(leaves.id()).unwrap();
                drop(leaves);
                // The other one may have this slot itself.
                if let Some(claimed) = shard.slot_at(id.addr).claim() {
                    claimed.turn().draw(&shard.takeovers);
                }
            })
        };
        let mut new = take_over(&registry);
        later.join().unwrap();
        assert_alone(&registry, &new);
        assert!(is_due(&mut new), "an update was lost");
    });
}

/// The counts never say that nobody is there while a socket is, and neither does the wait for the
/// last one.
#[test]
fn drained_beside_takeover() {
    use std::future::Future;
    check(|| {
        let registry = registry();
        let old = registry.register(key(1)).unwrap();
        let leaver = thread::spawn(move || drop(old));
        let new = take_over(&registry);
        registry.close();
        let drained = std::pin::pin!(registry.drained()).poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(!drained && registry.socket_count() >= 1, "drained, while a socket is there for good");
        leaver.join().unwrap();
        assert_alone_but_closed(&registry, &new);
    });
}

fn assert_alone_but_closed(registry: &Registry<super::Key, super::Guarded>, socket: &Ours) {
    assert_eq!(socket.close_reason(), Some(Closed::Shutdown));
    assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
}

/// The owner drops its socket while it is being superseded: it is counted out once, and its permit
/// returns once.
#[test]
fn takeover_beside_drop() {
    for in_chain in [false, true] {
        check(move || {
            let (registry, old) = with_old(in_chain);
            let leaver = thread::spawn(move || drop(old));
            let new = take_over(&registry);
            leaver.join().unwrap();
            assert_alone(&registry, &new);
            drop(new);
            assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
        });
    }
}

/// The same while the socket that took over leaves as well, so that each of them may be counted out
/// twice for a moment: the counts are not negative, and touch nothing else in their word.
#[test]
fn drop_beside_takeover_that_leaves() {
    check(|| {
        let (registry, old) = with_old(false);
        let leaver = thread::spawn(move || drop(old));
        drop(take_over(&registry));
        assert!(registry.key_count() <= 1 && registry.socket_count() <= 2);
        let next = registry.register(key(2)).expect("nobody has closed the registry");
        assert_eq!(next.close_reason(), None);
        leaver.join().unwrap();
        assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
    });
}

/// A superseded socket's permit returns once, by the thread that counts the socket out.
#[test]
fn permits_beside_takeover() {
    check(|| {
        let registry = super::limited(2, 1);
        let old = registry.register(key(1)).unwrap();
        let leaver = thread::spawn(move || drop(old));
        let _new = take_over(&registry);
        leaver.join().unwrap();
        let _other = registry.register(key(2)).unwrap();
        assert!(registry.register(key(3)).is_err());
    });
}

/// An owner that waits, or is about to, is told.
#[test]
fn takeover_beside_wait() {
    check(|| {
        let (registry, mut old) = with_old(false);
        let waiter = thread::spawn(move || block_on(old.due()));
        let _new = take_over(&registry);
        assert_eq!(waiter.join().unwrap(), Err(Closed::Superseded));
    });
}

/// A takeover is stopped before it wakes the socket that it has superseded: another one that comes
/// and goes meanwhile wakes it.
#[test]
fn takeover_beside_takeover_that_has_not_woken() {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    struct Woken(AtomicUsize, Registry<super::Key, super::Guarded>);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            // The first call is where its thread is stopped.
            if self.0.fetch_add(1, Relaxed) == 0 {
                drop(take_over(&self.1));
                assert!(self.0.load(Relaxed) > 1, "a takeover leaves the wake-up to a stopped one");
            }
        }
    }
    check(|| {
        let (registry, mut old) = with_old(false);
        let waker = Waker::from(Arc::new(Woken(0.into(), registry.clone())));
        assert!(old.poll_due(&mut Context::from_waker(&waker)).is_pending());
        let owner = thread::spawn(move || (old.take_due(), old));
        let _new = take_over(&registry);
        let (_, old) = owner.join().unwrap();
        assert_eq!(old.close_reason(), Some(Closed::Superseded));
    });
}

/// A registration concurrent with a takeover stays or is superseded; every socket that is there is
/// reached.
#[test]
fn takeover_beside_registration() {
    check(|| {
        let (registry, _old) = with_old(false);
        let other = {
            let registry = registry.clone();
            thread::spawn(move || registry.register(key(1)).unwrap())
        };
        let new = take_over(&registry);
        let other = other.join().unwrap();
        assert_eq!(new.close_reason(), None);
        let there = 1 + usize::from(other.close_reason().is_none());
        assert_eq!((registry.key_count(), registry.socket_count()), (1, there));
        assert_eq!(registry.mark(&1), there);
    });
}

/// A visitor looks at the old socket while it is superseded and dropped.
#[test]
fn visit_beside_takeover() {
    check(|| {
        let (registry, old) = with_old(false);
        let looker = {
            let (registry, id) = (registry.clone(), old.id());
            thread::spawn(move || registry.with_socket(id, |socket| (socket.metadata().look(), socket.key().1.look())))
        };
        let new = take_over(&registry);
        drop(old);
        looker.join().unwrap();
        assert_alone(&registry, &new);
        drop(new);
        assert_eq!(registry.key_count(), 0);
    });
}

/// Topics that the old socket's owner gives back while it is superseded are due for the new one.
#[test]
fn remark_beside_takeover() {
    check(|| {
        let (registry, old) = with_old(false);
        registry.mark(&1);
        let owner = thread::spawn(move || {
            old.restore_due(old.take_due());
            old
        });
        let new = take_over(&registry);
        let _old = owner.join().unwrap();
        assert_eq!(new.take_due(), Topics::UPDATE, "an update was lost");
    });
}

/// The socket that took over leaves concurrent with the superseded one: the key goes, once.
#[test]
fn both_leave_after_takeover() {
    check(|| {
        let (registry, old) = with_old(false);
        let new = take_over(&registry);
        let leaver = thread::spawn(move || drop(old));
        drop(new);
        let next = registry.register(key(1)).unwrap();
        leaver.join().unwrap();
        assert_alone(&registry, &next);
    });
}
