//! The messages that this node has sent last, to be sent again to a node that asks.
//!
//! # States of a sequence number
//! | state | meaning | answer to a node that asks |
//! |---|---|---|
//! | kept | the message is in the ring | the message |
//! | dropped | newer messages needed the room | `Reset` |
//! | never sent | the outbox overflowed, or the message was forged | `Reset` |
//!
//! Commands have a ring of their own, a quarter as large, so that a flood of marks does not drive
//! out a logout.

use crate::wire::Range;
use bytes::Bytes;
use std::collections::VecDeque;

/// What a message costs beside its bytes, measured: its place here, and its allocations.
const OVERHEAD: usize = 140;

pub(super) struct Ring {
    marks: Queue,
    commands: Queue,
}

/// What the ring answers to a node that asks for ranges.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Replay {
    pub(super) messages: Vec<Bytes>,
    pub(super) lost: Vec<Range>,
}

impl Ring {
    pub(super) fn new(lanes: u16, limit: usize) -> Self {
        Self { marks: Queue::new(lanes, limit), commands: Queue::new(lanes, limit / 4) }
    }

    pub(super) fn keep_marks(&mut self, lane: u16, seq: u64, bytes: Bytes) {
        self.marks.push(lane, seq, bytes);
    }

    pub(super) fn keep_command(&mut self, lane: u16, seq: u64, bytes: Bytes) {
        self.commands.push(lane, seq, bytes);
    }

    /// Answers for at most `limit` messages and as many ranges; the asker asks again for the rest.
    pub(super) fn replay(&self, ranges: &[Range], limit: usize) -> Replay {
        let mut replay = Replay::default();
        for range in ranges {
            let room = limit.saturating_sub(replay.messages.len().max(replay.lost.len()));
            let mut found: Vec<_> =
                self.marks.find(range).take(room).chain(self.commands.find(range).take(room)).collect();
            found.sort_unstable_by_key(|(seq, _)| *seq);
            // Beyond the cut nothing is known to be lost.
            let is_cut = found.len() >= room;
            found.truncate(room);
            let mut next = range.from;
            for (seq, bytes) in found {
                if next < *seq {
                    replay.lost.push(Range { lane: range.lane, from: next, to: seq - 1 });
                }
                replay.messages.push(bytes.clone());
                next = seq + 1;
            }
            if is_cut {
                break;
            }
            if next <= range.to {
                replay.lost.push(Range { lane: range.lane, from: next, to: range.to });
            }
        }
        replay.lost.truncate(limit);
        replay
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn bytes(&self) -> usize {
        self.marks.bytes + self.commands.bytes
    }
}

struct Queue {
    lanes: Vec<VecDeque<(u64, Bytes)>>,
    /// The lanes of the messages, oldest first.
    order: VecDeque<u16>,
    bytes: usize,
    limit: usize,
}

impl Queue {
    fn new(lanes: u16, limit: usize) -> Self {
        Self { lanes: vec![VecDeque::new(); lanes.into()], order: VecDeque::new(), bytes: 0, limit }
    }

    /// Numbers of one lane rise.
    fn push(&mut self, lane: u16, seq: u64, bytes: Bytes) {
        self.bytes += bytes.len() + OVERHEAD;
        self.lanes[usize::from(lane)].push_back((seq, bytes));
        self.order.push_back(lane);
        while self.bytes > self.limit {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some((_, dropped)) = self.lanes[usize::from(oldest)].pop_front() {
                self.bytes -= dropped.len() + OVERHEAD;
            }
        }
    }

    fn find(&self, range: &Range) -> impl Iterator<Item = &(u64, Bytes)> {
        let lane = &self.lanes[usize::from(range.lane)];
        let start = lane.partition_point(|(seq, _)| *seq < range.from);
        let to = range.to;
        lane.range(start..).take_while(move |(seq, _)| *seq <= to)
    }
}

#[cfg(test)]
mod tests {
    use super::{OVERHEAD, Ring};
    use crate::wire::Range;
    use bytes::Bytes;

    fn range(from: u64, to: u64) -> Range {
        Range { lane: 1, from, to }
    }

    fn ring() -> Ring {
        let mut ring = Ring::new(2, 4 * (OVERHEAD + 1));
        for seq in [1, 2, 3, 5, 6, 7] {
            if seq == 3 {
                ring.keep_command(1, seq, Bytes::from(vec![3]));
            } else {
                ring.keep_marks(1, seq, Bytes::from(vec![seq as u8]));
            }
        }
        ring
    }

    /// The oldest mark was dropped, the command was not, and number 4 was never sent.
    #[test]
    fn what_is_kept_is_sent_again_and_what_is_not_is_said_to_be_lost() {
        let replay = ring().replay(&[range(1, 9)], 100);
        let sent: Vec<_> = replay.messages.iter().map(|bytes| bytes[0]).collect();
        assert_eq!(sent, [2, 3, 5, 6, 7]);
        assert_eq!(replay.lost, [range(1, 1), range(4, 4), range(8, 9)]);
        assert_eq!(ring().replay(&[range(5, 6)], 100).lost, []);
    }

    #[test]
    fn an_answer_is_bounded_and_does_not_call_lost_what_it_left_out() {
        let replay = ring().replay(&[range(1, 9), range(20, 30)], 2);
        assert_eq!((replay.messages.len(), replay.lost), (2, vec![range(1, 1)]));
        assert_eq!(ring().replay(&[range(1, u64::MAX >> 1); 50], 1).messages.len(), 1);
    }

    #[test]
    fn the_ring_keeps_to_its_limit() {
        let mut ring = ring();
        for seq in 8..10_000 {
            ring.keep_marks(seq as u16 % 2, seq, Bytes::from(vec![0; 100]));
        }
        assert!(ring.bytes() <= 5 * (OVERHEAD + 1), "{}", ring.bytes());
    }
}
