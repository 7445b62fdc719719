//! What is true of the cluster, told by a model that knows everything and loses nothing.

use std::collections::{BTreeMap, BTreeSet};

/// A mark or a disconnect.
#[derive(Clone, Debug)]
struct Change {
    key: u8,
    /// Rises with every change.
    number: u64,
    /// The life of the process that made it.
    sender: u64,
    closes: bool,
    /// The nodes that have confirmed it, once it is settled.
    witnesses: Option<BTreeSet<u64>>,
}

#[derive(Debug, Default)]
pub(super) struct Truth {
    changes: Vec<Change>,
    number: u64,
    /// The greatest claim to each key: stamp, sender.
    pub(super) claims: BTreeMap<u8, (u64, u64)>,
    released: BTreeSet<(u64, u64)>,
}

impl Truth {
    /// The number of the newest change.
    pub(super) fn now(&self) -> u64 {
        self.number
    }

    pub(super) fn change(&mut self, key: u8, sender: u64, closes: bool) {
        self.number += 1;
        self.changes.push(Change { key, number: self.number, sender, closes, witnesses: None });
    }

    /// All that a process has changed until `number` is settled.
    pub(super) fn settle(&mut self, sender: u64, number: u64, witnesses: &BTreeSet<u64>) {
        let settled = self.changes.iter_mut().filter(|change| change.sender == sender && change.number <= number);
        for change in settled {
            change.witnesses.get_or_insert_with(|| witnesses.clone());
        }
    }

    /// A process was killed: what it has not settled is not promised.
    pub(super) fn kill(&mut self, sender: u64) {
        self.changes.retain(|change| change.sender != sender || change.witnesses.is_some());
    }

    /// These processes are left. What none of them has made or confirmed is not promised: all who
    /// knew of it may have gone before a cut was mended.
    pub(super) fn keep(&mut self, alive: &BTreeSet<u64>) {
        self.changes.retain(|change| {
            alive.contains(&change.sender)
                || change.witnesses.as_ref().is_some_and(|witnesses| !witnesses.is_disjoint(alive))
        });
    }

    /// The newest change of a key: that it must have been seen since.
    pub(super) fn newest(&self, key: u8) -> u64 {
        let of_key = self.changes.iter().filter(|change| change.key == key);
        of_key.map(|change| change.number).max().unwrap_or(0)
    }

    /// The newest disconnect of a key.
    pub(super) fn closed(&self, key: u8) -> u64 {
        let of_key = self.changes.iter().filter(|change| change.key == key && change.closes);
        of_key.map(|change| change.number).max().unwrap_or(0)
    }

    /// Whether the session of the greatest claim was not given up by its owner.
    pub(super) fn is_held(&self, key: u8) -> bool {
        !self.released.contains(&self.claims[&key])
    }

    pub(super) fn release(&mut self, stamp: u64, sender: u64) {
        self.released.insert((stamp, sender));
    }

    pub(super) fn claim(&mut self, key: u8, stamp: u64, sender: u64) {
        let greatest = self.claims.entry(key).or_default();
        *greatest = (stamp, sender).max(*greatest);
    }
}
