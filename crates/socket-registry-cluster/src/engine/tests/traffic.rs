//! What the broker sends to the nodes, as the protocols of NATS and Redis write it.

use crate::wire::subject::Subject;
use std::ops::Sub;

const NAMESPACE: &str = "prod";

/// Messages of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub(super) messages: u64,
    pub(super) payload: u64,
    /// With what the protocol puts around each message.
    pub(super) nats: u64,
    pub(super) redis: u64,
}

/// What was sent to all nodes together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    pub(super) beats: Sum,
    /// Marks and commands.
    pub(super) marks: Sum,
    /// What one node sends to another: requests, replays, histories, confirmations.
    pub(super) direct: Sum,
}

impl Traffic {
    pub(super) fn count(&mut self, subject: Subject, payload: usize) {
        let sum = match subject {
            Subject::Beat => &mut self.beats,
            Subject::Lane(_) | Subject::Presence | Subject::Relay => &mut self.marks,
            Subject::Node(_) => &mut self.direct,
        };
        sum.messages += 1;
        sum.payload += payload as u64;
        sum.nats += nats(subject, payload) as u64;
        sum.redis += redis(subject, payload) as u64;
    }
}

/// `MSG <subject> <number of the subscription> <length>`, and the payload.
fn nats(subject: Subject, payload: usize) -> usize {
    format!("MSG {} 1 {payload}\r\n\r\n", subject.name(NAMESPACE)).len() + payload
}

/// An array of strings: the kind, the pattern if it was subscribed to by one, the channel, and the
/// payload.
fn redis(subject: Subject, payload: usize) -> usize {
    let string = |length: usize| format!("${length}\r\n\r\n").len() + length;
    let pattern = match subject {
        Subject::Node(_) => string("message".len()),
        _ => string("pmessage".len()) + string(format!("srg1.{NAMESPACE}.b.*").len()),
    };
    "*4\r\n".len() + pattern + string(subject.name(NAMESPACE).len()) + string(payload)
}

impl Sub for Sum {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            messages: self.messages - before.messages,
            payload: self.payload - before.payload,
            nats: self.nats - before.nats,
            redis: self.redis - before.redis,
        }
    }
}
