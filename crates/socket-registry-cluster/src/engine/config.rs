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
    /// The repair that a test leaves out, to see that it fails then.
    #[cfg(test)]
    pub(crate) without: Option<Repair>,
}

/// What a test can leave out. Each is there for a loss that nothing else repairs.
#[cfg_attr(not(test), allow(dead_code, reason = "only tests leave one out"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repair {
    /// A publisher sends again what is asked for.
    Replay,
    /// What is not sent again makes its lane due.
    Lanes,
    /// What cannot be known makes everything due.
    Everything,
    /// A beat tells of messages after which nothing came.
    Tails,
    /// A neighbour tells of publishers that came and left.
    History,
    /// A deaf node judges no other node gone, and counts their silence from when it hears again.
    DeafJudgesNobody,
    /// The claims of a lane that is repaired are sent again.
    Claims,
    /// `settled` waits for the confirmation of every serving node.
    Confirm,
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
            #[cfg(test)]
            without: None,
        }
    }

    #[cfg(test)]
    pub(super) fn is_off(&self, repair: Repair) -> bool {
        self.without == Some(repair)
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "the test's twin needs it")]
    pub(super) fn is_off(&self, _: Repair) -> bool {
        false
    }
}
