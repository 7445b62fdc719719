//! The other nodes.
//!
//! # States
//! | state | meaning |
//! |---|---|
//! | alive | its beats are heard |
//! | gone | it was silent for `ttl` while this node heard |
//! | left | it said goodbye |
//!
//! # Transitions
//! | from | to | operation | cause | duty |
//! |---|---|---|---|---|
//! | - | alive | `entry` | any message of it, or a neighbour's history | - |
//! | alive | gone | `silent` | no beat for `ttl`, all of which this node heard | drop its presence; everything due, if it was not heard since this node was deaf |
//! | alive, gone | left | `Bye` | | drop its presence |
//! | gone, left | alive | a beat | | ask what was missed |
//! | gone, left | - | `forget`, `entry` | ten minutes have passed, or the room is needed | - |
//!
//! What a gone node has sent is remembered for ten minutes: neighbours ask for it.

use super::presence::RemotePresence;
use super::sequences::Sequences;
use crate::wire::PeerState;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a node that is not alive is remembered.
const REMEMBERED: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) state: PeerState,
    /// Whether a beat of it was ever heard.
    pub(super) has_beat: bool,
    /// When its last beat was heard; before there is one, when the peer became known.
    pub(super) beat_at: Duration,
    /// When it became gone or left.
    pub(super) ended_at: Duration,
    /// The stamp of its last beat.
    pub(super) stamp: u64,
    pub(super) serves: bool,
    /// For how many beats it has heard without a break, as its last beat says.
    pub(super) heard: u64,
    /// It has as many lanes as this node.
    pub(super) lanes_match: bool,
    /// Its past does not concern this node, until its first beat.
    pub(super) is_without_past: bool,
    pub(super) sequences: Sequences,
    pub(super) asking: Asking,
    /// The stamp of its last `MarkAll`.
    pub(super) mark_all: u64,
    /// What it has confirmed of this node's messages.
    pub(super) confirmed: Vec<u64>,
    pub(super) keys: u64,
    pub(super) sockets: u64,
    pub(super) presence: RemotePresence,
}

/// The last `Nack` to a peer.
#[derive(Debug, Default)]
pub(super) struct Asking {
    pub(super) at: Duration,
    pub(super) tries: u8,
    /// What was missing of what was asked, then.
    pub(super) asked: u64,
}

impl Peer {
    fn new(lanes: u16, now: Duration, is_without_past: bool) -> Self {
        Self {
            state: PeerState::Alive,
            has_beat: false,
            beat_at: now,
            ended_at: Duration::ZERO,
            stamp: 0,
            serves: false,
            heard: 0,
            lanes_match: true,
            is_without_past,
            sequences: Sequences::new(lanes),
            asking: Asking::default(),
            mark_all: 0,
            confirmed: vec![0; lanes.into()],
            keys: 0,
            sockets: 0,
            presence: RemotePresence::default(),
        }
    }

    /// Whether something of it is missing.
    pub(super) fn has_work(&self) -> bool {
        self.sequences.missing() > 0 || self.presence.is_behind()
    }

    pub(super) fn is_alive(&self) -> bool {
        self.state == PeerState::Alive
    }
}

#[derive(Debug)]
pub(super) struct Peers {
    known: BTreeMap<u64, Peer>,
    limit: usize,
    lanes: u16,
}

impl Peers {
    pub(super) fn new(limit: usize, lanes: u16) -> Self {
        Self { known: BTreeMap::new(), limit, lanes }
    }

    pub(super) fn get(&self, sender: u64) -> Option<&Peer> {
        self.known.get(&sender)
    }

    pub(super) fn get_mut(&mut self, sender: u64) -> Option<&mut Peer> {
        self.known.get_mut(&sender)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Peer)> {
        self.known.iter().map(|(sender, peer)| (*sender, peer))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut Peer)> {
        self.known.iter_mut().map(|(sender, peer)| (*sender, peer))
    }

    pub(super) fn alive(&self) -> impl Iterator<Item = (u64, &Peer)> {
        self.iter().filter(|(_, peer)| peer.is_alive())
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// The peer, which is made if there is room. The room of one that is not alive is taken if
    /// need be: of the one that ended first.
    pub(super) fn entry(&mut self, sender: u64, now: Duration, is_without_past: bool) -> Option<&mut Peer> {
        if !self.known.contains_key(&sender) {
            if self.known.len() >= self.limit {
                let ended = self.known.iter().filter(|(_, peer)| !peer.is_alive());
                let first = ended.min_by_key(|(_, peer)| peer.ended_at).map(|(sender, _)| *sender)?;
                self.known.remove(&first);
            }
            self.known.insert(sender, Peer::new(self.lanes, now, is_without_past));
        }
        self.known.get_mut(&sender)
    }

    /// Those alive of which no beat was heard for `ttl`, nor since `hearing_since`.
    pub(super) fn silent(&self, now: Duration, ttl: Duration, hearing_since: Duration) -> Vec<u64> {
        let is_silent = |peer: &Peer| now.saturating_sub(peer.beat_at.max(hearing_since)) > ttl;
        self.alive().filter(|(_, peer)| is_silent(peer)).map(|(sender, _)| sender).collect()
    }

    pub(super) fn forget(&mut self, now: Duration) {
        self.known.retain(|_, peer| peer.is_alive() || now.saturating_sub(peer.ended_at) < REMEMBERED);
    }
}

#[cfg(test)]
mod tests {
    use super::Peers;
    use std::time::Duration;

    /// What this node was deaf to is no silence.
    #[test]
    fn silence_counts_while_this_node_hears() {
        let [second, ttl] = [1, 5].map(Duration::from_secs);
        let mut peers = Peers::new(1, 1);
        assert!(peers.entry(9, second, false).is_some());
        let silent = |now, hearing_since| peers.silent(now * second, ttl, hearing_since * second);
        assert!(silent(6, 0).is_empty());
        assert_eq!(silent(7, 0), [9]);
        assert!(silent(20, 18).is_empty());
        assert_eq!(silent(24, 18), [9]);
    }
}
