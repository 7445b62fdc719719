//! The messages of the cluster, version 1. All numbers are little endian; `varint` is LEB128 of at
//! most 10 bytes, in its shortest form.
//!
//! # Header
//! `version u8 = 1 | kind u8 | sender u64`, 10 bytes. The sender is drawn at random at each start
//! of a process: it names the node and which of its lives.
//!
//! # Bodies
//! | kind | name | body | subject |
//! |---|---|---|---|
//! | 1 | `Marks` | lane u16, seq u64, topics u32, keys | `b.m.<lane>` |
//! | 2 | `Command` | lane u16, seq u64, command | `b.m.<lane>` |
//! | 3 | `Beat` | see [`Beat`] | `b.beat` |
//! | 4 | `Nack` | n varint, n x (lane u16, from varint, to varint) | `n.<publisher>` |
//! | 5 | `Reset` | as `Nack`: what the publisher no longer has | `n.<asker>` |
//! | 6 | `Presence` | from u64, to u64, keys on, keys off | `b.presence` |
//! | 7 | `Ask` | none: asks for all keys of the node | `n.<node>` |
//! | 8 | `Part` | version u64, part varint, parts varint, keys | `n.<asker>` |
//! | 9 | `Bye` | none | `b.beat` |
//! | 10 | `Relay` | op u8 = 0, topics u32, keys; or a command | `relay`, `n.<node>` |
//! | 11 | `HistoryAsk` | none | `n.<neighbour>` |
//! | 12 | `History` | part varint, parts varint, lanes u16, n varint, n x (sender u64, state u8, ago varint, lanes x varint) | `n.<asker>` |
//! | 13 | `Confirm` | lanes u16, lanes x varint | `n.<publisher>` |
//!
//! Keys are `n varint, n x (length varint, bytes)`. A command is `op u8, arg u8, stamp u64, length
//! varint, bytes of the key`. A replay is the original message, sent to the asker alone.
//!
//! # Versions
//! A new kind is ignored by nodes that do not know it. A changed body is a new version.
//!
//! # Limits
//! The decoder allocates nothing that a length claims before it has seen the bytes. It refuses
//! other versions, bytes left over, a lane that the cluster does not have, a sequence number of 0
//! or from 2^63, more than 1,024 items, and more than 64 KiB. Keys are not copied: they stay in
//! the message.

mod decode;
mod encode;
pub(crate) mod items;
pub(crate) mod subject;
#[cfg(test)]
mod tests;

pub(crate) use self::decode::decode;
pub(crate) use self::encode::encode;
use self::items::Keys;
use bytes::Bytes;

pub(crate) const VERSION: u8 = 1;
/// Bytes of a header.
pub(crate) const HEADER: usize = 10;
/// The most bytes of a message.
pub(crate) const MAX_MESSAGE: usize = 64 << 10;
/// The most bytes of keys that are put into one message, so that the rest has room.
pub(crate) const MAX_KEY_BYTES: usize = 60 << 10;
/// The most keys, ranges or rows in one message.
pub(crate) const MAX_ITEMS: usize = 1024;
/// The most parts of one answer.
pub(crate) const MAX_PARTS: u64 = 1 << 16;
/// The most lanes of a cluster.
pub(crate) const MAX_LANES: u16 = 4096;
/// Sequence numbers are from 1 to below this.
pub(crate) const END_OF_SEQUENCE: u64 = 1 << 63;

/// Why a message is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is of another version.
    Version,
    /// It is of a kind that this version does not have.
    Kind,
    /// Its bytes are none of its kind.
    Malformed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Marks { lane: u16, seq: u64, topics: u32, keys: Keys },
    Command { lane: u16, seq: u64, command: Command },
    Beat(Beat),
    Nack(Vec<Range>),
    Reset(Vec<Range>),
    Presence { from: u64, to: u64, on: Keys, off: Keys },
    Ask,
    Part { version: u64, part: u64, parts: u64, keys: Keys },
    Bye,
    Relay(Relayed),
    HistoryAsk,
    History { part: u64, parts: u64, rows: Vec<Row> },
    Confirm(Vec<u64>),
}

/// What is done to one key, or to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) op: Op,
    /// The reason of a disconnect.
    pub(crate) arg: u8,
    /// When it was given, by the giver's hybrid clock.
    pub(crate) stamp: u64,
    /// For `Op::MarkAll`, which comes in every lane: topics u32, milliseconds of the spread u32.
    pub(crate) key: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Disconnect = 1,
    Claim = 2,
    MarkAll = 3,
}

/// What a caller that is no member asks a node to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Relayed {
    Marks { topics: u32, keys: Keys },
    Command(Command),
}

/// Messages of one lane, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Range {
    pub(crate) lane: u16,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// What one node knows of one publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) sender: u64,
    pub(crate) state: PeerState,
    /// How many milliseconds ago it was heard.
    pub(crate) ago_ms: u64,
    pub(crate) newest: Vec<u64>,
}

/// What became of a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerState {
    /// It is heard.
    Alive = 0,
    /// It fell silent.
    Gone = 1,
    /// It said goodbye.
    Left = 2,
}

/// What a node says of itself once a beat.
///
/// Its body: started u64, stamp u64, flags u8 (1 serves, 2 presence, 4 confirm, 8 joined), the
/// oldest and newest version that it reads u8 u8, heard varint, keys varint, sockets varint,
/// presence version varint, presence count varint, digest u64, lanes u16, lanes x newest varint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beat {
    /// When it was started, in milliseconds of its wall clock.
    pub(crate) started: u64,
    /// Its hybrid clock, which rises from beat to beat.
    pub(crate) stamp: u64,
    pub(crate) serves: bool,
    pub(crate) presence: bool,
    /// It asks every serving node for a `Confirm`.
    pub(crate) confirm: bool,
    pub(crate) joined: bool,
    /// For how many beats it has heard without a break, and has missed nothing. 0: it is deaf.
    pub(crate) heard: u64,
    pub(crate) keys: u64,
    pub(crate) sockets: u64,
    pub(crate) presence_version: u64,
    pub(crate) presence_count: u64,
    pub(crate) presence_digest: u64,
    /// For each lane the number of its newest message.
    pub(crate) newest: Vec<u64>,
}
