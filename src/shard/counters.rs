//! Counts what a shard does. Only with the feature `stats`: without it the counters have no size,
//! and to count compiles to nothing.

#[cfg(feature = "stats")]
use crate::sync::{AtomicU64, Ordering};
#[cfg(feature = "stats")]
use crossbeam_utils::CachePadded;

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    /// A mark made a topic due.
    Changed,
    /// A mark found its topics due.
    Coalesced,
    Woke,
    Registered,
    Removed,
    /// An operation by id found no live socket.
    StaleId,
    /// A limit refused a registration.
    Refused,
    /// A takeover, here or elsewhere, ended a socket.
    Superseded,
}

impl Event {
    #[inline]
    pub(crate) fn mark(coalesced: bool) -> Self {
        if coalesced { Self::Coalesced } else { Self::Changed }
    }
}

#[cfg(feature = "stats")]
const EVENTS: usize = Event::Superseded as usize + 1;

/// How often each event happened in one shard.
#[derive(Default)]
pub(crate) struct Counters {
    #[cfg(feature = "stats")]
    counts: CachePadded<[AtomicU64; EVENTS]>,
}

const _: () = assert!(cfg!(feature = "stats") || size_of::<Counters>() == 0);

impl Counters {
    #[inline(always)]
    pub(crate) fn count(&self, event: Event) {
        #[cfg(feature = "stats")]
        // Ordering: Relaxed. This is only a number: no thread publishes or finds anything by it.
        self.counts[event as usize].fetch_add(1, Ordering::Relaxed);
        #[cfg(not(feature = "stats"))]
        let _ = event;
    }

    #[cfg(feature = "stats")]
    pub(crate) fn read(&self, event: Event) -> u64 {
        // Ordering: Relaxed, as in `count`.
        self.counts[event as usize].load(Ordering::Relaxed)
    }
}
