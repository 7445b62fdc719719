//! What a message does.

use super::action::Action;
use super::claims::Verdict;
use super::config::{Repair, Time};
use super::node::{Turn, patience};
use super::peers::Peer;
use super::sequences::Heard;
use super::{Engine, Subject};
use crate::wire::{Beat, Command, MAX_ITEMS, Message, Op, PeerState, Range, Relayed, decode};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;

impl Engine {
    pub(super) fn take_in(&mut self, now: Time, subject: Subject, bytes: Bytes) {
        let Ok((sender, message)) = decode(&bytes, self.config.lanes) else {
            self.stats.bad += 1;
            return;
        };
        if !belongs(subject, &message, self.config.sender) {
            self.stats.bad += 1;
        } else if sender == self.config.sender {
            self.take_in_own(now, &message);
        } else {
            self.take_in_theirs(now, sender, message);
        }
    }

    /// What this node has sent itself comes back. Its beats prove that it hears.
    fn take_in_own(&mut self, now: Time, message: &Message) {
        if let Message::Beat(beat) = message
            && self.node.own_beat(beat.stamp, now.since_start, &self.config) == Turn::Hears
        {
            self.hears_again(now);
        }
    }

    fn take_in_theirs(&mut self, now: Time, sender: u64, message: Message) {
        self.act_on(now, sender, message);
        // A message can only add work on its sender, on those a history names, and on claims.
        let has_work = self.peers.get(sender).is_some_and(Peer::has_work);
        self.is_busy |= has_work || !self.catch_up.is_idle();
    }

    fn act_on(&mut self, now: Time, sender: u64, message: Message) {
        match message {
            Message::Marks { lane, seq, topics, keys } => {
                if self.is_new(now.since_start, sender, lane, seq) {
                    self.stats.marks_received += keys.len() as u64;
                    self.actions.push(Action::Mark { topics, keys });
                }
            }
            Message::Command { lane, seq, command } => {
                if self.is_new(now.since_start, sender, lane, seq) {
                    self.obey(now, sender, command);
                }
            }
            Message::Beat(beat) => self.take_in_beat(now, sender, &beat),
            Message::Bye => self.take_in_bye(now.since_start, sender),
            Message::Nack(ranges) => self.send_again(sender, &ranges),
            Message::Reset(ranges) => self.take_in_reset(sender, &ranges),
            Message::Presence { from, to, on, off } => {
                if self.config.presence
                    && let Some(peer) = self.peers.get_mut(sender).filter(|peer| peer.is_alive())
                {
                    let changes = peer.presence.change(from, to, on, off, now.since_start);
                    self.presence_changes(changes);
                }
            }
            Message::Ask => self.take_in_ask(sender),
            Message::Part { version, part, parts, keys } => {
                let Some(peer) = self.peers.get_mut(sender).filter(|peer| peer.is_alive()) else { return };
                match peer.presence.part(version, (part, parts), keys, now.since_start) {
                    Some(changes) => self.presence_changes(changes),
                    None => self.stats.bad += 1,
                }
            }
            Message::Relay(relayed) => self.relay(now, relayed),
            Message::HistoryAsk => self.send_history(now.since_start, sender),
            Message::History { part, parts, rows } => {
                let alive = rows.iter().filter(|row| row.state == PeerState::Alive).map(|row| row.sender);
                if self.catch_up.part(sender, (part, parts), alive) {
                    rows.into_iter().for_each(|row| self.take_in_row(now.since_start, row));
                    self.is_busy = true;
                }
            }
            Message::Confirm(confirmed) => {
                if let Some(peer) = self.peers.get_mut(sender).filter(|_| confirmed.len() == self.newest.len()) {
                    peer.confirmed = confirmed;
                }
            }
        }
    }

    /// Takes in the number of a message. Returns whether the message is to be acted on.
    fn is_new(&mut self, now: Duration, sender: u64, lane: u16, seq: u64) -> bool {
        let is_joining = !self.node.is_joined();
        let Some(peer) = self.peers.entry(sender, now, is_joining) else {
            // Its first beat finds room, or not; until then its losses are not noticed.
            self.stats.refused += 1;
            return true;
        };
        if peer.is_without_past || !peer.lanes_match {
            peer.sequences.hear_without_past(lane, seq);
            return true;
        }
        match peer.sequences.hear(lane, seq, now) {
            Heard::New => {}
            Heard::Missing => self.stats.replayed += 1,
            Heard::Duplicate => {
                self.stats.duplicates += 1;
                return false;
            }
        }
        let too_much = peer.sequences.too_much();
        self.give_up(sender, &too_much);
        true
    }

