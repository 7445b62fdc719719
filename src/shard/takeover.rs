//! How a new socket takes its key over from the key's other sockets. `takeover_order` explains why
//! exactly one of several concurrent takeovers wins.
//!
//! # What becomes of a superseded socket
//! One step in the slot's state marks the socket as superseded and takes its due topics. From then
//! on the socket is counted as superseded, until its owner drops it, which keeps the key. The
//! takeover that superseded the socket has returned its permit.
//!
//! The due topics go to the socket that superseded it. If that one is gone by then, they go to all
//! sockets of the key: some of them may get the topics once too often, but the topics are never
//! lost.
//!
//! # What waits for a takeover that is stopped
//! A takeover may be stopped between the step that supersedes a socket and the rest. Then what was
//! due for that socket, and its permit, stay with the takeover until its thread continues. The
//! wake-up does not: each later takeover of the key wakes a superseded task that may not have been
//! woken. So the owner of every socket that was registered before a takeover began has been woken
//! when that takeover returns.

#![allow(unsafe_code)]

use crate::error::Closed;
use crate::shard::Shard;
use crate::shard::counters::Event;
use crate::shard::hold::KeyHold;
use crate::shard::observer::Observer;
use crate::shard::remove::Stays;
use crate::storage::slot::{LocalId, SlotAddr, Superseded, state};
use crate::storage::table::key_state::AfterLeave;
use crate::storage::table::{ActiveKey, BucketRef};
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Runs steps 3 to 5 for the socket that has just been published. Called by the socket's owner.
    ///
    /// Lock-free: takes one step for each socket of the key.
    #[cold]
    pub(crate) fn take_over(&self, new: LocalId, panics: &mut DeferredPanics) {
        let bucket = self.bucket_of(new.addr);
        let active = ActiveKey::now(bucket);
        // Another takeover may supersede this one meanwhile, and its owner leave.
        let hold = KeyHold::counted(self, bucket);
        let version = &bucket.cold().takeovers;
        let own = self.slot_of(bucket, new.addr).turn;
        own.note_arrival(version.arrive(&self.takeovers));
        let (turn, _) = own.load();
        let mut winner = None;
        let is_met = |seen: state::Snapshot| seen.is_live() || seen.is_superseded_unwoken();
        self.walk_key_where(&active, is_met, |addr, state, seen| {
            let other = LocalId::seen_at(addr, seen);
            let (others_turn, takes_over) = self.slot_of(bucket, addr).turn.load();
            if others_turn < turn {
                self.supersede(&active, other, Closed::Superseded, Some(new), panics);
            } else if takes_over && other != new && state.load().is_live_as(other.generation) {
                // The second load shows that the turn belongs to this socket, not to a later one in
                // its slot.
                winner = Some(other);
            }
        });
        if let Some(winner) = winner {
            version.arrive(&self.takeovers);
            self.supersede(&active, new, Closed::Superseded, Some(winner), panics);
        }
        panics.catch(|| drop(hold));
    }

    /// Supersedes a socket of the key; returns false if it was gone before. The topics that were
    /// due for it go to `heir`, if one is given. Precondition: the caller holds the key.
    pub(super) fn supersede(
        &self,
        active: &ActiveKey<'_, K, M>,
        id: LocalId,
        why: Closed,
        heir: Option<LocalId>,
        panics: &mut DeferredPanics,
    ) -> bool {
        let bucket = active.bucket;
        // Keeps the key for the superseded socket until its owner drops it.
        if bucket.cold().superseded.enter() {
            bucket.key_state.linger();
        }
        let (due, token) = match self.slot_of(bucket, id.addr).supersede(id.generation, why) {
            Superseded::Done(due, token) => (due, token),
            Superseded::Before(token) => {
                self.leave_superseded(bucket);
                self.wake(id, token, panics);
                return false;
            }
            Superseded::Gone => {
                self.leave_superseded(bucket);
                return false;
            }
        };
        if why == Closed::Superseded {
            self.counters.count(Event::Superseded);
        }
        if heir.is_some() {
            self.pass_on(active, heir, due, panics);
        }
        // Before subscriptions are notified, which runs other code of the user: if that code stops,
        // the owner knows.
        if let Some(token) = token {
            self.wake(id, token, panics);
        }
        let (after, mut notice) = self.leave_key(bucket, Stays::No);
        debug_assert_eq!(after, AfterLeave::Nothing, "the caller holds the key");
        notice.note(self.own_totals.release_permit());
        panics.catch(|| self.flush_if_due(notice, ()));
        true
    }

    /// Subtracts one superseded socket of the key. Precondition: the caller holds the key.
    pub(crate) fn leave_superseded(&self, bucket: BucketRef<'_, K, M>) {
        if bucket.cold().superseded.leave() {
            let after = self.release_hold(bucket);
            debug_assert_eq!(after, AfterLeave::Nothing, "the caller holds the key");
        }
    }

    /// Makes topics due for the socket that took over. The owner of a superseded socket gives them
    /// back.
    pub(crate) fn restore(&self, superseded: SlotAddr, topics: Topics, panics: &mut DeferredPanics) {
        let bucket = self.bucket_of(superseded);
        let active = ActiveKey::now(bucket);
        let mut latest: Option<(u64, LocalId)> = None;
        self.walk_key(&active, |addr, _, seen| {
            let (turn, takes_over) = self.slot_of(bucket, addr).turn.load();
            if takes_over && latest.is_none_or(|(known, _)| known < turn) {
                latest = Some((turn, LocalId::seen_at(addr, seen)));
            }
        });
        self.pass_on(&active, latest.map(|(_, latest)| latest), topics, panics);
    }

    /// Makes the due topics of a superseded socket due for `heir` or, if that is gone by now, for
    /// all sockets of the key.
    fn pass_on(
        &self,
        active: &ActiveKey<'_, K, M>,
        heir: Option<LocalId>,
        topics: Topics,
        panics: &mut DeferredPanics,
    ) {
        if !topics.is_empty() && !heir.is_some_and(|heir| self.hand_on(heir, topics, panics)) {
            self.hand_on_to_key(active, topics, panics);
        }
    }
}
