//! A bucket in its three parts: what a mark needs, what the first socket needs besides, what only a few keys need.

use crate::storage::fingerprint::{Fingerprint, IdentityCell};
use crate::storage::slab::{FreeList, SlotChain};
use crate::storage::slot::{SlotData, SlotRefs, SlotState, SlotTurn, TakeoverVersion, state};
use crate::storage::table::BUCKETS_PER_LINE;
use crate::storage::table::epoch::ActivityEpoch;
use crate::storage::table::key_state::KeyState;
use crate::util::value_cell::ValueCell;

#[derive(Default)]
#[repr(align(64))]
pub(super) struct BucketLine(pub(super) [Bucket; BUCKETS_PER_LINE]);

const _: () = assert!(crate::sync::MODELLED || size_of::<BucketLine>() == 64);

/// What a mark reads and writes.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Bucket {
    pub(crate) key_state: KeyState,
    pub(crate) identity: IdentityCell,
    pub(crate) state: SlotState,
}

impl Bucket {
    /// The key's socket as its state shows it, if this is the key's bucket and the key has no other slot. Holds if a step from there succeeds.
    ///
    /// The state is read first, and never shows the same socket again once that is gone. So if the step succeeds, the socket was there
    /// meanwhile, which keeps the occupancy: what is read here after the state belongs to that socket's key. Whoever registers in
    /// another slot says CHAINED before returning, and so is not missed.
    #[inline]
    pub(crate) fn single_socket(&self, fingerprint: &Fingerprint) -> Option<state::Snapshot> {
        let seen = self.state.load();
        let is_key = self.identity.matches(fingerprint.identity);
        let is_single = self.key_state.load().is_unchained_member(fingerprint.identity.kind);
        (is_key && is_single && seen.is_live()).then_some(seen)
    }
}

/// What the life of a key and of its first socket needs besides.
pub(super) struct BucketWarm<K, M> {
    pub(super) key: ValueCell<K>,
    pub(super) data: SlotData<M>,
}

impl<K, M> Default for BucketWarm<K, M> {
    fn default() -> Self {
        Self { key: ValueCell::default(), data: SlotData::default() }
    }
}

/// What only keys with several sockets, visitors, and who watches need.
#[derive(Default)]
pub(crate) struct BucketCold {
    pub(super) refs: SlotRefs,
    pub(super) turn: SlotTurn,
    /// The slots of the key's chain that are free to take.
    pub(crate) free_slots: FreeList,
    pub(crate) chain: SlotChain,
    pub(crate) takeovers: TakeoverVersion,
    pub(crate) epoch: ActivityEpoch,
}

#[allow(unsafe_code)]
mod zeroable {
    use super::{BucketCold, BucketLine, BucketWarm};
    use crate::sync::Zeroable;
    // SAFETY: atomics.
    unsafe impl Zeroable for BucketLine {}
    // SAFETY: a cell of `MaybeUninit`, for which any bytes will do, and a zeroable `SlotData`.
    unsafe impl<K, M> Zeroable for BucketWarm<K, M> {}
    // SAFETY: atomics.
    unsafe impl Zeroable for BucketCold {}
}
