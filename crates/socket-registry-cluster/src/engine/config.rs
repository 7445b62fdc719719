//! What a node is told at its start.

use std::time::Duration;

/// The time of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    /// Since an origin that the driver chose. Must not go back.
    pub(crate) since_start: Duration,
    /// Milliseconds since the Unix epoch, for the hybrid clock alone. May jump.
    pub(crate) wall_ms: u64,
}

/// What a node is told at its start.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Drawn at random at each start: the node, and which of its lives.
    pub(crate) sender: u64,
    /// How many sequences a publisher has: a power of two, 1 to 4,096, the same in the cluster.
    pub(crate) lanes: u16,
    /// Between two beats.
    pub(crate) beat: Duration,
    /// A node that is silent for so long, while we hear, is gone. At least 3 beats.
    pub(crate) ttl: Duration,
    /// Over how long a repair of lanes is spread.
    pub(crate) spread: Duration,
    /// What the messages kept for replay may occupy.
    pub(crate) ring_bytes: usize,
    /// How many messages a node asks a publisher for in one go: at most 1,024, and at most half of
    /// what its subscription has room for.
    pub(crate) window: usize,
    /// How many other nodes are remembered, with those that left in the last ten minutes.
    pub(crate) max_peers: usize,
    /// Whether the node keeps the keys of the others.
    pub(crate) presence: bool,
    /// Whether the node has sockets. A worker has none, and is not waited for by `settled`.
    pub(crate) serves: bool,
}

impl Config {
    /// The defaults, for a node that serves.
    pub(crate) fn new(sender: u64) -> Self {
        Self {
            sender,
            lanes: 16,
            beat: Duration::from_secs(1),
            ttl: Duration::from_secs(5),
            spread: Duration::from_secs(10),
            ring_bytes: 8 << 20,
            window: 1024,
            max_peers: 4096,
            presence: false,
            serves: true,
        }
    }
}
