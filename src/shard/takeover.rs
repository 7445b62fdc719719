//! How a new socket takes its key over from the others. Why exactly one of several that do so stays: see `takeover_order`.
//!
//! # What becomes of a superseded socket
//! Its word says so, in the step that takes what was due. From then on it lingers in the key's state until its owner drops it; the
//! takeover that superseded it has returned its permit. What was due goes to the socket that superseded it or, if that is gone by
//! then, to all sockets of the key: to some of them once too often, but never to none.

#![allow(unsafe_code)]

use crate::shard::Shard;
use crate::shard::hold::KeyHold;
use crate::shard::observer::{Observer, PendingNotice};
use crate::storage::slot::{LocalId, SlotAddr, Superseded};
use crate::storage::table::ActiveKey;
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Steps 3 to 5 for the socket that has just been published, by its owner.
    ///
    /// Lock-free: a step for each socket of the key.
    #[cold]
    pub(crate) fn take_over(&self, new: LocalId, panics: &mut DeferredPanics) {
        let (table, bucket) = self.bucket_of(new.addr);
        let active = ActiveKey::now(table, bucket);
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
                // The second look shows that the turn is this socket's, and not of a later one in its slot.
                winner = Some(other);
            }
        });
        if let Some(winner) = winner {
            version.arrive(&self.takeovers);
            self.supersede(&active, new, winner, panics);
        }
    }

    /// Supersedes a socket of the key, unless it is gone. What was due for it goes to `heir`.
    fn supersede(&self, active: &ActiveKey<'_, K, M>, id: LocalId, heir: LocalId, panics: &mut DeferredPanics) {
        // Keeps the key for the superseded socket, until its owner drops it.
        let Some(hold) = KeyHold::new(self, active) else { return };
        let Superseded::Done(due, token) = self.slot_at(id.addr).supersede(id.generation) else { return };
        std::mem::forget(hold);
        self.pass_on(active, Some(heir), due, panics);
        let mut notice = PendingNotice::default();
        let after = self.leave_key(active.table, active.index, false, &mut notice);
        // SAFETY: that was the superseded socket's step.
        let key = unsafe { self.vacate_bucket(active.table, active.index, after) };
        notice.note(self.totals.shard(self.index).release_permit());
        if let Some(token) = token {
            self.wake(id, token, panics);
        }
        panics.catch(|| self.flush_if_due(notice, key));
    }

    /// Makes topics that the owner of a superseded socket gives back due for the socket that took over.
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

    /// Makes topics that were due for a superseded socket due for its heir or, if there is none by now, for all sockets of the key.
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
