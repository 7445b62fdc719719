//! Who watches a registry: the subscriptions to its keys' presence and to its counts.
//!
//! They are sockets themselves, in a shard of their own, under one key for each thing that can be watched. To tell them of a change is to
//! look at each, leave it the change, and mark it. So all that holds for sockets holds for them: nobody waits, marks coalesce and
//! are never lost, and a subscription can be dropped at any time.
//!
//! # Why nobody misses a change
//! A subscription joins the watchers, then steps every shard's counts (`Totals::watch`), then looks.
//! - *A key comes.* It is visible before its registration steps the counts. Either that step comes later than the subscription's, and
//!   finds the watchers; or the subscription finds the key.
//! - *A key goes.* To learn of a key, a subscription holds it, which is a step in the key's state; the step that ends the epoch
//!   comes after that, so who makes it knows of the watchers from there on. If it came before, the hold fails.
//! - *The counts change.* The change is a step in the word that the subscription steps.
//!
//! A key's coming is told before any of its registrations returns, and while it cannot go (see
//! `observer`); but its going may be told after its next coming. The numbers of the epochs put that
//! right, see `epoch` and `presence`.

pub(crate) mod queue;

use crate::shard::Shard;
use crate::shard::geometry::{Geometry, MAX_SOCKETS, MAX_SOCKETS_PER_KEY};
use crate::shard::observer::Observer;
use crate::shard::owner::Owner;
use crate::shard::register::RegisterOptions;
use crate::shard::totals::Totals;
use crate::shard::visit::Visitor;
use crate::storage::fingerprint::{Fingerprint, Seeds};
use crate::storage::slot::LocalId;
use crate::storage::table::epoch::{ActivityEpoch, EpochClock, offline, online};
use crate::sync::Arc;
use crate::topics::Topics;
use crate::util::panic::DeferredPanics;
use crate::watch::queue::ChangeQueue;
use crossbeam_utils::CachePadded;

/// What can be watched.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Watch {
    Presence,
    Counts,
}

/// One who watches. Who watches presence has a queue.
pub(crate) type Watcher<K> = Owner<Watch, Option<ChangeQueue<K>>, ()>;

/// All who watch one registry.
pub(crate) struct Watchers<K> {
    shard: Arc<Shard<Watch, Option<ChangeQueue<K>>, ()>>,
    presence: Fingerprint,
    counts: Fingerprint,
    pub(crate) clock: CachePadded<EpochClock>,
}

impl<K> Watchers<K> {
    pub(crate) fn new() -> Self {
        let (seeds, totals) = (Seeds::random(), Arc::new(Totals::new(1, MAX_SOCKETS)));
        Self {
            shard: Arc::new(Shard::new(0, Geometry::growing(1, MAX_SOCKETS_PER_KEY as u32), totals, ())),
            presence: seeds.fingerprint(&Watch::Presence),
            counts: seeds.fingerprint(&Watch::Counts),
            clock: CachePadded::default(),
        }
    }

    fn fingerprint(&self, watch: Watch) -> &Fingerprint {
        match watch {
            Watch::Presence => &self.presence,
            Watch::Counts => &self.counts,
        }
    }

    /// One more who watches. It is told of nothing before `totals`, that of the registry, is stepped, which is done here.
    pub(crate) fn join(&self, totals: &Totals, watch: Watch, queue: Option<ChangeQueue<K>>) -> Watcher<K> {
        let registered = self.shard.register(self.fingerprint(watch), watch, queue, RegisterOptions::default());
        let registered = registered.expect("fewer than a million subscriptions at once");
        let watcher = Owner::new(Arc::clone(&self.shard), registered.addr);
        totals.watch();
        watcher
    }

    /// Tells all who watch presence.
    fn push(&self, key: &K, sequence: u64, panics: &mut DeferredPanics) {
        let shard = &*self.shard;
        let Some(found) = shard.find(&self.presence) else { return };
        // Watchers are never taken over.
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
    fn key_active(&self, key: &K, epoch: &ActivityEpoch, panics: &mut DeferredPanics) {
        if let Some(number) = epoch.number(&self.clock, || true) {
            self.push(key, online(number), panics);
            epoch.set_told();
        }
    }

    fn key_idle(&self, key: &K, epoch: &ActivityEpoch, panics: &mut DeferredPanics) {
        // Without a number nobody ever learnt of the epoch.
        if let Some(number) = epoch.end() {
            self.push(key, offline(number), panics);
        }
    }

    fn counts_changed(&self, panics: &mut DeferredPanics) {
        if let Some(found) = self.shard.find(&self.counts) {
            self.shard.mark_key(&found, Topics::UPDATE, false, panics);
        }
    }
}
