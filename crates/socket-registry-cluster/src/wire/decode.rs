//! Bytes to messages. See the parent's limits.

use super::items::{Keys, split_length};
use super::{
    Beat, Command, END_OF_SEQUENCE, HEADER, MAX_ITEMS, MAX_LANES, MAX_MESSAGE, MAX_PARTS, Message, Op, PeerState,
    Range, Refused, Relayed, Row, VERSION,
};
use crate::key::MAX_KEY;
use bytes::Bytes;

/// Decodes a message of a cluster with so many lanes. Returns its sender too. Beats may have
/// another number of lanes: that is how a mistake in the set-up is noticed.
pub(crate) fn decode(bytes: &Bytes, lanes: u16) -> Result<(u64, Message), Refused> {
    if bytes.len() > MAX_MESSAGE || bytes.len() < HEADER {
        return Err(Refused::Malformed);
    }
    if bytes[0] != VERSION {
        return Err(Refused::Version);
    }
    let kind = bytes[1];
    if !(1..=13).contains(&kind) {
        return Err(Refused::Kind);
    }
    let mut reader = Reader { message: bytes, at: 2, lanes };
    let whole = (|| {
        let sender = reader.u64()?;
        let message = reader.body(kind)?;
        (reader.at == bytes.len()).then_some((sender, message))
    })();
    whole.ok_or(Refused::Malformed)
}

struct Reader<'a> {
    message: &'a Bytes,
    at: usize,
    lanes: u16,
}

impl Reader<'_> {
    fn body(&mut self, kind: u8) -> Option<Message> {
        Some(match kind {
            1 => {
                let (lane, seq) = (self.lane()?, self.seq()?);
                Message::Marks { lane, seq, topics: self.u32()?, keys: self.keys()? }
            }
            2 => {
                let (lane, seq) = (self.lane()?, self.seq()?);
                let op = self.u8()?;
                Message::Command { lane, seq, command: self.command(op)? }
            }
            3 => Message::Beat(self.beat()?),
            4 => Message::Nack(self.ranges()?),
            5 => Message::Reset(self.ranges()?),
            6 => {
                let (from, to) = (self.u64()?, self.u64()?);
                let (on, off) = (self.keys()?, self.keys()?);
                (from < to && on.len() + off.len() <= MAX_ITEMS).then_some(())?;
                Message::Presence { from, to, on, off }
            }
            7 => Message::Ask,
            8 => {
                let version = self.u64()?;
                let (part, parts) = self.part()?;
                Message::Part { version, part, parts, keys: self.keys()? }
            }
            9 => Message::Bye,
            10 => Message::Relay(match self.u8()? {
                0 => Relayed::Marks { topics: self.u32()?, keys: self.keys()? },
                op => Relayed::Command(self.command(op)?),
            }),
            11 => Message::HistoryAsk,
            12 => {
                let (part, parts) = self.part()?;
                let lanes = self.lane_count()?;
                let count = self.items()?;
                // Without rows the number of lanes says nothing.
                (count == 0 || lanes == self.lanes).then_some(())?;
                let rows = (0..count).map(|_| self.row(lanes)).collect::<Option<_>>()?;
                Message::History { part, parts, rows }
            }
            _ => {
                let lanes = self.lane_count()?;
                Message::Confirm(self.newest(lanes)?)
            }
        })
    }

    fn beat(&mut self) -> Option<Beat> {
        let (started, stamp, flags) = (self.u64()?, self.u64()?, self.u8()?);
        let (_oldest, _newest) = (self.u8()?, self.u8()?);
        let (heard, keys, sockets) = (self.varint()?, self.varint()?, self.varint()?);
        let (presence_version, presence_count, presence_digest) = (self.varint()?, self.varint()?, self.u64()?);
        let lanes = self.lane_count()?;
        Some(Beat {
            started,
            stamp,
            serves: flags & 1 != 0,
            presence: flags & 2 != 0,
            confirm: flags & 4 != 0,
            joined: flags & 8 != 0,
            heard,
            keys,
            sockets,
            presence_version,
            presence_count,
            presence_digest,
            newest: self.newest(lanes)?,
        })
    }

    fn row(&mut self, lanes: u16) -> Option<Row> {
        let sender = self.u64()?;
        let state = match self.u8()? {
            0 => PeerState::Alive,
            1 => PeerState::Gone,
            2 => PeerState::Left,
            _ => return None,
        };
        Some(Row { sender, state, ago_ms: self.varint()?, newest: self.newest(lanes)? })
    }

    fn command(&mut self, op: u8) -> Option<Command> {
        let op = match op {
            1 => Op::Disconnect,
            2 => Op::Claim,
            3 => Op::MarkAll,
            _ => return None,
        };
        let (arg, stamp) = (self.u8()?, self.u64()?);
        let (length, _) = split_length(&self.message[self.at..])?;
        self.at += length_bytes(length);
        let key = self.take(length)?;
        Some(Command { op, arg, stamp, key })
    }

    fn keys(&mut self) -> Option<Keys> {
        let (count, start) = (self.items()?, self.at);
        for _ in 0..count {
            let (length, _) = split_length(&self.message[self.at..])?;
            debug_assert!(length <= MAX_KEY);
            self.skip(length_bytes(length) + length)?;
        }
        Some(Keys::new(self.message.slice(start..self.at), count))
    }

    fn ranges(&mut self) -> Option<Vec<Range>> {
        let count = self.items()?;
        (0..count)
            .map(|_| {
                let (lane, from, to) = (self.lane()?, self.varint()?, self.varint()?);
                (1 <= from && from <= to && to < END_OF_SEQUENCE).then_some(Range { lane, from, to })
            })
            .collect()
    }

    /// The newest numbers: 0 is for a lane without a message.
    fn newest(&mut self, lanes: u16) -> Option<Vec<u64>> {
        (0..lanes).map(|_| self.varint().filter(|newest| *newest < END_OF_SEQUENCE)).collect()
    }

    fn part(&mut self) -> Option<(u64, u64)> {
        let (part, parts) = (self.varint()?, self.varint()?);
        (part < parts && parts <= MAX_PARTS).then_some((part, parts))
    }

    fn items(&mut self) -> Option<usize> {
        let count = usize::try_from(self.varint()?).ok()?;
        (count <= MAX_ITEMS).then_some(count)
    }

    fn lane(&mut self) -> Option<u16> {
        self.u16().filter(|lane| *lane < self.lanes)
    }

    fn lane_count(&mut self) -> Option<u16> {
        self.u16().filter(|lanes| (1..=MAX_LANES).contains(lanes))
    }

    fn seq(&mut self) -> Option<u64> {
        self.u64().filter(|seq| (1..END_OF_SEQUENCE).contains(seq))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 127);
            // The tenth byte has one bit left; a last byte of 0 is a longer form than need be.
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                return None;
            }
            number |= bits << shift;
            if byte < 128 {
                return Some(number);
            }
        }
        None
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let start = self.at;
        self.skip(N)?;
        self.message[start..self.at].try_into().ok()
    }

    fn take(&mut self, length: usize) -> Option<Bytes> {
        let start = self.at;
        self.skip(length)?;
        Some(self.message.slice(start..self.at))
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        let end = self.at.checked_add(length)?;
        (end <= self.message.len()).then(|| self.at = end)
    }
}

/// How many bytes the length of a key takes.
fn length_bytes(length: usize) -> usize {
    if length < 128 { 1 } else { 2 }
}
