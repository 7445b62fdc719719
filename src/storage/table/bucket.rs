//! A bucket in its three parts: what a mark, a wake-up and a poll need; the values of the key and
//! of its first socket; and what only a few keys need.

use crate::storage::fingerprint::{Fingerprint, IdentityCell};
use crate::storage::slab::{FreeList, SlotChain};
use crate::storage::slot::{SlotAddr, SlotHead, SlotRef, SlotRefs, SlotTurn, TakeoverVersion, state};
use crate::storage::table::displacement::Displacement;
use crate::storage::table::epoch::ActivityEpoch;
use crate::storage::table::key_state::KeyState;
use crate::storage::table::superseded::SupersededCount;
use crate::storage::table::{PAIR, Table};
use crate::sync::{MODELLED, prefetch};
use crate::util::value_cell::ValueCell;
use small::SmallValues;
use std::ops::Deref;

/// Two neighbouring buckets. A search looks at both of them: the processor fetches them together.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct BucketPair(pub(super) [Bucket; PAIR]);

/// One cache line: all that a mark reads and writes, also if it wakes the task, and all that the
/// task's polls do.
#[derive(Default)]
#[repr(C, align(64))]
pub(crate) struct Bucket {
    pub(crate) key_state: KeyState,
    pub(crate) identity: IdentityCell,
    pub(crate) head: SlotHead,
    pub(super) displacement: Displacement,
    small: SmallValues,
}

const _: () = assert!(MODELLED || size_of::<BucketPair>() == 128);

impl Bucket {
    /// Returns the state of the key's only socket, if this is the key's bucket and the socket is in
    /// its inline slot. The result is a hint until a mark of that socket succeeds. That suffices,
    /// for three reasons:
    /// 1. The state is loaded first, and its generation never repeats. So a mark that succeeds, by
    ///    a step or by a second look, proves that the same socket was there throughout.
    /// 2. A socket keeps the occupancy of its bucket. So what is read here after the state belongs
    ///    to that socket's key.
    /// 3. A socket is counted in the key's state before it becomes live, and until after it has
    ///    ceased to be. So if the count is one while this socket is live, there is no other.
    #[inline]
    pub(crate) fn single_socket(&self, fingerprint: &Fingerprint) -> Option<state::Snapshot> {
        let seen = self.head.state.load();
        let is_key = self.identity.matches(fingerprint.identity);
        let is_single = self.key_state.load().is_member_with_one(fingerprint.identity.kind);
        (is_key && is_single && seen.is_live()).then_some(seen)
    }

    /// Tells whether the socket that was `seen` in the inline slot was the key's only socket at a
    /// moment during this call. The order of the loads matters: as the socket is still live after
    /// the count was read, it is the one that was counted.
    pub(crate) fn is_still_single(&self, seen: state::Snapshot) -> bool {
        self.key_state.load().live() == 1 && self.head.state.load().is_live_as(seen.generation())
    }
}

/// The key, and the metadata of its first socket. They are in an array of their own, or in the
/// bucket if they fit.
pub(super) struct BucketValues<K, M> {
    pub(super) key: ValueCell<K>,
    pub(super) metadata: ValueCell<M>,
}

impl<K, M> Default for BucketValues<K, M> {
    fn default() -> Self {
        Self { key: ValueCell::default(), metadata: ValueCell::default() }
    }
}

impl<K, M> BucketValues<K, M> {
    /// Whether they are in the bucket. Never under the model checkers, whose cells are larger.
    pub(super) const ARE_SMALL: bool =
        !MODELLED && size_of::<Self>() <= size_of::<SmallValues>() && align_of::<Self>() <= align_of::<SmallValues>();
}

/// What only keys with several sockets, visitors or subscribers need.
#[derive(Default)]
pub(crate) struct BucketCold {
    pub(super) refs: SlotRefs,
    pub(super) turn: SlotTurn,
    /// The free list of the key's chain.
    pub(crate) free_slots: FreeList,
    pub(crate) chain: SlotChain,
    pub(crate) superseded: SupersededCount,
    pub(crate) takeovers: TakeoverVersion,
    pub(crate) epoch: ActivityEpoch,
}

