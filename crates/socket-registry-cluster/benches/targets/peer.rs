//! A node that is played by hand. It sends what no node would: one mark in each message, or beats
//! of thousands. `src/wire/mod.rs` has the formats; its encoder is private to the crate.

use bytes::Bytes;
use socket_registry_cluster::broker::Message;

/// The namespace of all nodes here.
pub(crate) const NAMESPACE: &str = "bench";
const LANES: u16 = 16;
/// The most keys of a message.
pub(crate) const MOST: usize = 1024;

pub(crate) struct Peer {
    sender: u64,
    /// The number of the last message of each lane.
    newest: [u64; LANES as usize],
    /// Messages sent, which go to one lane after the other.
    sent: usize,
}

impl Peer {
    pub(crate) fn new(sender: u64) -> Self {
        Self { sender, newest: [0; LANES as usize], sent: 0 }
    }

    /// Where the others answer.
    pub(crate) fn subject(&self) -> String {
        format!("srg1.{NAMESPACE}.n.{}", self.sender)
    }

    /// A message that marks these keys.
    pub(crate) fn marks(&mut self, keys: &[u64]) -> Message {
        let lane = self.sent % usize::from(LANES);
        self.sent += 1;
        self.newest[lane] += 1;
        let mut body = Vec::with_capacity(32 + keys.len() * 9);
        body.extend_from_slice(&(lane as u16).to_le_bytes());
        body.extend_from_slice(&self.newest[lane].to_le_bytes());
        body.extend_from_slice(&1_u32.to_le_bytes());
        push_keys(&mut body, keys);
        self.message(format!("srg1.{NAMESPACE}.b.m.{lane}"), 1, &body)
    }

    /// A beat that says how many keys the node has, if it tells of them.
    pub(crate) fn beat(&self, keys: Option<u64>) -> Message {
        let (started, stamp, digest) = (1_u64, 1_u64, 0_u64);
        let flags = if keys.is_some() { 0b1011 } else { 0b1001 }; // serves, presence, joined
        let mut body = [started.to_le_bytes(), stamp.to_le_bytes()].concat();
        body.extend_from_slice(&[flags, 1, 1]);
        // Beats heard, keys, sockets, version of the keys, number of them.
        let version = u64::from(keys.is_some());
        let keys = keys.unwrap_or(0);
        [1, keys, keys, version, keys].into_iter().for_each(|number| push_varint(&mut body, number));
        body.extend_from_slice(&digest.to_le_bytes());
        body.extend_from_slice(&LANES.to_le_bytes());
        self.newest.iter().for_each(|newest| push_varint(&mut body, *newest));
        self.message(format!("srg1.{NAMESPACE}.b.beat"), 3, &body)
    }

    /// All keys of the node, for the one who asked.
    pub(crate) fn parts(&self, asker: &str, keys: &[u64]) -> Vec<Message> {
        let parts = keys.chunks(MOST).len() as u64;
        let part = |(part, keys): (usize, &[u64])| {
            let mut body = 1_u64.to_le_bytes().to_vec();
            push_varint(&mut body, part as u64);
            push_varint(&mut body, parts);
            push_keys(&mut body, keys);
            self.message(asker.to_owned(), 8, &body)
        };
        keys.chunks(MOST).enumerate().map(part).collect()
    }

    fn message(&self, subject: String, kind: u8, body: &[u8]) -> Message {
        let header = [&[1, kind][..], &self.sender.to_le_bytes()].concat();
        Message { subject, payload: Bytes::from([&header, body].concat()) }
    }
}

/// Who has sent a message.
pub(crate) fn sender_of(message: &Message) -> u64 {
    u64::from_le_bytes(message.payload[2..10].try_into().unwrap())
}

fn push_keys(body: &mut Vec<u8>, keys: &[u64]) {
    push_varint(body, keys.len() as u64);
    for key in keys {
        body.push(8);
        body.extend_from_slice(&key.to_le_bytes());
    }
}

fn push_varint(body: &mut Vec<u8>, mut number: u64) {
    while number >= 128 {
        body.push(number as u8 | 128);
        number >>= 7;
    }
    body.push(number as u8);
}
