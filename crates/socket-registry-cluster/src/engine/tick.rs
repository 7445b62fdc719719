//! What time does: beats, time-outs, retries, and what is done little by little.

use super::action::Action;
use super::catch_up::{Choice, Neighbour};
use super::config::{Repair, Time};
use super::node::{Turn, patience};
use super::peers::Peer;
use super::{Engine, Subject};
use crate::wire::{Message, PeerState, Range};
use std::time::Duration;

/// How many claims are sent again in one step.
const CLAIMS_A_STEP: usize = 1024;
/// Room for so many actions stays when they are done: a million keys of a node that joins would
/// otherwise hold theirs from then on.
const KEPT_ACTIONS: usize = 1024;
/// How often a publisher is asked in vain.
const MAX_TRIES: u8 = 3;

impl Engine {
    /// How long a message may be late before it counts as missing, and the pace of what is done
    /// little by little.
    pub(super) fn step(&self) -> Duration {
        self.config.beat / 10
    }

    pub(super) fn pass_time(&mut self, now: Time) {
        self.actions.shrink_to(KEPT_ACTIONS);
        let turn = self.node.tick(now.since_start, &self.config);
        self.take_turn(turn, now);
        self.judge_peers(now.since_start);
        self.catch_up_step(now.since_start);
        self.ask_for_missing(now.since_start);
        self.ask_for_presence(now.since_start);
        for (key, stamp) in self.claims.next_again(CLAIMS_A_STEP) {
            self.send_claim(key, stamp);
        }
        if self.next_reconnect <= now.since_start && self.node.hearing_since().is_none() {
            self.next_reconnect = now.since_start + self.config.beat * 2;
            self.actions.push(Action::Reconnect);
        }
        if self.next_beat <= now.since_start {
            // A node that was paused does not send the beats that it has missed.
            self.next_beat = (self.next_beat + self.config.beat).max(now.since_start + self.config.beat / 2);
            self.send_beat(now);
        }
        self.is_busy = self.has_work();
    }

    pub(super) fn take_turn(&mut self, turn: Turn, now: Time) {
        match turn {
            Turn::Joined => {
                self.joined_at = now.since_start;
                self.catch_up.forget();
                self.peers.iter_mut().for_each(|(_, peer)| peer.is_without_past = false);
                self.repair_everything();
            }
            Turn::Deaf => {
                self.stats.deafnesses += 1;
                self.deaf_from = self.node.proof();
                self.next_reconnect = now.since_start;
            }
            Turn::Hears => self.hears_again(now),
            Turn::Nothing => {}
        }
    }

    pub(super) fn hears_again(&mut self, now: Time) {
        let (now, from) = (now.since_start, self.deaf_from);
        if self.config.serves && now.saturating_sub(from) > patience(&self.config) {
            self.catch_up.deaf_until_now(from, now);
        }
    }

    fn judge_peers(&mut self, now: Duration) {
        let hearing_since = match self.node.hearing_since() {
            Some(since) => since,
            None if self.config.is_off(Repair::DeafJudgesNobody) => Duration::ZERO,
            None => return,
        };
        let from = if self.config.is_off(Repair::DeafJudgesNobody) { Duration::ZERO } else { hearing_since };
        for sender in self.peers.silent(now, self.config.ttl, from) {
            let Some(peer) = self.peers.get_mut(sender) else { continue };
            peer.state = PeerState::Gone;
            peer.ended_at = now;
            let changes = peer.presence.clear();
            // What it sent while this node was deaf, and what it had not sent, is with nobody.
            let is_unheard = peer.has_beat && peer.beat_at < hearing_since;
            self.presence_changes(changes);
            if is_unheard && self.node.is_joined() {
                self.repair_everything();
            }
        }
        self.peers.forget(now);
    }

    fn catch_up_step(&mut self, now: Duration) {
        let Some(since) = self.node.hearing_since() else { return };
        if self.catch_up.is_idle() {
            return;
        }
        let beat = self.config.beat;
        let heard = self.peers.alive().filter(|(_, peer)| peer.has_beat && peer.beat_at >= since);
        let neighbours: Vec<_> = heard
            .map(|(sender, peer)| Neighbour {
                sender,
                serves: peer.serves,
                heard: beat.saturating_mul(u32::try_from(peer.heard).unwrap_or(u32::MAX)),
                beat_at: peer.beat_at,
            })
            .collect();
        match self.catch_up.choose(&neighbours, now, beat, self.config.sender) {
            Choice::Nothing => {}
            Choice::Ask(neighbour) => self.send(Subject::Node(neighbour), &Message::HistoryAsk),
            Choice::EverythingDue => self.repair_everything(),
        }
    }