    fn obey(&mut self, now: Time, sender: u64, command: Command) {
        let is_believable = self.clock.hear(command.stamp, now.wall_ms);
        self.stats.bad_stamps += u64::from(!is_believable);
        match command.op {
            Op::Disconnect => self.actions.push(Action::Disconnect { key: command.key, reason: command.arg }),
            Op::MarkAll => self.obey_mark_all(sender, &command),
            Op::Claim if is_believable => {
                match self.claims.hear(&command.key, (command.stamp, sender), self.config.sender) {
                    Verdict::Answer(stamp) => self.send_claim(command.key, stamp),
                    Verdict::Supersede { was_claimed } => {
                        self.stats.superseded += u64::from(was_claimed);
                        self.actions.push(Action::Supersede { key: command.key });
                    }
                }
            }
            Op::Claim => {}
        }
    }

    /// A `MarkAll` comes in every lane; the first that is heard is acted on.
    fn obey_mark_all(&mut self, sender: u64, command: &Command) {
        if let Some(peer) = self.peers.get_mut(sender)
            && std::mem::replace(&mut peer.mark_all, command.stamp) == command.stamp
        {
            return;
        }
        let Ok([t0, t1, t2, t3, s0, s1, s2, s3]) = <[u8; 8]>::try_from(&command.key[..]) else {
            self.stats.bad += 1;
            return;
        };
        let topics = u32::from_le_bytes([t0, t1, t2, t3]);
        let spread = Duration::from_millis(u32::from_le_bytes([s0, s1, s2, s3]).into());
        self.actions.push(Action::MarkAll { topics, spread });
    }

    fn take_in_beat(&mut self, now: Time, sender: u64, beat: &Beat) {
        let (wall_ms, now) = (now.wall_ms, now.since_start);
        let is_joining = !self.node.is_joined();
        let patience = patience(&self.config);
        let Some(peer) = self.peers.entry(sender, now, is_joining) else {
            self.stats.refused += 1;
            return;
        };
        let silence = now.saturating_sub(peer.beat_at);
        // An older beat that was overtaken, or one again. A forged one cannot silence the node for
        // longer than this.
        if peer.has_beat && beat.stamp <= peer.stamp && silence < patience {
            return;
        }
        self.stats.bad_stamps += u64::from(!self.clock.hear(beat.stamp, wall_ms));
        let has_just_left = peer.state == PeerState::Left && now.saturating_sub(peer.ended_at) < self.config.beat;
        let was_silent = (peer.has_beat && silence > patience) || peer.state == PeerState::Gone;
        // It has joined, and this node has heard none of the beats that it sent meanwhile.
        let was_hidden = !peer.has_beat && beat.joined;
        if !is_joining && (was_silent || was_hidden) && !has_just_left {
            self.catch_up.returned(sender, peer.beat_at, now);
        }
        if !has_just_left {
            peer.state = PeerState::Alive;
            peer.beat_at = now;
        }
        (peer.has_beat, peer.stamp, peer.serves, peer.heard) = (true, beat.stamp, beat.serves, beat.heard);
        (peer.keys, peer.sockets) = (beat.keys, beat.sockets);
        peer.lanes_match = beat.newest.len() == self.newest.len();
        if peer.lanes_match {
            self.take_in_newest(now, sender, beat);
        }
        self.take_in_presence_of(now, sender, beat);
    }

    /// Compares what a beat says was sent with what was heard, and confirms.
    fn take_in_newest(&mut self, now: Duration, sender: u64, beat: &Beat) {
        let Some(peer) = self.peers.get_mut(sender) else { return };
        // A worker has no sockets that could miss anything; it remembers for its neighbours.
        if std::mem::take(&mut peer.is_without_past) || !self.config.serves {
            for (lane, newest) in (0..).zip(&beat.newest) {
                peer.sequences.hear_without_past(lane, *newest);
            }
        }
        let mut set_back = Vec::new();
        if !self.config.is_off(Repair::Tails) {
            for (lane, newest) in (0..).zip(&beat.newest) {
                if peer.sequences.beat(lane, *newest, now) {
                    set_back.push(lane);
                }
            }
        }
        let confirmed = (0..self.config.lanes).map(|lane| peer.sequences.confirmed(lane)).collect();
        let too_much = peer.sequences.too_much();
        self.stats.resyncs += set_back.len() as u64;
        set_back.into_iter().for_each(|lane| self.repair_lane(lane));
        self.give_up(sender, &too_much);
        if beat.confirm && self.config.serves && self.node.hearing_since().is_some() {
            self.send(Subject::Node(sender), &Message::Confirm(confirmed));
        }
    }

