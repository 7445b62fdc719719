//! What the registry has done since it was made. With the feature `stats` a shard counts; without it the counters are nothing, their methods do
//! nothing, and the code that calls them is the same.

#[cfg(feature = "stats")]
pub use counting::Stats;
pub(crate) use counting::*;

#[cfg(feature = "stats")]
mod counting {
    use crate::error::RegisterError;
    use crate::id::SocketId;
    use crate::registry::Registry;
    use crate::shard::Shard;
    use crate::shard::geometry::BUCKETS_PER_LINE;
    use crate::storage::slot::state::Snapshot;
    use crate::sync::{AtomicU64, Ordering};
    use crate::topics::Topics;
    use crossbeam_utils::CachePadded;
    use std::hash::Hash;

    /// What a registry has done since it was made, and how large its tables are: from [`Registry::stats`].
    #[derive(Clone, Debug, Default, PartialEq)]
    #[non_exhaustive]
    pub struct Stats {
        /// Sockets that were marked, each as often as it was: the sum of what all marks returned.
        pub marks: u64,
        /// Those of `marks` that changed nothing, since the topics were due already.
        pub coalesced: u64,
        /// Waiting tasks that were woken, by marks or because their sockets were told to go.
        pub wakes: u64,
        /// Sockets that were registered.
        pub registrations: u64,
        /// Sockets that were removed.
        pub removals: u64,
        /// Operations by [`SocketId`] that met no live socket.
        pub stale_ids: u64,
        /// Registrations that were refused because a limit was reached.
        pub refusals: u64,
        /// Sockets that were told to go because another one took their place.
        pub takeovers: u64,
        /// Tables of all shards. A shard has none before its first registration, and one more each time it grew.
        pub tables: usize,
        /// Places for keys in these tables.
        pub buckets: usize,
        /// Places for the further sockets of keys, taken or not.
        pub slots: usize,
        /// Active keys for each bucket; 0 if there is none.
        pub load: f64,
    }

    /// What one shard has done.
    #[derive(Default)]
    pub(crate) struct Counters(CachePadded<ShardCounters>);

    #[derive(Default)]
    struct ShardCounters {
        changed: AtomicU64,
        coalesced: AtomicU64,
        wakes: AtomicU64,
        registrations: AtomicU64,
        removals: AtomicU64,
        stale_ids: AtomicU64,
        refusals: AtomicU64,
        takeovers: AtomicU64,
    }

    fn count(counter: &AtomicU64) {
        // Ordering: Relaxed: a number, by which nothing is found or published.
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn read(counter: &AtomicU64) -> u64 {
        // Ordering: Relaxed, as `count`.
        counter.load(Ordering::Relaxed)
    }

    impl Counters {
        #[inline]
        pub(crate) fn marked(&self, coalesced: bool) {
            count(if coalesced { &self.0.coalesced } else { &self.0.changed });
        }

        /// Counts a mark of a word that was as `seen` until then, if there was one, and passes on whether there was.
        #[inline]
        pub(crate) fn marked_at_once(&self, marked: bool, seen: Snapshot, topics: Topics) -> bool {
            if marked {
                self.marked(seen.due().contains(topics));
            }
            marked
        }

        pub(crate) fn woke(&self) {
            count(&self.0.wakes);
        }

        pub(crate) fn registered(&self) {
            count(&self.0.registrations);
        }

        pub(crate) fn removed(&self) {
            count(&self.0.removals);
        }

        pub(crate) fn refused(&self, error: &RegisterError) {
            if matches!(error, RegisterError::Full | RegisterError::KeyFull) {
                count(&self.0.refusals);
            }
        }

        pub(crate) fn taken_over(&self) {
            count(&self.0.takeovers);
        }

        fn add_to(&self, stats: &mut Stats) {
            let ShardCounters { changed, coalesced, wakes, registrations, removals, stale_ids, refusals, takeovers } =
                &*self.0;
            let coalesced = read(coalesced);
            stats.marks += read(changed) + coalesced;
            stats.coalesced += coalesced;
            stats.wakes += read(wakes);
            stats.registrations += read(registrations);
            stats.removals += read(removals);
            stats.stale_ids += read(stale_ids);
            stats.refusals += read(refusals);
            stats.takeovers += read(takeovers);
        }
    }

    impl<K, M> Shard<K, M> {
        fn add_to(&self, stats: &mut Stats) {
            self.counters.add_to(stats);
            stats.tables += self.tables.iter().count();
            stats.buckets += self.tables.iter().map(|table| table.line_count() * BUCKETS_PER_LINE).sum::<usize>();
            stats.slots += self.slab.slot_count();
        }
    }

    impl<K: Eq + Hash + Send + Sync + 'static, M> Registry<K, M> {
        /// What the registry has done since it was made, and how large its tables are. Needs the feature `stats`.
        ///
        /// Each number is exact whenever no call is in flight. While there are, the numbers are not of one moment. Wait-free.
        ///
        /// ```
        /// use socket_registry::Registry;
        ///
        /// let registry: Registry<u64> = Registry::new();
        /// let socket = registry.register(42)?;
        /// registry.mark(&42);
        /// registry.mark(&42);
        /// let stats = registry.stats();
        /// assert_eq!((stats.registrations, stats.marks, stats.coalesced), (1, 2, 1));
        /// assert_eq!(stats.load, 1.0 / stats.buckets as f64);
        /// # Ok::<(), socket_registry::RegisterError>(())
        /// ```
        #[must_use]
        pub fn stats(&self) -> Stats {
            let mut stats = Stats::default();
            for shard in self.shards() {
                shard.add_to(&mut stats);
            }
            if stats.buckets > 0 {
                stats.load = self.key_count() as f64 / stats.buckets as f64;
            }
            stats
        }

        /// Passes on whether an operation by id met its socket.
        #[inline]
        pub(crate) fn met(&self, id: SocketId, met: bool) -> bool {
            if !met {
                count(&self.shard_of(id).counters.0.stale_ids);
            }
            met
        }
    }
}

#[cfg(not(feature = "stats"))]
mod counting {
    use crate::error::RegisterError;
    use crate::id::SocketId;
    use crate::registry::Registry;
    use crate::storage::slot::state::Snapshot;
    use crate::topics::Topics;
    use std::hash::Hash;

    /// Counts nothing.
    #[derive(Default)]
    pub(crate) struct Counters(());

    const _: () = assert!(size_of::<Counters>() == 0);

    impl Counters {
        #[inline(always)]
        pub(crate) fn marked(&self, _coalesced: bool) {}

        #[inline(always)]
        pub(crate) fn marked_at_once(&self, marked: bool, _seen: Snapshot, _topics: Topics) -> bool {
            marked
        }

        #[inline(always)]
        pub(crate) fn woke(&self) {}

        #[inline(always)]
        pub(crate) fn registered(&self) {}

        #[inline(always)]
        pub(crate) fn removed(&self) {}

        #[inline(always)]
        pub(crate) fn refused(&self, _error: &RegisterError) {}

        #[inline(always)]
        pub(crate) fn taken_over(&self) {}
    }

    impl<K: Eq + Hash + Send + Sync + 'static, M> Registry<K, M> {
        #[inline(always)]
        pub(crate) fn met(&self, _id: SocketId, met: bool) -> bool {
            met
        }
    }
}
