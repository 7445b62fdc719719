//! Ids that were never issued: kept from before a restart, of another node, made up by a client. An
//! operation by such an id reaches no socket, and leaves nothing behind for the one that is there,
//! or for one that comes later.

use socket_registry::{CloseReason, Closed, Registry, Socket, SocketId, Topics};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use testkit::reason;

type Alive = Arc<()>;
type Users = Registry<u64, Alive>;

const LOGGED_OUT: CloseReason = CloseReason::LOGGED_OUT;
/// An id is its socket's place, and above that the number of its registration in that place.
const PLACE_BITS: u32 = 37;
const LAST_GENERATION: u64 = (1 << 26) - 1;

fn registry() -> Users {
    Users::builder().shards(1).build().expect("a possible size")
}

/// The id in the same place that comes so many registrations later.
fn later(id: SocketId, registrations: u64) -> SocketId {
    SocketId::from_u64(id.to_u64() + (registrations << PLACE_BITS))
}

/// Those of the socket's place that are still to come: the next one, some later one, the last one.
fn unissued(id: SocketId) -> [SocketId; 3] {
    let left = LAST_GENERATION - (id.to_u64() >> PLACE_BITS);
    [1, 5, left].map(|registrations| later(id, registrations))
}

/// Calls everything that takes an id of a socket, and sees that no socket is reached.
fn ask(registry: &Users, id: SocketId) {
    assert!(!registry.contains(id));
    assert!(!registry.mark_socket(id));
    assert!(registry.with_socket(id, |_| ()).is_none());
    assert!(!registry.disconnect_socket(id, LOGGED_OUT));
    assert!(!registry.evict_socket(id, LOGGED_OUT));
    assert_eq!(registry.disconnect_others(&0, id, LOGGED_OUT), 0, "no socket has this key");
}

/// A registry with one socket, and after everybody asked with ids that are still to come in its
/// place.
fn asked() -> (Users, Socket<u64, Alive>, Alive) {
    let (registry, alive) = (registry(), Alive::default());
    let socket = registry.register_with(42, Arc::clone(&alive)).unwrap();
    unissued(socket.id()).into_iter().for_each(|id| ask(&registry, id));
    (registry, socket, alive)
}

#[test]
fn the_live_socket_is_walked_and_shown() {
    let (registry, socket, _) = asked();
    let (mut walked, mut of_key) = (0, 0);
    registry.for_each(|_| walked += 1);
    registry.for_each_of(&42, |_| of_key += 1);
    assert_eq!((walked, of_key), (1, 1));
    assert!(registry.with_socket(socket.id(), |_| ()).is_some());
    assert!(registry.contains(socket.id()));
}

#[test]
fn the_live_socket_is_not_due_and_not_closed() {
    let (registry, socket, _) = asked();
    assert_eq!((socket.peek_due(), socket.close_reason()), (Topics::EMPTY, None));
    assert_eq!((registry.socket_count(), registry.sockets_of(&42)), (1, vec![socket.id()]));
}

#[test]
fn the_live_socket_is_told_its_own_reason() {
    let (registry, socket, _) = asked();
    assert_eq!(registry.disconnect(&42, reason(9)), 1);
    assert_eq!(socket.close_reason(), Some(Closed::Disconnected(reason(9))));
}

#[test]
fn disconnect_others_with_an_unissued_id_keeps_nobody() {
    let (registry, socket, _) = asked();
    assert_eq!(registry.disconnect_others(&42, later(socket.id(), 1), reason(9)), 1);
    assert_eq!(socket.close_reason(), Some(Closed::Disconnected(reason(9))));
}

#[test]
fn values_are_dropped_after_a_walk() {
    let (registry, socket, alive) = asked();
    registry.for_each(|_| ());
    drop(socket);
    assert_eq!(Arc::strong_count(&alive), 1);
}

/// The task drops its socket while it is woken, so the waker's caller is the last one in the place.
#[test]
fn values_are_dropped_after_a_wake_up() {
    struct DropsSocket(Mutex<Option<Socket<u64, Alive>>>);
    impl Wake for DropsSocket {
        fn wake(self: Arc<Self>) {
            drop(self.0.lock().unwrap().take());
        }
    }
    let (registry, mut socket, alive) = asked();
    let task = Arc::new(DropsSocket(Mutex::default()));
    let waker = Waker::from(Arc::clone(&task));
    assert!(socket.poll_due(&mut Context::from_waker(&waker)).is_pending());
    *task.0.lock().unwrap() = Some(socket);
    registry.mark(&42);
    assert_eq!((registry.socket_count(), Arc::strong_count(&alive)), (0, 1));
}

#[test]
fn later_sockets_of_the_place_are_walked_and_dropped() {
    let (registry, socket, alive) = asked();
    let first = socket.id();
    drop(socket);
    for registration in 1..100 {
        let socket = registry.register_with(42, Arc::clone(&alive)).unwrap();
        assert_eq!(socket.id(), later(first, registration), "the place is used again");
        let mut walked = 0;
        registry.for_each(|_| walked += 1);
        assert_eq!(walked, 1);
        drop(socket);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

/// Asked about while no socket was in the slot; then the socket of that id comes.
#[test]
fn no_reason_waits_for_a_socket_that_comes_later() {
    let (registry, socket, _) = asked();
    let next = later(socket.id(), 1);
    drop(socket);
    ask(&registry, next);
    let socket = registry.register(42).unwrap();
    assert_eq!((socket.id(), socket.close_reason()), (next, None));
    let _new = registry.register_taking_over(42, Alive::default()).unwrap();
    assert_eq!(socket.close_reason(), Some(Closed::Superseded));
}