    fn ask_for_missing(&mut self, now: Duration) {
        let senders: Vec<_> =
            self.peers.iter().filter(|(_, peer)| peer.sequences.missing() > 0).map(|(sender, _)| sender).collect();
        for sender in senders {
            self.ask_for_missing_of(sender, now);
        }
    }

    fn ask_for_missing_of(&mut self, sender: u64, now: Duration) {
        let (step, retry, spread) = (self.step(), self.config.beat / 2, self.config.spread);
        let Some(peer) = self.peers.get_mut(sender) else { return };
        let Some(before) = now.checked_sub(step) else { return };
        if !peer.is_alive() {
            let lost = peer.sequences.older_than(before);
            return self.give_up(sender, &lost);
        }
        let asked = peer.sequences.asked();
        let mut ranges = Vec::new();
        if asked == 0 {
            let (new, lost) = peer.sequences.ask(self.config.window, before);
            self.stats.lost_by_gap += lost.by_gap;
            self.stats.lost_by_tail += lost.by_tail;
            peer.asking.tries = 0;
            ranges = new;
        } else if now.saturating_sub(peer.asking.at) >= retry && peer.beat_at >= peer.asking.at {
            // Its beats are heard, so it could have answered.
            peer.asking.tries = if asked < peer.asking.asked { 0 } else { peer.asking.tries + 1 };
            ranges = peer.sequences.asked_ranges();
        }
        if ranges.is_empty() {
            return;
        }
        let is_stuck = peer.asking.tries >= MAX_TRIES;
        (peer.asking.at, peer.asking.asked) = (now, peer.sequences.asked());
        let mut lost = if is_stuck { ranges.clone() } else { Vec::new() };
        if let Some(long_ago) = now.checked_sub(spread) {
            lost.extend(peer.sequences.older_than(long_ago));
        }
        if !is_stuck {
            ranges.truncate(crate::wire::MAX_ITEMS);
            self.send(Subject::Node(sender), &Message::Nack(ranges));
        }
        self.give_up(sender, &lost);
    }

    /// Makes lanes due in place of messages that will not come.
    pub(super) fn give_up(&mut self, sender: u64, ranges: &[Range]) {
        for range in ranges {
            if let Some(peer) = self.peers.get_mut(sender) {
                peer.sequences.remove(*range);
            }
            self.repair_lane(range.lane);
        }
    }

    pub(super) fn repair_lane(&mut self, lane: u16) {
        if !self.config.is_off(Repair::Lanes) && self.passes.add(lane) {
            self.stats.lane_repairs += 1;
        }
        self.resend_claims(lane);
    }

    fn resend_claims(&mut self, lane: u16) {
        if !self.config.is_off(Repair::Claims) {
            self.claims.resend(lane);
            self.is_busy = true;
        }
    }

    pub(super) fn repair_everything(&mut self) {
        if self.config.is_off(Repair::Everything) {
            return;
        }
        self.stats.full_repairs += 1;
        for lane in 0..self.config.lanes {
            self.passes.add(lane);
            self.resend_claims(lane);
        }
    }

    fn ask_for_presence(&mut self, now: Duration) {
        if !self.config.presence {
            return;
        }
        let (step, beat) = (self.step(), self.config.beat);
        let alive = self.peers.iter_mut().filter(|(_, peer)| peer.is_alive());
        let behind: Vec<_> =
            alive.filter_map(|(sender, peer)| peer.presence.asks(now, step, beat).then_some(sender)).collect();
        for sender in behind {
            self.send(Subject::Node(sender), &Message::Ask);
        }
    }

    /// Whether something is to be done before the next beat. Looks at all peers: once a tick.
    fn has_work(&self) -> bool {
        let mut peers = self.peers.iter().map(|(_, peer)| peer);
        !self.catch_up.is_idle() || self.claims.is_resending() || peers.any(Peer::has_work)
    }

    pub(super) fn next_time(&self) -> Duration {
        let step = if self.is_busy { self.now + self.step() } else { Duration::MAX };
        let judges = self.node.next_tick(&self.config).unwrap_or(self.next_reconnect);
        self.next_beat.min(step).min(judges.max(self.now + Duration::from_millis(1)))
    }
}
