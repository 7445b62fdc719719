//! Any number as a `SocketId`: it names the socket that was given this id, or none.
#![no_main]

use std::collections::HashMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use socket_registry::{Registry, Socket, SocketId, Topics};

#[derive(Arbitrary, Debug)]
enum Raw {
    /// Whatever comes.
    Any(u64),
    /// An id that is or was good, with a few bits turned: nearly the same place or generation.
    Near { socket: u8, flipped: u64 },
    /// The same, some steps further.
    Beside { socket: u8, distance: i8 },
}

#[derive(Arbitrary, Debug)]
enum Life {
    Join { key: u8 },
    Leave { socket: u8 },
}

#[derive(Arbitrary, Debug)]
struct Input {
    life: Vec<Life>,
    raw: Vec<Raw>,
}

fuzz_target!(|input: Input| {
    let registry = Registry::<u8>::builder().shards(2).build().expect("a possible size");
    let mut live: HashMap<u64, Socket<u8>> = HashMap::new();
    // One that no socket has, so that there is always one to choose.
    let mut issued = vec![0];
    let nth = |issued: &[u64], socket: u8| issued[usize::from(socket) % issued.len()];
    for step in input.life {
        match step {
            Life::Join { key } => {
                // A key is refused sockets beyond its limit.
                let Ok(socket) = registry.register(key) else {
                    continue;
                };
                issued.push(socket.id().to_u64());
                live.insert(socket.id().to_u64(), socket);
            }
            Life::Leave { socket } => drop(live.remove(&nth(&issued, socket))),
        }
    }
    for raw in input.raw {
        let of = |socket| nth(&issued, socket);
        let raw = match raw {
            Raw::Any(raw) => raw,
            Raw::Near { socket, flipped } => of(socket) ^ flipped,
            Raw::Beside { socket, distance } => of(socket).wrapping_add_signed(distance.into()),
        };
        ask(&registry, &live, raw);
    }
});

fn ask(registry: &Registry<u8>, live: &HashMap<u64, Socket<u8>>, raw: u64) {
    let id = SocketId::from_u64(raw);
    let named = live.get(&raw);
    assert_eq!(registry.contains(id), named.is_some());
    assert_eq!(registry.mark_socket(id, Topics::UPDATE), named.is_some());
    let shown = registry.with_socket(id, |socket| (socket.id().to_u64(), *socket.key()));
    assert_eq!(shown, named.map(|socket| (raw, *socket.key())));
    for socket in live.values() {
        let due = if socket.id() == id { Topics::UPDATE } else { Topics::EMPTY };
        assert_eq!(socket.take_due(), due);
    }
    // Whatever it names, it can be shown, compared and kept.
    assert_eq!(id, SocketId::from_u64(id.to_u64()));
    assert!(!format!("{id} {id:?}").is_empty());
}
