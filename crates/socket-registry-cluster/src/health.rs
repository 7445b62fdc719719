//! How a node does, and what it knows of the others.

use crate::engine;
use std::time::Duration;

/// How a node does, from [`Cluster::health`](crate::Cluster::health).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// The node's own messages come back from the broker. While it is false, marks of other nodes
    /// do not arrive; they will, when it is true again. Sockets of this node work as ever.
    pub hearing: bool,
    /// The node has heard for long enough to know the others.
    pub joined: bool,
    /// How many other nodes there are, publishers included.
    pub peers: usize,
    /// How many of them have sockets.
    pub serving: usize,
    /// How long ago the one was heard that has been silent for longest.
    pub oldest_beat: Duration,
    /// Another node has a different number of lanes. Marks arrive, but their loss goes unnoticed:
    /// give all nodes the same number.
    pub lanes_mismatch: bool,
    /// Messages that were lost, and are being asked for again.
    pub missing: u64,
    /// The task behind the cluster has ended: after `leave`, with its runtime, or by a panic.
    pub ended: bool,
}

impl Health {
    pub(crate) fn new(health: engine::Health, ended: bool) -> Self {
        let engine::Health { hearing, joined, peers, serving, oldest_beat, lanes_mismatch, missing } = health;
        Self { hearing: hearing && !ended, joined, peers, serving, oldest_beat, lanes_mismatch, missing, ended }
    }

    /// Returns whether all is well: the node hears, has joined, and agrees with the others.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.hearing && self.joined && !self.lanes_mismatch
    }
}

/// How many there are on all nodes, from [`Cluster::counts`](crate::Cluster::counts).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Active keys, summed over the nodes: a key on two nodes counts twice.
    pub keys: u64,
    /// Live sockets.
    pub sockets: u64,
    /// Nodes with sockets, this one included if it has any.
    pub nodes: usize,
    /// How old the oldest part of the sums is. This node's own part is of this moment.
    pub age: Duration,
}

/// What another node says of itself, from [`Cluster::nodes`](crate::Cluster::nodes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeInfo {
    /// Drawn at random when the node started: after a restart it is another.
    pub id: u64,
    /// Whether it has sockets. A [`Publisher`](crate::Publisher) has none.
    pub serves: bool,
    /// Its active keys.
    pub keys: u64,
    /// Its live sockets.
    pub sockets: u64,
    /// How long ago it said so.
    pub age: Duration,
}

/// Where a key is active, from [`Cluster::online`](crate::Cluster::online).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Online {
    /// On this node, and perhaps on others.
    Here,
    /// On so many other nodes.
    Elsewhere(usize),
    /// Nowhere.
    No,
    /// Not on this node; of the others nothing is known, for want of a connection or of presence.
    Unknown,
}
