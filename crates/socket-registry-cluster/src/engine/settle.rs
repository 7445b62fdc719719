//! Whether all have heard what this node has sent.
//!
//! # States of a ticket
//! | state | meaning |
//! |---|---|
//! | pending | the node has not joined, or a serving node that is not gone has not confirmed |
//! | yes | every serving node has confirmed the numbers that were newest when the ticket was made |
//! | alone | the node has joined, does not serve, and no other node does |
//!
//! A node confirms a number when it has heard it and all before it, or has made the lane due in
//! their place. It is asked by a flag in the beats, from the ticket's making until all have
//! confirmed. (That one's own beat comes back proves nothing of the others: a node may be deaf.)

use super::Engine;
use super::action::{Settled, Ticket};
use super::config::{Repair, Time};
use super::peers::Peer;

impl Engine {
    /// Begins to ask whether all serving nodes have heard what was marked before this call.
    pub(crate) fn settle(&mut self, now: Time) -> Ticket {
        self.now = now.since_start;
        self.flush_outbox();
        self.wanted = Some(self.newest.clone());
        self.send_beat(now);
        Ticket { newest: self.newest.clone(), asked_at: now.since_start }
    }

    /// Says whether they have. Ask after every `hear` and `tick`.
    pub(crate) fn settled(&self, ticket: &Ticket) -> Settled {
        if !self.node.is_joined() || self.node.hearing_since().is_none() {
            return Settled::Pending;
        }
        let mut serving = self.serving().peekable();
        if !self.config.serves && serving.peek().is_none() {
            return Settled::Alone;
        }
        if self.config.is_off(Repair::Confirm) {
            let own_beat_is_back = self.node.proof() >= ticket.asked_at;
            return if own_beat_is_back { Settled::Yes } else { Settled::Pending };
        }
        if serving.all(|peer| has_confirmed(peer, &ticket.newest)) { Settled::Yes } else { Settled::Pending }
    }

    pub(super) fn is_waiting_for_confirmations(&self) -> bool {
        let Some(wanted) = &self.wanted else { return false };
        self.serving().any(|peer| !has_confirmed(peer, wanted))
    }

    /// Serving nodes that are not gone and can confirm.
    fn serving(&self) -> impl Iterator<Item = &Peer> {
        self.peers.alive().map(|(_, peer)| peer).filter(|peer| peer.serves && peer.lanes_match)
    }
}

fn has_confirmed(peer: &Peer, newest: &[u64]) -> bool {
    peer.confirmed.iter().zip(newest).all(|(confirmed, newest)| confirmed >= newest)
}
