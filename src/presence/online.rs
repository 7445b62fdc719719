//! The keys that a subscription has yielded as online. Turns what the queue reports and what the
//! walk finds in the registry into events.
//!
//! For each known key, the subscription knows one epoch. A report of an epoch s says one of two
//! things:
//! - *Epoch s continues.* If s or a later epoch is known, nothing happens. If an earlier one is
//!   known, that one has ended, and if the report of its end is still missing, it will come late:
//!   so its end is yielded first, and then s begins. If none is known, s begins.
//! - *Epoch s ended.* If s is known, it ends. Otherwise its end was found out already, or s was
//!   never known: nothing happens.
//!
//! So for each key the events alternate and their sequences rise, whichever way the reports came.
//! The report of the last epoch's end comes after all other reports of that epoch, so the last
//! event is the truth.
//!
//! # What a lag left out
//! After a lag the subscription walks through the registry once more. Every key that is known
//! then is `unmet` until the walk finds it, or a report about it arrives. A key that is still
//! unmet when the walk has ended has gone idle, because a walk meets every epoch that lasts
//! throughout it. So nothing that was learned is lost, and a key gets at most one event for all
//! that was missed.
//!
//! Before any user code that could panic runs, either the event is in `next`, or nothing has
//! changed. So what is known is always what was yielded.

use crate::presence::{PresenceEvent, Sequence};
use crate::sync::MODELLED;
use crate::watch::queue::Change;
use ahash::RandomState;
use std::collections::{HashMap, VecDeque, hash_map};
use std::hash::Hash;
use std::mem;

/// Keys, with the sequences of the events by which they came online.
type Sequences<K> = HashMap<K, u64, RandomState>;

/// The keys that a subscription has yielded as online. See the module's documentation.
pub(crate) struct OnlineKeys<K> {
    clone: fn(&K) -> K,
    met: Sequences<K>,
    unmet: Sequences<K>,
    /// The keys that the last walk did not meet, not yet yielded as offline.
    gone: hash_map::IntoIter<K, u64>,
    next: VecDeque<PresenceEvent<K>>,
}

impl<K: Eq + Hash> OnlineKeys<K> {
    pub(crate) fn new(clone: fn(&K) -> K) -> Self {
        Self { clone, met: none(), unmet: none(), gone: none().into_iter(), next: VecDeque::new() }
    }

    /// Returns the next event.
    pub(crate) fn next(&mut self) -> Option<PresenceEvent<K>> {
        self.next.pop_front().or_else(|| self.gone.next().map(|(key, sequence)| offline(key, sequence + 1)))
    }

    /// Returns whether all that is known has been yielded.
    pub(crate) fn is_yielded(&self) -> bool {
        self.next.is_empty() && self.gone.len() == 0
    }

    /// Applies a change from the queue.
    pub(crate) fn hear(&mut self, Change { key, sequence }: Change<K>) {
        if sequence % 2 == 0 { self.on_active(key, sequence) } else { self.on_idle(key, sequence) }
    }

    /// Applies a report that the epoch that began with this sequence continues, or did at the
    /// time of the report.
    pub(crate) fn on_active(&mut self, key: K, sequence: u64) {
        if let Some((key, known)) = self.unmet.remove_entry(&key) {
            self.met.insert(key, known);
        }
        match self.met.get_mut(&key) {
            None => {
                self.met.insert((self.clone)(&key), sequence);
                self.next.push_back(online(key, sequence));
            }
            Some(known) if *known < sequence => {
                let before = (self.clone)(&key);
                self.next.push_back(offline(before, mem::replace(known, sequence) + 1));
                self.next.push_back(online(key, sequence));
            }
            Some(_) => {}
        }
    }

    /// Applies a report that the epoch that ended with this sequence is over.
    fn on_idle(&mut self, key: K, sequence: u64) {
        for keys in [&mut self.met, &mut self.unmet] {
            if keys.get(&key).is_some_and(|&known| known < sequence) {
                let _known = keys.remove_entry(&key);
                self.next.push_back(offline(key, sequence));
                return;
            }
        }
    }

    /// Begins a walk through the registry. Precondition: all changes that were queued before the
    /// lag was noticed are applied.
    pub(crate) fn begin_walk(&mut self) {
        debug_assert!(self.is_yielded() && self.unmet.is_empty());
        let room = HashMap::with_capacity_and_hasher(self.met.len(), hasher());
        self.unmet = mem::replace(&mut self.met, room);
    }

    /// Ends the walk.
    pub(crate) fn end_walk(&mut self) {
        self.gone = mem::replace(&mut self.unmet, none()).into_iter();
    }
}

impl<K> OnlineKeys<K> {
    pub(crate) fn len(&self) -> usize {
        self.met.len() + self.unmet.len()
    }
}

fn online<K>(key: K, sequence: u64) -> PresenceEvent<K> {
    PresenceEvent::Online { key, sequence: Sequence::from_u64(sequence) }
}

fn offline<K>(key: K, sequence: u64) -> PresenceEvent<K> {
    PresenceEvent::Offline { key, sequence: Sequence::from_u64(sequence) }
}

fn none<K>() -> Sequences<K> {
    HashMap::with_hasher(hasher())
}

/// Returns the hash seeds. The model checker replays executions, so it needs the same seeds each
/// time.
fn hasher() -> RandomState {
    if MODELLED { RandomState::with_seeds(1, 2, 3, 4) } else { RandomState::new() }
}

#[cfg(test)]
mod tests;
