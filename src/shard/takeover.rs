//! How a new socket takes its key over from the others. Why of several that do so at once one stays: see `succession`.
//!
//! # What becomes of a superseded socket
//! Its word says so, in the step that takes what was due; it is counted out by whoever took over, and lingers in the key's presence until its
//! owner drops it. What was due goes to the latest socket. Should that be superseded itself meanwhile, everybody who is there is
//! marked: once too often for some, but never lost.
//!
//! A mark of all could pass the new socket's place before that is there, and come to the old one's when its owner has dropped it. So it counts
//! itself in the shard, fences, and walks; who takes over publishes, fences, and looks whether somebody is counted. Either it sees that, and
//! marks in that one's place; or the walk begins later, and sees the new socket.

#![allow(unsafe_code)]

use crate::shard::Shard;
use crate::shard::hold::KeyHold;
use crate::shard::observer::PendingNotice;
use crate::shard::totals::CountsDelta;
use crate::storage::slot::LocalId;
use crate::storage::slot::Superseded;
use crate::storage::table::ActiveKey;
use crate::sync::full_fence;
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;

impl<K, M> Shard<K, M> {
    /// Steps 2 to 4 for the socket that has just been published, by its owner.
    ///
    /// Lock-free: a step for each socket of the key.
    #[cold]
    pub(crate) fn take_over(&self, heir: LocalId, panics: &mut DeferredPanics) {
        let (table, bucket) = self.key_of(heir.spot);
        let key = ActiveKey::now(table, bucket);
        let succession = &key.table.extras(key.number).succession;
        succession.advance();
        full_fence();
        let missed = self.missed();
        self.walk_key(&key, |spot, _, seen| {
            let other = LocalId { spot, generation: seen.generation() };
            if other != heir && succession.is_latest(heir) {
                self.supersede(&key, other, missed, panics);
            }
        });
        if self.is_overtaken(&key, heir) {
            // For the latest, which may not have come so far.
            succession.advance();
            self.supersede(&key, heir, missed, panics);
        }
    }

    /// Whether another socket is the latest, and published.
    fn is_overtaken(&self, key: &ActiveKey<'_, K, M>, heir: LocalId) -> bool {
        let succession = &key.table.extras(key.number).succession;
        let mut latest = succession.latest();
        while latest != heir {
            if self.word(latest.spot).is_some_and(|word| word.load().is_live_as(latest.generation)) {
                return true;
            }
            let now = succession.latest();
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
        key: &ActiveKey<'_, K, M>,
        LocalId { spot, generation }: LocalId,
        missed: Topics,
        panics: &mut DeferredPanics,
    ) {
        // What will keep the key for the superseded socket, until its owner drops it.
        let Some(held) = KeyHold::new(self, key) else { return };
        let (line, entry, mut notice) =
            (self.ledger.line(self.index), CountsDelta::new(true, false), PendingNotice::default());
        notice.note(line.sub(entry));
        let Superseded::Done(due, duty) = self.trusted_place(spot).supersede(generation) else {
            notice.note(line.add(entry));
            drop(held);
            panics.catch(|| self.give_if_due(notice, ()));
            return;
        };
        std::mem::forget(held);
        self.pass_on(key, due | missed, panics);
        let left = self.leave(key.table, key.number, false, false, &mut notice);
        // SAFETY: that was the superseded socket's step.
        let key = unsafe { self.left(key.table, key.number, left) };
        line.dismiss();
        if let Some(duty) = duty {
            self.wake(spot, generation, duty, panics);
        }
        panics.catch(|| self.give_if_due(notice, key));
    }

    /// Makes topics that were due for a superseded socket due for who took over.
    pub(crate) fn pass_on(&self, key: &ActiveKey<'_, K, M>, topics: Topics, panics: &mut DeferredPanics) {
        if topics.is_empty() {
            return;
        }
        let LocalId { spot, generation } = key.table.extras(key.number).succession.latest();
        // The latest may be announced and not published yet, or superseded and the next one not: then somebody else of the key is there
        // and hands on what this leaves.
        if !self.mark_socket_or_panic_later(spot, generation, topics, panics) {
            self.mark_key(key, topics, false, panics);
        }
    }
}
