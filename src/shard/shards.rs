//! The shards of a registry, and what keeps them in memory.
//!
//! All shards are in one array, so that the way from a hash to a shard is a computation. The array
//! lives as long as the registry or the handle of any socket. To count all handles in one place
//! would make all registrations write to one line. So each shard counts its own holders, and the
//! array counts the shards that have any.

#![allow(unsafe_code)]

use crate::shard::Shard;
use crate::shard::geometry::Geometry;
use crate::shard::totals::{Flags, Totals};
use crate::storage::fingerprint::Fingerprint;
use crate::sync::{Arc, AtomicU32, Ordering};
use std::ops::Deref;
use std::ptr::NonNull;
use std::slice;

/// The shards of a registry, in an array that the registry holds.
pub(crate) struct Shards<K, M, O> {
    first: NonNull<Shard<K, M, O>>,
    /// One less than the number of shards, which is a power of two.
    mask: usize,
    /// The registry holds every shard.
    holds: Box<[ShardHold<K, M, O>]>,
}

struct ShardArray<K, M, O> {
    shards: Box<[Shard<K, M, O>]>,
    /// How many shards have holders.
    held: AtomicU32,
}

/// Leads from a shard to its array.
pub(super) struct ArrayPtr<K, M, O>(NonNull<ShardArray<K, M, O>>);

/// Keeps a shard in memory, counted by the shard as a holder. The lowest bits of the pointer are a
/// note of the holder's, so that the handle of a socket is two words and no more.
pub(crate) struct ShardHold<K, M, O>(NonNull<Shard<K, M, O>>);

/// The bits of a note: a shard's address is a multiple of 128.
const NOTE: usize = 127;

// SAFETY: as `Arc<Shard>`: they give `&Shard`, and any thread may drop the shards by dropping one.
unsafe impl<K, M, O> Send for Shards<K, M, O> where Shard<K, M, O>: Send + Sync {}
// SAFETY: as above.
unsafe impl<K, M, O> Sync for Shards<K, M, O> where Shard<K, M, O>: Send + Sync {}
// SAFETY: as above.
unsafe impl<K, M, O> Send for ShardHold<K, M, O> where Shard<K, M, O>: Send + Sync {}
// SAFETY: as above.
unsafe impl<K, M, O> Sync for ShardHold<K, M, O> where Shard<K, M, O>: Send + Sync {}
// SAFETY: it is used only by the last holder of a shard, which drops the array.
unsafe impl<K, M, O> Send for ArrayPtr<K, M, O> {}
// SAFETY: as above.
unsafe impl<K, M, O> Sync for ArrayPtr<K, M, O> {}

impl<K, M, O> Shards<K, M, O> {
    /// Makes `count` shards, a power of two. `observer` makes the observer of each.
    pub(crate) fn new(count: usize, geometry: Geometry, totals: &Arc<Totals>, observer: impl Fn() -> O) -> Self {
        assert!(count.is_power_of_two());
        let array = ShardArray::<K, M, O> { shards: Box::default(), held: AtomicU32::new(count as u32) };
        let mut array = NonNull::from(Box::leak(Box::new(array)));
        let shard = |index| Shard::new(index, geometry, Arc::clone(totals), ArrayPtr(array), observer());
        let shards = (0..count).map(shard).collect();
        // SAFETY: leaked above; nothing else refers to it yet.
        let ShardArray { shards: place, .. } = unsafe { array.as_mut() };
        *place = shards;
        let all = NonNull::from(&mut **place);
        // SAFETY: the shards stay as long as they have a holder. Here the first ones come.
        let holds = unsafe { all.as_ref() }.iter().map(|shard| shard.hold(0).0).collect();
        Self { first: all.cast(), mask: count - 1, holds }
    }

    /// Returns the shard of the key with this fingerprint, given by the lowest bits of the hash.
    /// The highest bits choose the place in the shard.
    #[inline(always)]
    pub(crate) fn of(&self, fingerprint: &Fingerprint) -> &Shard<K, M, O> {
        // SAFETY: the index is below the number of shards.
        let shard = unsafe { self.first.add(fingerprint.hash as usize & self.mask) };
        // SAFETY: the holds keep the shards.
        unsafe { shard.as_ref() }
    }
}

impl<K, M, O> Deref for Shards<K, M, O> {
    type Target = [Shard<K, M, O>];

    #[inline]
    fn deref(&self) -> &Self::Target {
        // SAFETY: there are as many shards as holds, which keep them.
        unsafe { slice::from_raw_parts(self.first.as_ptr(), self.holds.len()) }
    }
}

impl<K, M, O> Shard<K, M, O> {
    /// Holds the shard, and counts keys that have become active in the same step.
    #[inline]
    pub(crate) fn hold(&self, keys: u64) -> (ShardHold<K, M, O>, Flags) {
        let before = self.own_totals.add_holder(keys);
        (ShardHold(NonNull::from(self)), before)
    }
}

impl<K, M, O> Deref for ShardHold<K, M, O> {
    type Target = Shard<K, M, O>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        let shard = self.0.as_ptr().map_addr(|addr| addr & !NOTE);
        // SAFETY: the shard counts this holder, and without the note the pointer is the shard's.
        unsafe { &*shard }
    }
}

impl<K, M, O> Drop for ShardHold<K, M, O> {
    #[inline]
    fn drop(&mut self) {
        // From this step on, the shard may be gone, unless this was its last holder.
        if self.own_totals.release_holder() {
            self.drop_last();
        }
    }
}

impl<K, M, O> ShardHold<K, M, O> {
    const NOTE_FITS: () = assert!(align_of::<Shard<K, M, O>>() > NOTE);

    #[inline]
    pub(super) fn note(&self) -> u8 {
        (self.0.addr().get() & NOTE) as u8
    }

    /// Sets the note, of at most 7 bits.
    #[inline]
    pub(super) fn set_note(&mut self, note: u8) {
        let () = Self::NOTE_FITS;
        debug_assert!(usize::from(note) <= NOTE);
        self.0 = NonNull::from(&**self).map_addr(|addr| addr | usize::from(note));
    }

    #[cold]
    #[inline(never)]
    fn drop_last(&self) {
        let ArrayPtr(array) = self.array;
        // SAFETY: the array counts this shard, whose last holder drops the array only below.
        let held = unsafe { &array.as_ref().held };
        // Ordering: AcqRel: who drops the array does so after all that any holder did.
        if held.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: leaked by `Shards::new`, and dropped once: by the last holder of all.
            drop(unsafe { Box::from_raw(array.as_ptr()) });
        }
    }
}
