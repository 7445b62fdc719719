//! The changes that a subscription has not taken yet: a bounded queue, in which nobody waits for anybody.
//!
//! Who tells puts a node on a list with one compare-and-swap; the subscription takes the whole list with one swap, and turns it
//! round. (Queues of fixed cells were not taken: a thread that stops between claiming a cell and filling it holds up everybody behind it.) A node
//! is allocated for each change, as the clone of a `String` is.
//!
//! # Bound
//! `len` counts the changes that were told and not taken off yet, with those of the list that the
//! subscription has in its hands. What comes when it is at the capacity is not kept: instead the
//! queue *lags*, and the subscription finds out in the registry what it was not told.
//!
//! A telling is counted and gives up, or is in the list, before it ends; and it comes after the change that it tells of. So a
//! subscription that takes the flag sees in the registry what it was not told.

#![allow(unsafe_code)]

use crate::sync::{AtomicPtr, AtomicU32, Ordering};
use crate::util::panic::DeferredPanics;
use std::marker::PhantomData;
use std::{mem, ptr};

/// A change of one key.
pub(crate) struct Change<K> {
    pub(crate) key: K,
    pub(crate) sequence: u64,
}

/// A subscription's queue. See the module's documentation.
pub(crate) struct ChangeQueue<K> {
    newest: AtomicPtr<Node<K>>,
    len: AtomicU32,
    lags: AtomicU32,
    capacity: u32,
    /// What only subscribers need of their keys; so registries of other keys have no subscriptions, but are the same type.
    clone: fn(&K) -> K,
    _owns: PhantomData<Box<Node<K>>>,
}

struct Node<K> {
    change: Change<K>,
    older: *mut Node<K>,
}

// SAFETY: nodes are reached through the queue only, which hands their keys on by value.
// - `K: Send`, since keys are made on one thread and taken on another.
unsafe impl<K: Send> Send for ChangeQueue<K> {}
// SAFETY: as above. `&ChangeQueue` gives no `&K`.
unsafe impl<K: Send> Sync for ChangeQueue<K> {}

/// A change that is counted and not in the list. Dropping it makes the queue lag.
struct Reservation<'a, K>(&'a ChangeQueue<K>);

impl<K> Drop for Reservation<'_, K> {
    fn drop(&mut self) {
        self.0.acknowledge(1);
        self.0.lag();
    }
}

impl<K> ChangeQueue<K> {
    pub(crate) fn new(capacity: u32, clone: fn(&K) -> K) -> Self {
        let newest = AtomicPtr::new(ptr::null_mut());
        Self { newest, len: AtomicU32::new(0), lags: AtomicU32::new(0), capacity, clone, _owns: PhantomData }
    }

    /// Tells of a change. Lock-free, but for the allocator; runs the key's `clone`, and lags if that panics.
    pub(crate) fn push(&self, key: &K, sequence: u64) {
        let reservation = Reservation(self);
        // Ordering: Relaxed: a number, by which nothing is published.
        if self.len.fetch_add(1, Ordering::Relaxed) >= self.capacity {
            return;
        }
        let change = Change { key: (self.clone)(key), sequence };
        // Ordering: Relaxed: only compared, below.
        let mut older = self.newest.load(Ordering::Relaxed);
        let node = Box::into_raw(Box::new(Node { change, older }));
        node.expose_provenance();
        mem::forget(reservation);
        // Ordering: Release on success, so that who takes the node sees it, and the change it tells of. Failure Relaxed, as the load.
        while let Err(now) = self.newest.compare_exchange_weak(older, node, Ordering::Release, Ordering::Relaxed) {
            older = now;
            // SAFETY: made above, and nobody has seen it.
            unsafe { (*node).older = older };
        }
    }

    /// All changes that were told and not taken, newest first. They count until `acknowledge`.
    pub(crate) fn take(&self) -> impl Iterator<Item = Change<K>> + use<K> {
        // Ordering: Acquire, pairs with `push`.
        Nodes(self.newest.swap(ptr::null_mut(), Ordering::Acquire))
    }

    /// As many changes are out of the subscription's hands.
    pub(crate) fn acknowledge(&self, changes: u32) {
        // Ordering: Relaxed, as in `push`.
        self.len.fetch_sub(changes, Ordering::Relaxed);
    }

    /// The subscription misses something.
    pub(crate) fn lag(&self) {
        // Ordering: Release, so that who takes the flag sees the change that was not told. A read-modify-write, so that it sees
        // those of all who raised it.
        self.lags.fetch_or(1, Ordering::Release);
    }

    /// Whether the subscription misses something; it is told once.
    pub(crate) fn take_lag(&self) -> bool {
        // Ordering: Relaxed to look, since most often there is nothing to see; Acquire to take, pairs with `lag`.
        self.lags.load(Ordering::Relaxed) != 0 && self.lags.swap(0, Ordering::Acquire) != 0
    }
}

/// Nodes that are the holder's alone.
struct Nodes<K>(*mut Node<K>);

impl<K> Iterator for Nodes<K> {
    type Item = Change<K>;

    fn next(&mut self) -> Option<Change<K>> {
        if self.0.is_null() {
            return None;
        }
        // By its address: `push` may have read a pointer to a node that was freed, and compared it with the pointer to a new one in the
        // same place.
        let node = ptr::with_exposed_provenance_mut::<Node<K>>(self.0.addr());
        // SAFETY: leaked by `push`, which exposed it, and off the list for nobody but the holder.
        let node = unsafe { Box::from_raw(node) };
        self.0 = node.older;
        Some(node.change)
    }
}

impl<K> Drop for Nodes<K> {
    fn drop(&mut self) {
        let mut panics = DeferredPanics::default();
        while !self.0.is_null() {
            panics.catch(|| drop(self.next()));
        }
        panics.resume_unless_panicking();
    }
}

impl<K> Drop for ChangeQueue<K> {
    fn drop(&mut self) {
        drop(self.take());
    }
}
