//! What a node is told at its start.

use crate::engine::Config;
use std::fmt;
use std::time::Duration;

/// Options of a node, for [`Cluster::start`](crate::Cluster::start) and
/// [`Publisher::start`](crate::Publisher::start).
///
/// Namespace, lanes and beat must be the same on all nodes of a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) namespace: String,
    pub(crate) lanes: u16,
    pub(crate) spread: Duration,
    pub(crate) presence: bool,
    beat: Duration,
    ttl: Option<Duration>,
    ring_bytes: usize,
}

impl Options {
    /// Returns the default options, for the cluster of this name. Clusters with different names on
    /// one broker do not hear each other.
    pub fn new(namespace: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            lanes: 16,
            spread: Duration::from_secs(10),
            presence: false,
            beat: Duration::from_secs(1),
            ttl: None,
            ring_bytes: 8 << 20,
        }
    }

    /// Sets into how many lanes keys are divided: a power of two up to 4,096, 16 by default. The
    /// messages of a lane have consecutive numbers. A loss that cannot be repaired message by
    /// message makes one lane due. Each beat carries a number for each lane.
    #[must_use]
    pub fn lanes(mut self, lanes: u16) -> Self {
        self.lanes = lanes;
        self
    }

    /// Sets how often a node says that it lives and what it has sent: every second by default. A
    /// loss is noticed by the next message or the next beat. For `n` nodes choose at least `n`
    /// times 5 ms.
    #[must_use]
    pub fn beat(mut self, beat: Duration) -> Self {
        self.beat = beat;
        self
    }

    /// Sets how long a node is silent before it counts as gone: five beats by default, at least
    /// three.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the time over which the sockets of a repair become due, so that their clients do not
    /// all fetch in one moment: 10 s by default.
    #[must_use]
    pub fn spread(mut self, spread: Duration) -> Self {
        self.spread = spread;
        self
    }

    /// Sets how many bytes of its last messages a node keeps, to send them again to nodes that
    /// missed them: 8 MiB by default. The loss of an older message is repaired by its lane.
    #[must_use]
    pub fn ring_bytes(mut self, ring_bytes: usize) -> Self {
        self.ring_bytes = ring_bytes;
        self
    }

    /// Sets whether each node knows the keys of all others, for [`Cluster::online`] and
    /// [`Cluster::presence`]: off by default. The others do not see the keys of a node that has it
    /// off.
    ///
    /// [`Cluster::online`]: crate::Cluster::online
    /// [`Cluster::presence`]: crate::Cluster::presence
    #[must_use]
    pub fn presence(mut self, presence: bool) -> Self {
        self.presence = presence;
        self
    }

    pub(crate) fn config(&self, sender: u64, serves: bool) -> Result<Config, StartError> {
        let is_plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        if self.namespace.is_empty() || self.namespace.len() > 64 || !self.namespace.bytes().all(is_plain) {
            return Err(StartError::Namespace);
        }
        if !self.lanes.is_power_of_two() || self.lanes > 4096 {
            return Err(StartError::Lanes);
        }
        let ttl = self.ttl.unwrap_or(self.beat * 5);
        if self.beat < Duration::from_millis(10) || ttl < self.beat * 3 {
            return Err(StartError::Times);
        }
        let mut config = Config::new(sender);
        (config.lanes, config.ring_bytes) = (self.lanes, self.ring_bytes);
        (config.beat, config.ttl, config.spread) = (self.beat, ttl, self.spread);
        // A node without sockets does not subscribe to the keys of others.
        (config.presence, config.serves) = (self.presence && serves, serves);
        Ok(config)
    }
}

/// Says why a node does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// A namespace has 1 to 64 ASCII letters, digits, `-` and `_`.
    Namespace,
    /// The number of lanes is a power of two, up to 4,096.
    Lanes,
    /// A beat is at least 10 ms, and the time to live three beats.
    Times,
    /// There is no tokio runtime here.
    NoRuntime,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Namespace => "a namespace has 1 to 64 ASCII letters, digits, '-' and '_'",
            Self::Lanes => "the number of lanes is a power of two, up to 4096",
            Self::Times => "a beat is at least 10 ms, and the time to live at least three beats",
            Self::NoRuntime => "a node starts in a tokio runtime",
        })
    }
}

impl std::error::Error for StartError {}
