//! Takeovers across nodes: of all claims to a key, the one with the greatest (stamp, sender) wins.
//!
//! # States of a key on this node
//! | state | meaning |
//! |---|---|
//! | unclaimed | no socket here has taken the key over, or it is gone |
//! | claimed | one has, and has not heard of a later one |
//!
//! # Transitions
//! | from | to | operation | cause | duty |
//! |---|---|---|---|---|
//! | any | claimed | `claim` | a takeover here | send the claim |
//! | claimed | unclaimed | `release` | the socket is gone | - |
//! | claimed | unclaimed | `hear` | a later claim of another node | supersede the socket here |
//! | claimed | claimed | `hear` | an earlier one | send ours again: its node has not heard it |
//! | unclaimed | unclaimed | `hear` | any | supersede what is registered here |
//! | claimed | claimed | `resend` | the key's lane is repaired | send ours again |
//!
//! # Why one session remains, though a claim is lost
//! Suppose node B claims a key later than node A, and A never hears it. Either A notices the gap
//! and gets the message again, or it repairs the lane. Then it sends its own claim again; B hears
//! an earlier claim than its own and answers with its own; A hears that.

use super::lanes::Lanes;
use crate::key::lane_of;
use bytes::Bytes;
use std::collections::{HashMap, HashSet, VecDeque};

#[derive(Debug)]
pub(super) struct Claims {
    ours: HashMap<Bytes, u64>,
    /// Lanes whose claims are to be put into `again`.
    wanted: Lanes,
    /// Keys whose claims are to be sent again, each once.
    again: VecDeque<Bytes>,
    queued: HashSet<Bytes>,
    lanes: u16,
}

#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Close the key's sockets here; there was a claim or not.
    Supersede { was_claimed: bool },
    /// Send our claim, with this stamp.
    Answer(u64),
}

impl Claims {
    pub(super) fn new(lanes: u16) -> Self {
        let (ours, again, queued) = (HashMap::new(), VecDeque::new(), HashSet::new());
        Self { ours, wanted: Lanes::none(lanes), again, queued, lanes }
    }

    pub(super) fn claim(&mut self, key: Bytes, stamp: u64) {
        self.ours.insert(key, stamp);
    }

    /// Does nothing if another takeover here came after the one that is released.
    pub(super) fn release(&mut self, key: &[u8], stamp: u64) {
        if self.ours.get(key) == Some(&stamp) {
            self.ours.remove(key);
        }
    }

    /// Takes in a claim of the node `theirs.1`, this being `own`.
    pub(super) fn hear(&mut self, key: &[u8], theirs: (u64, u64), own: u64) -> Verdict {
        match self.ours.get(key) {
            Some(stamp) if (*stamp, own) > theirs => Verdict::Answer(*stamp),
            Some(_) => {
                self.ours.remove(key);
                Verdict::Supersede { was_claimed: true }
            }
            None => Verdict::Supersede { was_claimed: false },
        }
    }

    /// Sends the claims of a lane again, little by little.
    pub(super) fn resend(&mut self, lane: u16) {
        self.wanted.insert(lane);
    }

    /// The next claims to send again, `limit` at most.
    pub(super) fn next_again(&mut self, limit: usize) -> Vec<(Bytes, u64)> {
        if !self.wanted.is_empty() {
            let wanted = std::mem::replace(&mut self.wanted, Lanes::none(self.lanes));
            let concerned = self.ours.keys().filter(|key| wanted.contains(lane_of(key, self.lanes)));
            let mut keys: Vec<_> = concerned.filter(|key| !self.queued.contains(*key)).cloned().collect();
            keys.sort_unstable();
            self.queued.extend(keys.iter().cloned());
            self.again.extend(keys);
        }
        let keys = self.again.drain(..limit.min(self.again.len()));
        let (ours, queued) = (&self.ours, &mut self.queued);
        keys.filter_map(|key| {
            queued.remove(&key);
            ours.get(&key).map(|stamp| (key.clone(), *stamp))
        })
        .collect()
    }

    pub(super) fn is_resending(&self) -> bool {
        !self.again.is_empty() || !self.wanted.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.ours.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Claims, Verdict};
    use bytes::Bytes;

    #[test]
    fn the_later_claim_wins_and_the_sender_decides_a_draw() {
        let mut claims = Claims::new(1);
        claims.claim(Bytes::from_static(b"k"), 10);
        assert_eq!(claims.hear(b"k", (9, 99), 5), Verdict::Answer(10));
        assert_eq!(claims.hear(b"k", (10, 4), 5), Verdict::Answer(10));
        assert_eq!(claims.hear(b"k", (10, 6), 5), Verdict::Supersede { was_claimed: true });
        assert_eq!(claims.hear(b"k", (1, 1), 5), Verdict::Supersede { was_claimed: false });
    }

    #[test]
    fn a_release_ends_its_own_claim_only() {
        let mut claims = Claims::new(1);
        claims.claim(Bytes::from_static(b"k"), 1);
        claims.claim(Bytes::from_static(b"k"), 2);
        claims.release(b"k", 1);
        assert_eq!(claims.len(), 1);
        claims.release(b"k", 2);
        assert_eq!(claims.len(), 0);
    }

    #[test]
    fn claims_are_sent_again_little_by_little() {
        let mut claims = Claims::new(1);
        for key in 0..5_u8 {
            claims.claim(Bytes::from(vec![key]), 7);
        }
        claims.resend(0);
        assert_eq!(claims.next_again(3).len(), 3);
        claims.release(&[4], 7);
        let rest: Vec<_> = claims.next_again(3).into_iter().map(|(key, _)| key[0]).collect();
        assert_eq!(rest, [3]);
        assert!(!claims.is_resending());
        claims.resend(0);
        assert_eq!(claims.next_again(9).len(), 4);
    }
}
