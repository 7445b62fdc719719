//! Counters of a shard's operations. The feature `stats` enables them. Without it the counters have
//! no fields and their methods do nothing, and the calling code is the same.

pub(crate) use counting::Counters;

#[cfg(feature = "stats")]
mod counting {
    use crate::error::RegisterError;
    use crate::storage::slot::state::Snapshot;
    use crate::sync::{AtomicU64, Ordering};
    use crate::topics::Topics;
    use crossbeam_utils::CachePadded;

    /// Holds the counters of one shard.
    #[derive(Default)]
    pub(crate) struct Counters(CachePadded<ShardCounters>);

    #[derive(Default)]
    pub(crate) struct ShardCounters {
        pub(crate) changed: Counter,
        pub(crate) coalesced: Counter,
        pub(crate) wakes: Counter,
        pub(crate) registrations: Counter,
        pub(crate) removals: Counter,
        pub(crate) stale_ids: Counter,
        pub(crate) refusals: Counter,
        pub(crate) takeovers: Counter,
    }

    #[derive(Default)]
    pub(crate) struct Counter(AtomicU64);

    impl Counter {
        fn count(&self) {
            // Ordering: Relaxed. This is only a number: no thread publishes or finds anything by
            // it.
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        pub(crate) fn read(&self) -> u64 {
            // Ordering: Relaxed, as in `count`.
            self.0.load(Ordering::Relaxed)
        }
    }

    impl Counters {
        #[inline]
        pub(crate) fn marked(&self, coalesced: bool) {
            if coalesced { &self.0.coalesced } else { &self.0.changed }.count();
        }

        /// Counts a mark, if it was made, of a state that was `seen` before; returns `marked`.
        #[inline]
        pub(crate) fn tried_mark(&self, marked: bool, seen: Snapshot, topics: Topics) -> bool {
            if marked {
                self.marked(seen.due().contains(topics));
            }
            marked
        }

        pub(crate) fn woke(&self) {
            self.0.wakes.count();
        }

        pub(crate) fn registered(&self) {
            self.0.registrations.count();
        }

        pub(crate) fn removed(&self) {
            self.0.removals.count();
        }

        pub(crate) fn refused(&self, error: &RegisterError) {
            if matches!(error, RegisterError::Full | RegisterError::KeyFull) {
                self.0.refusals.count();
            }
        }

        pub(crate) fn taken_over(&self) {
            self.0.takeovers.count();
        }

        pub(crate) fn met_stale_id(&self) {
            self.0.stale_ids.count();
        }

        pub(crate) fn numbers(&self) -> &ShardCounters {
            &self.0
        }
    }
}

#[cfg(not(feature = "stats"))]
mod counting {
    use crate::error::RegisterError;
    use crate::storage::slot::state::Snapshot;
    use crate::topics::Topics;

    /// Counts nothing.
    #[derive(Default)]
    pub(crate) struct Counters(());

    const _: () = assert!(size_of::<Counters>() == 0);

    impl Counters {
        #[inline(always)]
        pub(crate) fn marked(&self, _coalesced: bool) {}

        #[inline(always)]
        pub(crate) fn tried_mark(&self, marked: bool, _seen: Snapshot, _topics: Topics) -> bool {
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
}
