//! What comes out of the engine.

use crate::wire::items::Keys;
use crate::wire::subject::Subject;
use bytes::Bytes;
use std::time::Duration;

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Publish a message. A failure needs no report: what is lost is found and repaired.
    Publish { subject: Subject, bytes: Bytes },
    /// Publish all of these, or none: a part of them is of no use.
    PublishAll { subject: Subject, messages: Vec<Bytes> },
    /// Mark the keys' sockets here (`mark_many_topics`).
    Mark { topics: u32, keys: Keys },
    /// Mark every socket here, spread over `spread`.
    MarkAll { topics: u32, spread: Duration },
    /// Close the key's sockets here.
    Disconnect { key: Bytes, reason: u8 },
    /// The key was taken over on another node: close its sockets here.
    Supersede { key: Bytes },
    /// Connect to the broker anew: it does not let our own beat through.
    Reconnect,
    /// A key became active on the other nodes, that was on none of them; or idle on the last.
    PresenceChanged { key: Bytes, is_online: bool },
}

/// What `settle` began, for `settled`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ticket {
    /// For each lane the newest number that must be confirmed.
    pub(super) newest: Vec<u64>,
    pub(super) asked_at: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Pending,
    /// Every serving node that is not gone has heard it, or makes all that it concerns due.
    Yes,
    /// No node serves.
    Alone,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    /// Own beats come back.
    pub(crate) hearing: bool,
    pub(crate) joined: bool,
    /// Other nodes that are not gone.
    pub(crate) peers: usize,
    /// Those of them that serve.
    pub(crate) serving: usize,
    /// How long ago the node was heard that was silent for longest, of those not gone.
    pub(crate) oldest_beat: Duration,
    /// A node has another number of lanes: losses of its messages are not noticed.
    pub(crate) lanes_mismatch: bool,
    /// Messages that are known to be missing.
    pub(crate) missing: u64,
}

/// What the other nodes have said of themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) keys: u64,
    pub(crate) sockets: u64,
    /// Serving nodes, without this one.
    pub(crate) nodes: usize,
    /// How old the oldest beat is that is in the sums.
    pub(crate) age: Duration,
}

/// What happened since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stats {
    /// Messages that are no message, or not for this node.
    pub(crate) bad: u64,
    /// Messages of senders that found no room among the peers.
    pub(crate) refused: u64,
    /// Stamps that are more than a minute ahead of the wall clock.
    pub(crate) bad_stamps: u64,
    /// Keys of more than 255 bytes, which cannot travel.
    pub(crate) long_keys: u64,
    /// Messages that were heard before.
    pub(crate) duplicates: u64,
    /// Keys marked by messages of other nodes.
    pub(crate) marks_received: u64,
    /// Keys in messages sent.
    pub(crate) marks_sent: u64,
    /// Messages found missing because a later one came, and because a beat said so.
    pub(crate) lost_by_gap: u64,
    pub(crate) lost_by_tail: u64,
    /// Missing messages that came after all.
    pub(crate) replayed: u64,
    /// Messages sent again because a node asked.
    pub(crate) replays_sent: u64,
    /// Repairs of lanes, and of everything.
    pub(crate) lane_repairs: u64,
    pub(crate) full_repairs: u64,
    /// Times that the outbox was full.
    pub(crate) overflows: u64,
    /// Times that the node became deaf.
    pub(crate) deafnesses: u64,
    /// Sequences of others that were set back: a message was forged, or came two beats late.
    pub(crate) resyncs: u64,
    /// Takeovers here that a later one on another node ended.
    pub(crate) superseded: u64,
}
