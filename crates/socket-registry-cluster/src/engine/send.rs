//! What this node sends.

use super::action::Action;
use super::config::Time;
use super::outbox::{Taken, chunks};
use super::{Engine, Subject};
use crate::key::MAX_KEY;
use crate::wire::{Beat, Command, MAX_KEY_BYTES, Message, Op, Row, encode};
use bytes::Bytes;
use std::time::Duration;

impl Engine {
    pub(super) fn send(&mut self, subject: Subject, message: &Message) {
        let bytes = encode(self.config.sender, message);
        self.actions.push(Action::Publish { subject, bytes });
    }

    /// Returns whether the key can travel.
    pub(super) fn can_travel(&mut self, key: &[u8]) -> bool {
        let is_short = key.len() <= MAX_KEY;
        self.stats.long_keys += u64::from(!is_short);
        is_short
    }

    pub(super) fn send_claim(&mut self, key: Bytes, stamp: u64) {
        self.outbox.command(Command { op: Op::Claim, arg: 0, stamp, key });
    }

    /// Turns what is in the outbox into messages.
    pub(super) fn flush_outbox(&mut self) {
        if self.outbox.is_empty() {
            return;
        }
        let Taken { marks, commands, has_overflowed } = self.outbox.take(self.config.lanes);
        if has_overflowed {
            self.stats.overflows += 1;
            // Nobody has the message of this number, so that every node makes the lane due.
            self.newest.iter_mut().for_each(|newest| *newest += 1);
        }
        for (lane, topics, keys) in marks {
            self.stats.marks_sent += keys.len() as u64;
            let seq = self.next_seq(lane);
            let bytes = encode(self.config.sender, &Message::Marks { lane, seq, topics, keys });
            self.ring.keep_marks(lane, seq, bytes.clone());
            self.actions.push(Action::Publish { subject: Subject::Lane(lane), bytes });
        }
        for (lane, command) in commands {
            let seq = self.next_seq(lane);
            let bytes = encode(self.config.sender, &Message::Command { lane, seq, command });
            self.ring.keep_command(lane, seq, bytes.clone());
            self.actions.push(Action::Publish { subject: Subject::Lane(lane), bytes });
        }
    }

    fn next_seq(&mut self, lane: u16) -> u64 {
        let newest = &mut self.newest[usize::from(lane)];
        *newest += 1;
        *newest
    }

    pub(super) fn flush_presence(&mut self) {
        if self.config.presence {
            self.local.take_changes().iter().for_each(|change| self.send(Subject::Presence, change));
        }
    }

    pub(super) fn send_snapshot(&mut self, asker: u64) {
        self.flush_presence();
        let parts = self.local.snapshot();
        let messages = parts.iter().map(|part| encode(self.config.sender, part)).collect();
        self.actions.push(Action::PublishAll { subject: Subject::Node(asker), messages });
    }

    /// Sends a beat. Everything that it vouches for was sent before it.
    pub(super) fn send_beat(&mut self, now: Time) {
        self.flush_outbox();
        self.flush_presence();
        let stamp = self.clock.now(now.wall_ms);
        let is_whole = self.catch_up.is_idle() && self.node.is_joined();
        let (presence_version, presence_count, presence_digest) = self.local.summary();
        let beat = Beat {
            started: self.started,
            stamp,
            serves: self.config.serves,
            presence: self.config.presence,
            joined: self.node.is_joined(),
            confirm: self.is_waiting_for_confirmations(),
            heard: if is_whole { self.node.heard(now.since_start, &self.config) } else { 0 },
            keys: self.own_counts.0,
            sockets: self.own_counts.1,
            presence_version,
            presence_count,
            presence_digest,
            newest: self.newest.clone(),
        };
        self.node.sent(stamp, now.since_start);
        self.send(Subject::Beat, &Message::Beat(beat));
    }

    /// Tells a neighbour what was heard of every publisher.
    pub(super) fn send_history(&mut self, now: Duration, asker: u64) {
        let others = self.peers.iter().filter(|(sender, _)| *sender != asker);
        let rows: Vec<_> = others
            .map(|(sender, peer)| Row {
                sender,
                state: peer.state,
                ago_ms: u64::try_from(now.saturating_sub(peer.beat_at).as_millis()).unwrap_or(u64::MAX),
                newest: peer.sequences.newest().to_vec(),
            })
            .collect();
        // A row is as long as its numbers make it, at most.
        let length = 20 + usize::from(self.config.lanes) * 9;
        debug_assert!(length < MAX_KEY_BYTES);
        let mut pieces = chunks(&rows, |_| length);
        if pieces.is_empty() {
            pieces.push(&[]);
        }
        let parts = pieces.len() as u64;
        for (part, rows) in (0..).zip(pieces) {
            self.send(Subject::Node(asker), &Message::History { part, parts, rows: rows.to_vec() });
        }
    }
}
