//! Another node's keys.

use super::key_set::KeySet;
use crate::wire::items::Keys;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many changes are kept while all keys are on their way.
const MAX_WAITING: usize = 64;
/// How many keys more than twice what the last beat said are taken.
const SPARE_KEYS: u64 = 65_536;

#[derive(Debug, Default)]
pub(in crate::engine) struct RemotePresence {
    keys: KeySet,
    version: Option<u64>,
    /// The newest version that was heard of, and how many keys the last beat said.
    newest: u64,
    count: u64,
    behind_since: Option<Duration>,
    asked_at: Option<Duration>,
    /// The version of the parts that came, of how many.
    staged: Option<(u64, u64)>,
    parts: BTreeMap<u64, Keys>,
    /// Changes that follow the version that is on its way, by their first version.
    waiting: BTreeMap<u64, (u64, Keys, Keys)>,
}

/// The keys that a step made active or idle on the node, and those that were so before.
pub(in crate::engine) type Changes = Vec<(Vec<u8>, bool)>;

impl RemotePresence {
    pub(in crate::engine) fn contains(&self, key: &[u8]) -> bool {
        self.keys.contains(key)
    }

    pub(in crate::engine) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter()
    }

    /// Takes in what a beat says.
    pub(in crate::engine) fn beat(&mut self, (version, count, digest): (u64, u64, u64), now: Duration) {
        (self.newest, self.count) = (version, count);
        let is_other = (self.keys.len() as u64, self.keys.digest()) != (count, digest);
        if self.version == Some(version) && is_other {
            self.version = None;
        }
        self.judge(now);
    }

    /// Takes in a change.
    #[must_use]
    pub(in crate::engine) fn change(&mut self, from: u64, to: u64, on: Keys, off: Keys, now: Duration) -> Changes {
        let mut changes = Changes::new();
        if self.version.is_none_or(|version| from >= version) {
            self.newest = self.newest.max(to);
            self.waiting.insert(from, (to, on, off));
            self.follow(&mut changes);
            if self.waiting.len() > MAX_WAITING {
                self.waiting.pop_first();
            }
        }
        self.judge(now);
        changes
    }

    /// Takes in a part of all keys. Returns `None` if the part is not believable.
    #[must_use]
    pub(in crate::engine) fn part(
        &mut self,
        version: u64,
        (part, parts): (u64, u64),
        keys: Keys,
        now: Duration,
    ) -> Option<Changes> {
        let mut changes = Changes::new();
        self.asked_at?;
        if self.staged.is_some_and(|(staged, _)| staged > version) || self.version == Some(version) {
            return Some(changes);
        }
        if self.staged != Some((version, parts)) {
            self.staged = Some((version, parts));
            self.parts.clear();
        }
        self.parts.insert(part, keys);
        let staged: u64 = self.parts.values().map(|keys| keys.len() as u64).sum();
        if staged > self.count.saturating_mul(2).saturating_add(SPARE_KEYS) {
            self.unstage();
            return None;
        }
        if self.parts.len() as u64 == parts {
            let parts = std::mem::take(&mut self.parts);
            let mut keys = KeySet::default();
            for key in parts.values().flat_map(Keys::iter) {
                if keys.insert(key) && !self.keys.contains(key) {
                    changes.push((key.to_vec(), true));
                }
            }
            changes.extend(self.keys.iter().filter(|key| !keys.contains(key)).map(|key| (key.to_vec(), false)));
            self.keys = keys;
            self.version = Some(version);
            self.unstage();
            self.follow(&mut changes);
            self.judge(now);
        }
        Some(changes)
    }

    /// Forgets everything. Returns what was active.
    #[must_use]
    pub(in crate::engine) fn clear(&mut self) -> Changes {
        let keys = std::mem::take(self).keys;
        keys.iter().map(|key| (key.to_vec(), false)).collect()
    }

    /// Whether the node is to be asked for all keys now. The caller asks then.
    pub(in crate::engine) fn asks(&mut self, now: Duration, grace: Duration, retry: Duration) -> bool {
        let is_behind = self.behind_since.is_some_and(|since| now.saturating_sub(since) >= grace);
        let may_ask = self.asked_at.is_none_or(|asked| now.saturating_sub(asked) >= retry);
        if is_behind && may_ask {
            self.unstage();
            self.asked_at = Some(now);
        }
        is_behind && may_ask
    }

    pub(in crate::engine) fn is_behind(&self) -> bool {
        self.behind_since.is_some()
    }

    /// Applies the changes that follow our version.
    fn follow(&mut self, changes: &mut Changes) {
        let Some(mut version) = self.version else { return };
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() > version {
                break;
            }
            let (from, (to, on, off)) = entry.remove_entry();
            if from == version {
                version = to;
                changes.extend(off.iter().filter(|key| self.keys.remove(key)).map(|key| (key.to_vec(), false)));
                changes.extend(on.iter().filter(|key| self.keys.insert(key)).map(|key| (key.to_vec(), true)));
            }
        }
        self.version = Some(version);
    }

    fn judge(&mut self, now: Duration) {
        if self.version == Some(self.newest) {
            self.behind_since = None;
            self.asked_at = None;
        } else {
            self.behind_since.get_or_insert(now);
        }
    }

    fn unstage(&mut self) {
        self.staged = None;
        self.parts.clear();
    }
}
