//! This node's own keys, and what of their changes is still to be published.

use super::key_set::KeySet;
use crate::engine::outbox::chunks;
use crate::wire::Message;
use bytes::Bytes;
use std::collections::HashMap;

/// More changes than this at a time are not published one by one.
const MAX_CHANGES: usize = 65_536;

#[derive(Debug, Default)]
pub(in crate::engine) struct LocalPresence {
    keys: KeySet,
    version: u64,
    changes: HashMap<Bytes, bool>,
}

impl LocalPresence {
    pub(in crate::engine) fn change(&mut self, key: &[u8], is_online: bool) {
        let is_new = if is_online { self.keys.insert(key) } else { self.keys.remove(key) };
        if is_new {
            self.changes.insert(Bytes::copy_from_slice(key), is_online);
        }
        if self.changes.len() > MAX_CHANGES {
            self.skip();
        }
    }

    /// Drops the changes. The others find that one is missing, and ask for all keys.
    fn skip(&mut self) {
        self.changes.clear();
        self.version += 1;
    }

    /// The messages that bring the others from the last published version to the present one.
    pub(in crate::engine) fn take_changes(&mut self) -> Vec<Message> {
        let mut changes: Vec<_> = self.changes.drain().collect();
        changes.sort_unstable();
        let mut messages = Vec::new();
        for piece in chunks(&changes, |(key, _)| key.len()) {
            let with = |wanted: bool| {
                piece.iter().filter(move |(_, is_online)| *is_online == wanted).map(|(key, _)| &key[..]).collect()
            };
            let (from, to) = (self.version, self.version + 1);
            self.version = to;
            messages.push(Message::Presence { from, to, on: with(true), off: with(false) });
        }
        messages
    }

    /// All keys. Precondition: no change waits to be published.
    pub(in crate::engine) fn snapshot(&self) -> Vec<Message> {
        let keys: Vec<_> = self.keys.iter().collect();
        let mut pieces = chunks(&keys, |key| key.len());
        if pieces.is_empty() {
            pieces.push(&[]);
        }
        let (version, parts) = (self.version, pieces.len() as u64);
        let part = |(part, keys): (usize, &&[&[u8]])| Message::Part {
            version,
            part: part as u64,
            parts,
            keys: keys.iter().copied().collect(),
        };
        pieces.iter().enumerate().map(part).collect()
    }

    /// Version, number of keys, digest: what a beat says. Precondition: as `snapshot`.
    pub(in crate::engine) fn summary(&self) -> (u64, u64, u64) {
        (self.version, self.keys.len() as u64, self.keys.digest())
    }
}