/// A bucket of a table, with the way to its other parts.
pub(crate) struct BucketRef<'a, K, M> {
    table: &'a Table<K, M>,
    bucket: &'a Bucket,
}

impl<K, M> Clone for BucketRef<'_, K, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, M> Copy for BucketRef<'_, K, M> {}

impl<K, M> Deref for BucketRef<'_, K, M> {
    type Target = Bucket;

    #[inline]
    fn deref(&self) -> &Bucket {
        self.bucket
    }
}

impl<'a, K, M> BucketRef<'a, K, M> {
    /// Precondition: the bucket is the table's.
    #[inline]
    pub(super) fn new(table: &'a Table<K, M>, bucket: &'a Bucket) -> Self {
        Self { table, bucket }
    }

    #[inline]
    pub(super) fn table(self) -> &'a Table<K, M> {
        self.table
    }

    /// Returns which bucket of the table it is.
    #[inline]
    pub(crate) fn index(self) -> u32 {
        self.table.index_of(self.bucket)
    }

    /// Returns the address of the bucket, which is the one of its inline slot.
    #[inline]
    pub(crate) fn addr(self) -> SlotAddr {
        self.table.addr(self.index())
    }

    #[inline]
    pub(crate) fn head(self) -> &'a SlotHead {
        &self.bucket.head
    }

    #[inline]
    pub(crate) fn cold(self) -> &'a BucketCold {
        &self.table.cold[self.index() as usize]
    }

    #[inline]
    fn values(self) -> &'a BucketValues<K, M> {
        self.bucket.small.get(self.table).unwrap_or_else(|| &self.table.values[self.index() as usize])
    }

    /// Returns the cell of the bucket's key. The key state decides who may use it and when.
    #[inline]
    pub(crate) fn key(self) -> &'a ValueCell<K> {
        &self.values().key
    }

    #[inline]
    pub(crate) fn inline_slot(self) -> SlotRef<'a, M> {
        let cold = self.cold();
        SlotRef { head: &self.bucket.head, refs: &cold.refs, turn: &cold.turn, metadata: &self.values().metadata }
    }

    /// Prefetches what the removal of the bucket's socket needs outside the bucket.
    #[inline]
    pub(crate) fn prefetch_removal(self) {
        prefetch(self.values());
    }
}

#[allow(unsafe_code)]
mod small {
    use super::BucketValues;
    use crate::storage::table::Table;
    use crate::sync::UnsafeCell;
    use std::mem::MaybeUninit;

    /// Room for `BucketValues` of 8 bytes, such as a `u64` key without metadata.
    pub(super) struct SmallValues(UnsafeCell<MaybeUninit<u64>>);

    // SAFETY: only `get` uses the room, for a table that exists. So a table of these values is what
    // is sent or shared, and it is so only if its values may be.
    unsafe impl Send for SmallValues {}
    // SAFETY: as above.
    unsafe impl Sync for SmallValues {}

    impl Default for SmallValues {
        fn default() -> Self {
            Self(UnsafeCell::new(MaybeUninit::uninit()))
        }
    }

    impl SmallValues {
        /// Returns the values, if they are small. Precondition: the bucket is the table's, so that
        /// the room is always used as the same type.
        #[inline]
        pub(super) fn get<K, M>(&self, _table: &Table<K, M>) -> Option<&BucketValues<K, M>> {
            BucketValues::<K, M>::ARE_SMALL.then(|| {
                let room = self.0.with_mut(|room| room.cast::<BucketValues<K, M>>());
                // SAFETY: large and aligned enough, since they are small. Any bytes are valid cells
                // of `MaybeUninit`, and the reference lives as long as the room.
                unsafe { &*room }
            })
        }
    }
}

#[allow(unsafe_code)]
mod zeroable {
    use super::{BucketCold, BucketPair, BucketValues};
    use crate::sync::Zeroable;
    // SAFETY: atomics, and cells of `MaybeUninit`, for which any bytes will do.
    unsafe impl Zeroable for BucketPair {}
    // SAFETY: cells of `MaybeUninit`.
    unsafe impl<K, M> Zeroable for BucketValues<K, M> {}
    // SAFETY: atomics.
    unsafe impl Zeroable for BucketCold {}
}
