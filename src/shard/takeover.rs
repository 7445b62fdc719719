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

#![allow(unsafe_code)]

use crate::shard::Shard;
use crate::shard::hold::KeyHold;
use crate::shard::observer::{Observer, PendingNotice};
use crate::storage::slot::{LocalId, SlotAddr, Superseded};
use crate::storage::table::key_state::AfterLeave;
use crate::storage::table::{ActiveKey, Table};
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Runs steps 3 to 5 for the socket that has just been published. Called by the socket's owner.
    ///
    /// Lock-free: takes one step for each socket of the key.
    #[cold]
    pub(crate) fn take_over(&self, new: LocalId, panics: &mut DeferredPanics) {
        let (table, bucket) = self.bucket_of(new.addr);
        let active = ActiveKey::now(table, bucket);
        // Another takeover may supersede this one meanwhile, and its owner leave.
        let hold = KeyHold::counted(self, table, bucket);
        let version = &table.cold(bucket).takeovers;
        let own = self.slot_at(new.addr).turn;
        own.note_arrival(version.arrive(&self.takeovers));
        let (turn, _) = own.load();
        let mut winner = None;
        self.walk_key(&active, |addr, state, seen| {
            let other = LocalId::seen_at(addr, seen);
            let (others_turn, takes_over) = self.slot_at(addr).turn.load();
            if others_turn < turn {
                self.supersede(&active, other, new, panics);
            } else if takes_over && other != new && state.load().is_live_as(other.generation) {
                // The second load shows that the turn belongs to this socket, not to a later one in
                // its slot.
                winner = Some(other);
            }
        });
        if let Some(winner) = winner {
            version.arrive(&self.takeovers);
            self.supersede(&active, new, winner, panics);
        }
        panics.catch(|| drop(hold));
    }

    /// Supersedes a socket of the key, unless it is gone. The topics that were due for it go to
    /// `heir`. Precondition: the caller holds the key.
    fn supersede(&self, active: &ActiveKey<'_, K, M>, id: LocalId, heir: LocalId, panics: &mut DeferredPanics) {
        let &ActiveKey { table, index, bucket, .. } = active;
        // Keeps the key for the superseded socket until its owner drops it.
        if table.cold(index).superseded.enter() {
            bucket.key_state.linger();
        }
        let Superseded::Done(due, token) = self.slot_at(id.addr).supersede(id.generation) else {
            return self.leave_superseded(table, index);
        };
        self.pass_on(active, Some(heir), due, panics);
        let mut notice = PendingNotice::default();
        let after = self.leave_key(table, index, false, &mut notice);
        debug_assert_eq!(after, AfterLeave::Nothing, "the caller holds the key");
        notice.note(self.totals.shard(self.index).release_permit());
        if let Some(token) = token {
            self.wake(id, token, panics);
        }
        panics.catch(|| self.flush_if_due(notice, ()));
    }

    /// Subtracts one superseded socket of the key. Precondition: the caller holds the key.
    pub(crate) fn leave_superseded(&self, table: &Table<K, M>, bucket: u32) {
        if table.cold(bucket).superseded.leave() {
            let after = self.release_hold(table, bucket);
            debug_assert_eq!(after, AfterLeave::Nothing, "the caller holds the key");
        }
    }

    /// Makes topics due for the socket that took over. The owner of a superseded socket gives them
    /// back.
    pub(crate) fn restore(&self, superseded: SlotAddr, topics: Topics, panics: &mut DeferredPanics) {
        let (table, bucket) = self.bucket_of(superseded);
        let active = ActiveKey::now(table, bucket);
        let mut latest: Option<(u64, LocalId)> = None;
        self.walk_key(&active, |addr, _, seen| {
            let (turn, takes_over) = self.slot_at(addr).turn.load();
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