    fn take_in_presence_of(&mut self, now: Duration, sender: u64, beat: &Beat) {
        let Some(peer) = self.peers.get_mut(sender).filter(|peer| peer.is_alive()) else { return };
        if self.config.presence && beat.presence {
            peer.presence.beat((beat.presence_version, beat.presence_count, beat.presence_digest), now);
        }
    }

    fn take_in_bye(&mut self, now: Duration, sender: u64) {
        if let Some(peer) = self.peers.get_mut(sender) {
            peer.state = PeerState::Left;
            peer.ended_at = now;
            let changes = peer.presence.clear();
            self.presence_changes(changes);
        }
    }

    fn take_in_reset(&mut self, sender: u64, ranges: &[Range]) {
        let lost: Vec<_> = match self.peers.get_mut(sender) {
            Some(peer) => ranges.iter().filter(|range| peer.sequences.remove(**range)).copied().collect(),
            None => Vec::new(),
        };
        lost.iter().for_each(|range| self.repair_lane(range.lane));
    }

    /// Takes in what a neighbour knows of a publisher.
    fn take_in_row(&mut self, now: Duration, row: crate::wire::Row) {
        if row.sender == self.config.sender || self.config.is_off(Repair::History) {
            return;
        }
        let is_new = self.peers.get(row.sender).is_none();
        let heard_at = now.saturating_sub(Duration::from_millis(row.ago_ms));
        let Some(peer) = self.peers.entry(row.sender, now, false) else {
            // There is no room to ask for it lane by lane.
            self.stats.refused += 1;
            return self.repair_everything();
        };
        if is_new && row.state != PeerState::Alive {
            (peer.state, peer.ended_at) = (row.state, heard_at);
        }
        // What had ended before this node joined does not concern it.
        let is_past = is_new && row.state != PeerState::Alive && heard_at < self.joined_at;
        for (lane, newest) in (0..).zip(&row.newest) {
            if is_past {
                peer.sequences.hear_without_past(lane, *newest);
            } else {
                peer.sequences.vouch(lane, *newest, now);
            }
        }
    }

    fn relay(&mut self, now: Time, relayed: Relayed) {
        match relayed {
            Relayed::Marks { topics, keys } => {
                keys.iter().for_each(|key| self.mark(key, topics));
                self.actions.push(Action::Mark { topics, keys });
            }
            // A takeover needs a socket here.
            Relayed::Command(command) if command.op == Op::Claim => self.stats.bad += 1,
            Relayed::Command(command) => {
                let stamp = self.clock.now(now.wall_ms);
                let command = Command { stamp, ..command };
                self.outbox.command(command.clone());
                self.obey(now, self.config.sender, command);
            }
        }
    }

    /// Tells of the keys that have become active or idle on the other nodes by changes on one.
    pub(super) fn presence_changes(&mut self, changes: super::presence::Changes) {
        // A key that changes twice is as before.
        let mut changed = BTreeMap::new();
        for (key, is_online) in changes {
            if changed.remove(&key).is_none() {
                changed.insert(key, is_online);
            }
        }
        for (key, is_online) in changed {
            if self.online(&key) == usize::from(is_online) {
                self.actions.push(Action::PresenceChanged { key: key.into(), is_online });
            }
        }
    }

    /// Answers a node that misses messages of this one.
    fn send_again(&mut self, asker: u64, ranges: &[Range]) {
        if self.config.is_off(Repair::Replay) {
            return;
        }
        let replay = self.ring.replay(ranges, MAX_ITEMS);
        self.stats.replays_sent += replay.messages.len() as u64;
        let subject = Subject::Node(asker);
        self.actions.extend(replay.messages.into_iter().map(|bytes| Action::Publish { subject, bytes }));
        if !replay.lost.is_empty() {
            self.send(subject, &Message::Reset(replay.lost));
        }
    }

    /// A node that finds no room asks again.
    fn take_in_ask(&mut self, asker: u64) {
        let is_wanted = self.config.presence && !self.asks.contains(&asker);
        if is_wanted && self.asks.len() < self.config.max_peers {
            self.asks.push_back(asker);
        }
    }
}

/// Whether a message may come on the subject.
fn belongs(subject: Subject, message: &Message, own: u64) -> bool {
    match (subject, message) {
        (Subject::Lane(subject), Message::Marks { lane, .. } | Message::Command { lane, .. }) => subject == *lane,
        (Subject::Beat, Message::Beat(_) | Message::Bye)
        | (Subject::Presence, Message::Presence { .. })
        | (Subject::Relay, Message::Relay(_)) => true,
        (_, Message::Beat(_) | Message::Bye | Message::Presence { .. }) => false,
        (Subject::Node(node), _) => node == own,
        _ => false,
    }
}
