//! The changes that a subscription has not taken yet: a bounded queue, in which no thread waits for
//! another.
//!
//! A push adds a node to a list with one compare-and-swap. The subscription takes the whole list
//! with one swap and reverses it. Each change allocates a node, as the clone of a `String` does. (A
//! ring of fixed cells would not do: a thread that stops between claiming a cell and filling it
//! blocks every thread behind it.)
//!
//! # Bound
//! `len` counts the changes that were pushed and not yet acknowledged, including those of a list
//! that the subscription has taken. A change that arrives when `len` is at the capacity is not
//! stored. Instead the queue *lags*, and the subscription scans the registry for what it was not
//! sent.
//!
//! Before `push` returns, its change is in the list or the lagged flag is set, and `push` is called
//! after the change itself. So when a subscription takes the flag, every change that it was not
//! sent is already visible in the registry, and the next scan finds it.

#![allow(unsafe_code)]

use crate::sync::{AtomicPtr, AtomicU32, Ordering};
use crate::util::panic::DeferredPanics;
use std::marker::PhantomData;
use std::{mem, ptr};

/// One change of a key.
pub(crate) struct Change<K> {
    pub(crate) key: K,
    pub(crate) sequence: u64,
}

/// Queues the changes for one subscription. See the module's documentation.
pub(crate) struct ChangeQueue<K> {
    newest: AtomicPtr<Node<K>>,
    len: AtomicU32,
    lags: AtomicU32,
    capacity: u32,
    /// Clones a key. Only subscriptions need that, so it is not a bound of the type: a registry
    /// whose keys cannot be cloned has the same type and no subscriptions.
    clone: fn(&K) -> K,
    _owns: PhantomData<Box<Node<K>>>,
}

struct Node<K> {
    change: Change<K>,
    older: *mut Node<K>,
}

// SAFETY: nodes are reached only through the queue, which hands their keys on by value.
// - `K: Send`, since keys are made on one thread and taken on another.
unsafe impl<K: Send> Send for ChangeQueue<K> {}
// SAFETY: as above. `&ChangeQueue` gives no `&K`.
unsafe impl<K: Send> Sync for ChangeQueue<K> {}

/// A change that is counted but not in the list. Dropping it makes the queue lag.
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

    /// Adds a change. Lock-free, except for the allocator. Runs the key's `clone`; if that panics,
    /// the queue lags.
    pub(crate) fn push(&self, key: &K, sequence: u64) {
        let reservation = Reservation(self);
        // Ordering: Relaxed. This is only a number: it publishes nothing.
        if self.len.fetch_add(1, Ordering::Relaxed) >= self.capacity {
            return;
        }
        let change = Change { key: (self.clone)(key), sequence };
        // Ordering: Relaxed. The pointer is only compared, below.
        let mut older = self.newest.load(Ordering::Relaxed);
        let node = Box::into_raw(Box::new(Node { change, older }));
        node.expose_provenance();
        mem::forget(reservation);
        // Ordering: Release on success. The thread that takes the node sees its contents, and the
        // change that it describes. Relaxed on failure, as for the load.
        while let Err(now) = self.newest.compare_exchange_weak(older, node, Ordering::Release, Ordering::Relaxed) {
            older = now;
            // SAFETY: made above, and no other thread has seen it.
            unsafe { (*node).older = older };
        }
    }

    /// Takes all changes in the list, newest first. They count until `acknowledge`.
    pub(crate) fn take(&self) -> impl Iterator<Item = Change<K>> + use<K> {
        // Ordering: Acquire, pairs with `push`.
        Nodes(self.newest.swap(ptr::null_mut(), Ordering::Acquire))
    }

    /// Subtracts changes that the subscription no longer holds.
    pub(crate) fn acknowledge(&self, changes: u32) {
        // Ordering: Relaxed, as in `push`.
        self.len.fetch_sub(changes, Ordering::Relaxed);
    }

    /// Sets the lagged flag: the subscription misses a change.
    pub(crate) fn lag(&self) {
        // Ordering: Release. The thread that takes the flag sees the change that was not sent. It
        // is a read-modify-write so that the thread sees the changes of all that set the flag.
        self.lags.fetch_or(1, Ordering::Release);
    }

    /// Returns whether the subscription misses a change, and clears the lagged flag.
    pub(crate) fn take_lag(&self) -> bool {
        // Ordering: Relaxed for the load, since the flag is most often clear; Acquire for the swap,
        // pairs with `lag`.
        self.lags.load(Ordering::Relaxed) != 0 && self.lags.swap(0, Ordering::Acquire) != 0
    }
}

/// A list of nodes that only its holder can reach.
struct Nodes<K>(*mut Node<K>);

impl<K> Iterator for Nodes<K> {
    type Item = Change<K>;

    fn next(&mut self) -> Option<Change<K>> {
        if self.0.is_null() {
            return None;
        }
        // Made from the address. `push` may have read a pointer to a freed node and compared it
        // with the pointer to a new node in the same place.
        let node = ptr::with_exposed_provenance_mut::<Node<K>>(self.0.addr());
        // SAFETY: leaked by `push`, which exposed it. It is off the list, so only the holder
        // reaches it.
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
