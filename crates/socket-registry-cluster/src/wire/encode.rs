//! Messages to bytes.

use super::items::{Keys, push_key};
use super::{Beat, Command, HEADER, Message, Range, Relayed, VERSION};
use bytes::Bytes;

/// Encodes a message. The caller keeps within the limits of the module.
pub(crate) fn encode(sender: u64, message: &Message) -> Bytes {
    let mut out = Vec::with_capacity(HEADER + 64);
    out.extend_from_slice(&[VERSION, kind(message)]);
    out.extend_from_slice(&sender.to_le_bytes());
    body(&mut out, message);
    debug_assert!(out.len() <= super::MAX_MESSAGE, "{} bytes", out.len());
    out.into()
}

fn kind(message: &Message) -> u8 {
    match message {
        Message::Marks { .. } => 1,
        Message::Command { .. } => 2,
        Message::Beat(_) => 3,
        Message::Nack(_) => 4,
        Message::Reset(_) => 5,
        Message::Presence { .. } => 6,
        Message::Ask => 7,
        Message::Part { .. } => 8,
        Message::Bye => 9,
        Message::Relay(_) => 10,
        Message::HistoryAsk => 11,
        Message::History { .. } => 12,
        Message::Confirm(_) => 13,
    }
}

fn body(out: &mut Vec<u8>, message: &Message) {
    match message {
        Message::Marks { lane, seq, topics, keys } => {
            out.extend_from_slice(&lane.to_le_bytes());
            out.extend_from_slice(&seq.to_le_bytes());
            out.extend_from_slice(&topics.to_le_bytes());
            push_keys(out, keys);
        }
        Message::Command { lane, seq, command } => {
            out.extend_from_slice(&lane.to_le_bytes());
            out.extend_from_slice(&seq.to_le_bytes());
            push_command(out, command);
        }
        Message::Beat(beat) => push_beat(out, beat),
        Message::Nack(ranges) | Message::Reset(ranges) => push_ranges(out, ranges),
        Message::Presence { from, to, on, off } => {
            out.extend_from_slice(&from.to_le_bytes());
            out.extend_from_slice(&to.to_le_bytes());
            push_keys(out, on);
            push_keys(out, off);
        }
        Message::Part { version, part, parts, keys } => {
            out.extend_from_slice(&version.to_le_bytes());
            push_varint(out, *part);
            push_varint(out, *parts);
            push_keys(out, keys);
        }
        Message::Relay(Relayed::Marks { topics, keys }) => {
            out.push(0);
            out.extend_from_slice(&topics.to_le_bytes());
            push_keys(out, keys);
        }
        Message::Relay(Relayed::Command(command)) => push_command(out, command),
        Message::History { part, parts, rows } => {
            push_varint(out, *part);
            push_varint(out, *parts);
            let lanes = rows.first().map_or(1, |row| row.newest.len());
            push_lanes(out, lanes);
            push_varint(out, rows.len() as u64);
            for row in rows {
                out.extend_from_slice(&row.sender.to_le_bytes());
                out.push(row.state as u8);
                push_varint(out, row.ago_ms);
                row.newest.iter().for_each(|newest| push_varint(out, *newest));
            }
        }
        Message::Confirm(newest) => {
            push_lanes(out, newest.len());
            newest.iter().for_each(|newest| push_varint(out, *newest));
        }
        Message::Ask | Message::Bye | Message::HistoryAsk => {}
    }
}

fn push_beat(out: &mut Vec<u8>, beat: &Beat) {
    out.extend_from_slice(&beat.started.to_le_bytes());
    out.extend_from_slice(&beat.stamp.to_le_bytes());
    let flags = [beat.serves, beat.presence, beat.confirm, beat.joined];
    out.push((0..).zip(flags).map(|(bit, flag)| u8::from(flag) << bit).sum());
    out.extend_from_slice(&[VERSION, VERSION]);
    for number in [beat.heard, beat.keys, beat.sockets, beat.presence_version, beat.presence_count] {
        push_varint(out, number);
    }
    out.extend_from_slice(&beat.presence_digest.to_le_bytes());
    push_lanes(out, beat.newest.len());
    beat.newest.iter().for_each(|newest| push_varint(out, *newest));
}

fn push_command(out: &mut Vec<u8>, command: &Command) {
    out.extend_from_slice(&[command.op as u8, command.arg]);
    out.extend_from_slice(&command.stamp.to_le_bytes());
    push_key(out, &command.key);
}

fn push_ranges(out: &mut Vec<u8>, ranges: &[Range]) {
    push_varint(out, ranges.len() as u64);
    for range in ranges {
        out.extend_from_slice(&range.lane.to_le_bytes());
        push_varint(out, range.from);
        push_varint(out, range.to);
    }
}

fn push_keys(out: &mut Vec<u8>, keys: &Keys) {
    push_varint(out, keys.len() as u64);
    out.extend_from_slice(keys.as_bytes());
}

fn push_lanes(out: &mut Vec<u8>, lanes: usize) {
    let lanes = u16::try_from(lanes).expect("a cluster has at most 4,096 lanes");
    out.extend_from_slice(&lanes.to_le_bytes());
}

fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 128 {
        out.push(number as u8 | 128);
        number >>= 7;
    }
    out.push(number as u8);
}
