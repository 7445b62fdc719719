//! Any number as a `SocketId`: whatever takes an id reaches the socket that was given it, or none,
//! and leaves all others as they were.
#![no_main]

use std::collections::HashMap;
use std::rc::Rc;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use socket_registry::{CloseReason, Closed, Registry, SocketId, Topics};

type Sockets = Registry<u8, Rc<()>>;
type Socket = socket_registry::Socket<u8, Rc<()>>;

#[derive(Arbitrary, Debug)]
enum Raw {
    /// Whatever comes.
    Any(u64),
    /// An id that is or was good, with a few bits turned: nearly the same place or generation.
    Near { socket: u8, flipped: u64 },
    /// The same, some steps further.
    Beside { socket: u8, distance: i8 },
    /// The same place, some registrations earlier or later.
    Again { socket: u8, registrations: i8 },
}

#[derive(Arbitrary, Debug)]
enum Step {
    Join {
        key: u8,
    },
    Leave {
        socket: u8,
    },
    Mark {
        id: Raw,
        topics: u32,
    },
    Visit {
        id: Raw,
    },
    /// One time in sixteen the socket is evicted instead.
    Disconnect {
        id: Raw,
        reason: u8,
    },
    DisconnectOthers {
        key: u8,
        keep: Raw,
        reason: u8,
    },
}

/// What a socket should know.
struct Expected {
    socket: Socket,
    due: Topics,
    closed: Option<Closed>,
}

impl Expected {
    fn tell(&mut self, reason: CloseReason) {
        self.closed.get_or_insert(Closed::Disconnected(reason));
    }
}

struct World {
    registry: Sockets,
    live: HashMap<u64, Expected>,
    /// Every id that was ever given, and one that no socket has, so that there is always one to
    /// choose.
    issued: Vec<u64>,
    alive: Rc<()>,
}

const PLACE_BITS: u32 = 37;

fuzz_target!(|steps: Vec<Step>| {
    let registry = Sockets::builder().shards(2).build().expect("a possible size");
    let mut world = World { registry, live: HashMap::new(), issued: vec![0], alive: Rc::default() };
    for step in steps {
        world.step(step);
        world.check();
    }
    let World { live, alive, .. } = world;
    drop(live);
    assert_eq!(Rc::strong_count(&alive), 1, "every socket's metadata is dropped");
});

impl World {
    fn raw(&self, raw: Raw) -> u64 {
        let nth = |socket: u8| self.issued[usize::from(socket) % self.issued.len()];
        match raw {
            Raw::Any(raw) => raw,
            Raw::Near { socket, flipped } => nth(socket) ^ flipped,
            Raw::Beside { socket, distance } => nth(socket).wrapping_add_signed(distance.into()),
            Raw::Again { socket, registrations } => {
                nth(socket).wrapping_add_signed(i64::from(registrations) << PLACE_BITS)
            }
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Join { key } => {
                // A key is refused sockets beyond its limit.
                let Ok(socket) = self.registry.register_with(key, Rc::clone(&self.alive)) else {
                    return;
                };
                let id = socket.id().to_u64();
                self.issued.push(id);
                let before = self.live.insert(id, Expected { socket, due: Topics::EMPTY, closed: None });
                assert!(before.is_none(), "an id was given twice");
            }
            Step::Leave { socket } => {
                let id = self.issued[usize::from(socket) % self.issued.len()];
                drop(self.live.remove(&id));
            }
            Step::Mark { id, topics } => {
                let (raw, topics) = (self.raw(id), Topics::from_bits(topics));
                let named = self.live.get_mut(&raw);
                assert_eq!(self.registry.mark_socket_topics(SocketId::from_u64(raw), topics), named.is_some());
                if let Some(named) = named {
                    named.due |= topics;
                }
            }
            Step::Visit { id } => {
                let raw = self.raw(id);
                let id = SocketId::from_u64(raw);
                let named = self.live.get(&raw);
                assert_eq!(self.registry.contains(id), named.is_some());
                let shown = self.registry.with_socket(id, |socket| (socket.id().to_u64(), *socket.key()));
                assert_eq!(shown, named.map(|named| (raw, *named.socket.key())));
                // Whatever it names, it can be shown, compared and kept.
                assert_eq!(id, SocketId::from_u64(id.to_u64()));
                assert_eq!(id.to_string().parse(), Ok(id));
                assert!(!format!("{id:?}").is_empty());
            }
            Step::Disconnect { id, reason } if reason % 16 == 15 => {
                let raw = self.raw(id);
                let is_evicted = self.registry.evict_socket(SocketId::from_u64(raw), testkit::reason(reason));
                assert_eq!(is_evicted, self.live.remove(&raw).is_some());
            }
            Step::Disconnect { id, reason } => {
                let reason = testkit::reason(reason);
                let raw = self.raw(id);
                let named = self.live.get_mut(&raw);
                assert_eq!(self.registry.disconnect_socket(SocketId::from_u64(raw), reason), named.is_some());
                if let Some(named) = named {
                    named.tell(reason);
                }
            }
            Step::DisconnectOthers { key, keep, reason } => {
                let reason = testkit::reason(reason);
                let keep = self.raw(keep);
                let told = self.registry.disconnect_others(&key, SocketId::from_u64(keep), reason);
                let others = self.live.iter_mut().filter(|(id, other)| **id != keep && *other.socket.key() == key);
                assert_eq!(told, others.map(|(_, other)| other.tell(reason)).count());
            }
        }
    }

    /// Every live socket is as it should be, and is seen by every call that looks; no other is.
    fn check(&self) {
        assert_eq!(self.registry.socket_count(), self.live.len());
        for (id, expected) in &self.live {
            let Expected { socket, due, closed } = expected;
            assert_eq!((socket.id().to_u64(), socket.peek_due(), socket.close_reason()), (*id, *due, *closed));
            assert!(self.registry.contains(socket.id()) && self.registry.with_socket(socket.id(), |_| ()).is_some());
        }
        let mut walked = 0;
        self.registry.for_each(|socket| walked += usize::from(self.live.contains_key(&socket.id().to_u64())));
        assert_eq!(walked, self.live.len());
    }
}
