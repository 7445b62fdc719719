//! A contestant with its sockets.

use super::{
    peers::{Key, Peer},
    workload::Workload,
};
use std::ptr::NonNull;

/// A registry that lives until the end of its owner, and pretends to live forever.
pub struct Lasting<P>(NonNull<P>);

impl<P: 'static> Lasting<P> {
    pub fn new(registry: P) -> Self {
        Self(NonNull::from(Box::leak(Box::new(registry))))
    }

    /// The reference must be gone, with all the sockets that hold it, when `self` is dropped.
    /// The owner of both declares the sockets first in a struct, or last in a function: they are
    /// dropped in that order.
    pub fn get(&self) -> &'static P {
        // SAFETY: allocated in `new` and freed in `drop`, which comes after the last use, as said
        // above.
        unsafe { self.0.as_ref() }
    }
}

impl<P> Drop for Lasting<P> {
    fn drop(&mut self) {
        // SAFETY: it comes from a box, and nothing refers to it any more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

// SAFETY: it is a box in all but name.
unsafe impl<P: Send> Send for Lasting<P> {}

/// Sockets of a workload's keys, in the order of its keys; `None` only within a round.
pub struct Population<K: Key, P: Peer<K>> {
    pub(super) sockets: Vec<Option<P::Socket>>,
    pub(super) registry: Lasting<P>,
    /// Where the next round churns: always elsewhere, or the allocator would hand out the same neat
    /// row again.
    pub(super) next_churn: usize,
    pub(super) is_aged: bool,
}

impl<K: Key, P: Peer<K>> Population<K, P> {
    pub fn new(work: &Workload<K>) -> Self {
        let registry = Lasting::new(P::sized_for(work.sockets()));
        let mut sockets: Vec<_> = work.keys.iter().map(|_| None).collect();
        for &at in &work.arrival {
            sockets[at] = Some(registry.get().register(work.keys[at].clone()));
        }
        Self { sockets, registry, next_churn: 0, is_aged: false }
    }

    /// The sockets, divided among the threads.
    pub(super) fn shares(&mut self, threads: usize) -> impl Iterator<Item = &mut [Option<P::Socket>]> {
        let share = self.sockets.len().div_ceil(threads);
        self.sockets.chunks_mut(share)
    }
}
