//! How a socket is evicted: it ends for everyone but its owner, and no other socket of this
//! registry takes over from it. So it is superseded without an heir, and what was due for it is
//! dropped.
//!
//! # Why a key has no more sockets than its limit
//! In a registry that evicts, a key's limit refuses no registration. Each registration draws a
//! turn, publishes its socket, and steps the shard's counts. If the key has more sockets than the
//! limit then, the registration evicts the one with the lowest turn, until its walk meets no more
//! than the limit.
//! - *Never more at rest.* Of the sockets that are there at rest, take the one whose registration
//!   stepped the counts last. That step follows the publication of all the others, so its walks
//!   meet them all.
//! - *None too many.* A socket is evicted only after one walk has met at least as many younger ones
//!   as the limit allows. All registrations agree on who is younger.

use crate::error::{CloseReason, Closed};
use crate::shard::Shard;
use crate::shard::hold::KeyHold;
use crate::shard::observer::Observer;
use crate::shard::visit::Visitor;
use crate::storage::slot::{LocalId, state};
use crate::storage::table::ActiveKey;
use crate::util::panic::DeferredPanics;

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Evicts one socket; returns false if it is gone.
    pub(crate) fn evict(&self, id: LocalId, why: Closed, panics: &mut DeferredPanics) -> bool {
        // The visit keeps the slot, so it stays with its key, and the caller is counted there.
        let Some(visitor) = Visitor::new(self, id) else { return false };
        let bucket = self.bucket_of(id.addr);
        let hold = KeyHold::counted(self, bucket);
        let is_evicted = self.supersede(&ActiveKey::now(bucket), id, why, None, panics);
        panics.catch(|| drop(hold));
        panics.catch(|| drop(visitor));
        is_evicted
    }

    /// Supersedes all sockets of the key without an heir; returns how many.
    pub(crate) fn supersede_all(&self, active: &ActiveKey<'_, K, M>, panics: &mut DeferredPanics) -> usize {
        let Some(hold) = KeyHold::new(self, active) else { return 0 };
        let mut superseded = 0;
        self.visit_key(active, |addr, _, seen| {
            let id = LocalId::seen_at(addr, seen);
            let is_superseded = self.supersede(active, id, Closed::Superseded, None, panics);
            superseded += usize::from(is_superseded);
            is_superseded
        });
        // Another call may be stopped before it has woken those that it superseded.
        self.walk_key_where(active, state::Snapshot::is_superseded_unwoken, |addr, _, seen| {
            self.supersede(active, LocalId::seen_at(addr, seen), Closed::Superseded, None, panics);
        });
        panics.catch(|| drop(hold));
        superseded
    }

    /// Evicts the oldest sockets of the key of a socket that has just been published, until there
    /// are no more than the key's limit. Called by that socket's owner.
    ///
    /// Lock-free: takes one step for each socket of the key, and repeats that only after a socket
    /// was evicted, by this thread or another one.
    pub(crate) fn evict_oldest(&self, new: LocalId, panics: &mut DeferredPanics) {
        let bucket = self.bucket_of(new.addr);
        let limit = self.geometry.max_per_key;
        if bucket.key_state.load().live() <= limit {
            return;
        }
        let active = ActiveKey::now(bucket);
        let hold = KeyHold::counted(self, bucket);
        loop {
            let (mut met, mut oldest) = (0, None);
            self.walk_key(&active, |addr, state, seen| {
                let (turn, _) = self.slot_of(bucket, addr).turn.load();
                // The second load shows that the turn belongs to this socket.
                if state.load().is_live_as(seen.generation()) {
                    met += 1;
                    if oldest.is_none_or(|(known, _)| turn < known) {
                        oldest = Some((turn, LocalId::seen_at(addr, seen)));
                    }
                }
            });
            match oldest {
                Some((_, oldest)) if met > limit => {
                    self.supersede(&active, oldest, Closed::Disconnected(CloseReason::EVICTED), None, panics);
                }
                _ => break,
            }
        }
        panics.catch(|| drop(hold));
    }
}
