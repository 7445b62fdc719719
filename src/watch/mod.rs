//! Watchers of a registry: the subscriptions to its keys' presence, the watches of one key, and the
//! watches of the counts.
//!
//! Watchers are sockets themselves, in a shard of their own, under one key for each thing that can
//! be watched. A notification visits each watcher, puts the change in its queue, and marks it. So
//! all that holds for sockets holds for watchers: no thread waits for another, marks coalesce and
//! are never lost, and a subscription can be dropped at any time.
//!
//! # Why no watcher misses a change
//! A subscription joins the watchers, then steps every shard's counts (`Totals::watch`), then
//! looks.
//! - *A key becomes active.* The key is visible before its registration steps the counts. If that
//!   step comes after the subscription's, the registration finds the watchers. If it comes before,
//!   the subscription finds the key.
//! - *A key becomes idle.* To learn of a key, a subscription holds it, which is a step in the key's
//!   state. If the step that ends the epoch comes after the hold, the thread that makes it knows of
//!   the watchers. If it comes before, the hold fails.
//! - *One key becomes active or idle.* A watch of one key loads its state instead of holding it,
//!   after it has stepped the counts. A thread that makes the key active or idle steps the counts
//!   after that. If this step comes after the watch's, the thread finds the watch, and marks it
//!   after the change. If it comes before, the watch loads the new state.
//! - *The counts change.* The change is a step in the word that the subscription steps.
//!
//! The start of an epoch is reported before any of the key's registrations returns, and while the
//! epoch cannot end (see `observer`). But the end may be reported after the start of the key's next
//! epoch. The numbers of the epochs restore the order, see `epoch` and `presence`.

pub(crate) mod queue;

use crate::shard::Shard;
use crate::shard::geometry::{Geometry, MAX_SOCKETS, MAX_SOCKETS_PER_KEY};
use crate::shard::observer::Observer;
use crate::shard::owner::Owner;
use crate::shard::register::RegisterOptions;
use crate::shard::shards::Shards;
use crate::shard::totals::Totals;
use crate::shard::visit::Visitor;
use crate::storage::fingerprint::{Fingerprint, Seeds};
use crate::storage::slot::{Fence, LocalId};
use crate::storage::table::epoch::{ActivityEpoch, EpochClock, offline, online};
use crate::sync::Arc;
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;
use crate::watch::queue::ChangeQueue;
use crossbeam_utils::CachePadded;

/// Names what can be watched.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Watch {
    Presence,
    Counts,
    /// One key, by the words of its identity.
    Key([u64; 2]),
}

/// The handle of one watcher. A subscription to presence has a queue; the others have none.
pub(crate) type Watcher<K> = Owner<Watch, Option<ChangeQueue<K>>, ()>;

/// Holds all watchers of one registry.
pub(crate) struct Watchers<K> {
    shards: Shards<Watch, Option<ChangeQueue<K>>, ()>,
    seeds: Seeds,
    presence: Fingerprint,
    counts: Fingerprint,
    pub(crate) clock: CachePadded<EpochClock>,
}

impl<K> Watchers<K> {
    pub(crate) fn new() -> Self {
        let (seeds, totals) = (Seeds::random(), Arc::new(Totals::new(1, MAX_SOCKETS)));
        let geometry = Geometry::growing(1, MAX_SOCKETS_PER_KEY as u32);
        Self {
            shards: Shards::new(1, geometry, &totals, || ()),
            presence: seeds.fingerprint(&Watch::Presence),
            counts: seeds.fingerprint(&Watch::Counts),
            seeds,
            clock: CachePadded::default(),
        }
    }

    fn shard(&self) -> &Shard<Watch, Option<ChangeQueue<K>>, ()> {
        &self.shards[0]
    }

    fn fingerprint(&self, watch: Watch) -> Fingerprint {
        match watch {
            Watch::Presence => self.presence,
            Watch::Counts => self.counts,
            Watch::Key(_) => self.seeds.fingerprint(&watch),
        }
    }

    /// Adds a watcher, and then steps `totals`, the registry's. Before that step the watcher may
    /// miss changes; after it, none.
    pub(crate) fn join(&self, totals: &Totals, watch: Watch, queue: Option<ChangeQueue<K>>) -> Watcher<K> {
        let (fingerprint, options) = (self.fingerprint(watch), RegisterOptions::default());
        let watcher = self.shards.register(&fingerprint, watch, queue, options, || None);
        let watcher = watcher.expect("fewer than a million subscriptions at the same time");
        totals.watch();
        watcher
    }

    /// Marks all watchers of the counts, or of one key.
    fn mark(&self, watch: Watch, panics: &mut DeferredPanics) {
        let (shard, fingerprint) = (self.shard(), self.fingerprint(watch));
        if let Some(found) = shard.find(&fingerprint) {
            shard.mark_key(&found, None, Topics::UPDATE, Fence::Own, panics);
        }
    }

    /// Sends a change to all subscriptions to presence.
    fn push(&self, key: &K, sequence: u64, panics: &mut DeferredPanics) {
        let shard = self.shard();
        let Some(found) = shard.find(&self.presence) else { return };
        // No takeover ever replaces a watcher, so a plain walk finds all.
        shard.walk_key(&found, |addr, _, seen| {
            let id = LocalId::seen_at(addr, seen);
            panics.catch(|| {
                if let Some(visitor) = Visitor::new(shard, id) {
                    visitor.metadata().iter().for_each(|queue| queue.push(key, sequence));
                }
            });
            panics.catch(|| {
                shard.mark_socket(id, Topics::UPDATE);
            });
        });
    }
}

impl<K> Observer<K> for Arc<Watchers<K>> {
    fn key_active(&self, key: &K, words: [u64; 2], epoch: &ActivityEpoch, panics: &mut DeferredPanics) {
        if let Some(number) = epoch.number(&self.clock, || true) {
            self.push(key, online(number), panics);
            self.mark(Watch::Key(words), panics);
            epoch.set_told();
        }
    }

    fn key_idle(&self, key: &K, words: [u64; 2], epoch: &ActivityEpoch, panics: &mut DeferredPanics) {
        // If the epoch has no number, no subscription ever learnt of it.
        if let Some(number) = epoch.end() {
            self.push(key, offline(number), panics);
        }
        self.mark(Watch::Key(words), panics);
    }

    fn counts_changed(&self, panics: &mut DeferredPanics) {
        self.mark(Watch::Counts, panics);
    }
}
