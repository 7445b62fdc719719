//! How a new socket takes its key over from the others. Why of several that do so at once one stays: see `takeover_order`.
//!
//! # What becomes of a superseded socket
//! Its state says so, in the step that takes what was due; it is counted out by whoever took over, and lingers in the key's state until its
//! owner drops it. What was due goes to the latest socket. Should that be superseded itself meanwhile, everybody who is there is
//! marked: once too often for some, but never lost.
//!
//! A mark of all could pass the new socket's slot before that is there, and come to the old one's when its owner has dropped it. So it counts
//! itself in the shard, fences, and walks; who takes over publishes, fences, and looks whether somebody is counted. Either it sees that, and
//! marks in that one's place; or the walk begins later, and sees the new socket.

#![allow(unsafe_code)]

use crate::shard::Shard;
use crate::shard::hold::KeyHold;
use crate::shard::observer::PendingNotice;
use crate::shard::totals::CountsDelta;
use crate::storage::slot::{LocalId, Superseded};
use crate::storage::table::ActiveKey;
use crate::sync::full_fence;
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;

impl<K, M> Shard<K, M> {
    /// Steps 2 to 4 for the socket that has just been published, by its owner.
    ///
    /// Lock-free: a step for each socket of the key.
    #[cold]
    pub(crate) fn take_over(&self, new: LocalId, panics: &mut DeferredPanics) {
        let (table, bucket) = self.bucket_of(new.addr);
        let active = ActiveKey::now(table, bucket);
        let takeover_order = &active.table.cold(active.index).takeover_order;
        takeover_order.advance();
        full_fence();
        let missed = self.missed_by_mark_all();
        self.walk_key(&active, |addr, _, seen| {
            let other = LocalId { addr, generation: seen.generation() };
            if other != new && takeover_order.is_latest(new) {
                self.supersede(&active, other, missed, panics);
            }
        });
        if self.is_overtaken(&active, new) {
            // For the latest, which may not have come so far.
            takeover_order.advance();
            self.supersede(&active, new, missed, panics);
        }
    }

    /// Whether another socket is the latest, and published.
    fn is_overtaken(&self, active: &ActiveKey<'_, K, M>, new: LocalId) -> bool {
        let takeover_order = &active.table.cold(active.index).takeover_order;
        let mut latest = takeover_order.latest();
        while latest != new {
            if self.state(latest.addr).is_some_and(|state| state.load().is_live_as(latest.generation)) {
                return true;
            }
            let now = takeover_order.latest();
            if now == latest {
                // Not there yet, or left by its owner: then this one may as well have come after it.
                return false;
            }
            latest = now;
        }
        false
    }

    /// Supersedes a socket of the key, unless it is gone. Who takes over gets what was due for it, and what it `missed`.
    fn supersede(
        &self,
        active: &ActiveKey<'_, K, M>,
        LocalId { addr, generation }: LocalId,
        missed: Topics,
        panics: &mut DeferredPanics,
    ) {
        // What will keep the key for the superseded socket, until its owner drops it.
        let Some(hold) = KeyHold::new(self, active) else { return };
        let (totals, delta, mut notice) =
            (self.totals.shard(self.index), CountsDelta::new(true, false), PendingNotice::default());
        notice.note(totals.sub(delta));
        let Superseded::Done(due, token) = self.slot_at(addr).supersede(generation) else {
            notice.note(totals.add(delta));
            drop(hold);
            panics.catch(|| self.flush_if_due(notice, ()));
            return;
        };
        std::mem::forget(hold);
        self.pass_on(active, due | missed, panics);
        let after = self.leave_key(active.table, active.index, false, false, &mut notice);
        // SAFETY: that was the superseded socket's step.
        let key = unsafe { self.vacate_bucket(active.table, active.index, after) };
        totals.release_permit();
        if let Some(token) = token {
            self.wake(addr, generation, token, panics);
        }
        panics.catch(|| self.flush_if_due(notice, key));
    }

    /// Makes topics that were due for a superseded socket due for who took over.
    pub(crate) fn pass_on(&self, active: &ActiveKey<'_, K, M>, topics: Topics, panics: &mut DeferredPanics) {
        if topics.is_empty() {
            return;
        }
        let LocalId { addr, generation } = active.table.cold(active.index).takeover_order.latest();
        // The latest may be announced and not published yet, or superseded and the next one not: then somebody else of the key is there
        // and hands on what this leaves.
        if !self.mark_socket_or_panic_later(addr, generation, topics, panics) {
            self.mark_key(active, topics, false, panics);
        }
    }
}
