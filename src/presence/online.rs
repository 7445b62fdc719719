//! Which keys a subscription has yielded as online: what it is told, and what it finds in the
//! registry, made into events.
//!
//! For each key that is known, it is known in which epoch:
//! - *Epoch s goes on.* Unless this or a later one is known: if an earlier one is, it has ended,
//!   and its end, if not told yet, will come late; then s begins.
//! - *Epoch s ended.* If it is the one that is known, it ends. If not, its end was found out
//!   already, or it never was known: nothing.
//!
//! So for each key the events alternate and their sequences rise, whichever way they came; and
//! since the end of the last epoch is told after all that is told of it, the last event is the
//! truth.
//!
//! # What a subscription was not told
//! After a lag the subscription walks through the registry once more. What is known then is `unmet`
//! until the walk finds it, or somebody tells of it. What is unmet when the walk has ended has
//! gone: an epoch that goes on through all of a walk is met. So nothing that was learned is lost,
//! and what was missed is one event for each key at most.
//!
//! An event is in `next` before anything of the caller's runs that could panic, or nothing is
//! changed: so what is known is what was yielded.

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
    /// The unmet ones of the walk that has ended, not yet yielded as offline.
    gone: hash_map::IntoIter<K, u64>,
    next: VecDeque<PresenceEvent<K>>,
}

impl<K: Eq + Hash> OnlineKeys<K> {
    pub(crate) fn new(clone: fn(&K) -> K) -> Self {
        Self { clone, met: none(), unmet: none(), gone: none().into_iter(), next: VecDeque::new() }
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Option<PresenceEvent<K>> {
        self.next.pop_front().or_else(|| self.gone.next().map(|(key, sequence)| offline(key, sequence + 1)))
    }

    /// Whether all that is known has been yielded.
    pub(crate) fn is_yielded(&self) -> bool {
        self.next.is_empty() && self.gone.len() == 0
    }

    /// What somebody has told.
    pub(crate) fn hear(&mut self, Change { key, sequence }: Change<K>) {
        if sequence % 2 == 0 { self.on_active(key, sequence) } else { self.on_idle(key, sequence) }
    }

    /// The epoch that began with that sequence goes on, or did when that was told.
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

    /// The epoch that ended with that sequence is over.
    fn on_idle(&mut self, key: K, sequence: u64) {
        for keys in [&mut self.met, &mut self.unmet] {
            if keys.get(&key).is_some_and(|&known| known < sequence) {
                let _known = keys.remove_entry(&key);
                self.next.push_back(offline(key, sequence));
                return;
            }
        }
    }

    /// A walk through the registry begins, when all is heard that was told before the lag was
    /// noticed.
    pub(crate) fn begin_walk(&mut self) {
        debug_assert!(self.is_yielded() && self.unmet.is_empty());
        let room = HashMap::with_capacity_and_hasher(self.met.len(), hasher());
        self.unmet = mem::replace(&mut self.met, room);
    }

    /// The walk has ended.
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

/// The model checker replays executions: the same seeds each time.
fn hasher() -> RandomState {
    if MODELLED { RandomState::with_seeds(1, 2, 3, 4) } else { RandomState::new() }
}

#[cfg(test)]
mod tests;
