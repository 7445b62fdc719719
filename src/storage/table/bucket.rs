//! A bucket in its three parts: what a mark, a wake-up and a poll need; the values of the key and of
//! its first socket; and what only a few keys need.

use crate::storage::fingerprint::{Fingerprint, IdentityCell};
use crate::storage::slab::{FreeList, SlotChain};
use crate::storage::slot::{SlotHead, SlotRefs, SlotTurn, TakeoverVersion, state};
use crate::storage::table::PAIR;
use crate::storage::table::displacement::Displacement;
use crate::storage::table::epoch::ActivityEpoch;
use crate::storage::table::key_state::KeyState;
use crate::storage::table::superseded::SupersededCount;
use crate::util::value_cell::ValueCell;

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
}

const _: () = assert!(crate::sync::MODELLED || size_of::<BucketPair>() == 128);

impl Bucket {
    /// Returns the state of the key's only socket, if this is the key's bucket and the key has no
    /// overflow slots. The result is a hint until a compare-and-swap from it succeeds. That
    /// suffices, for three reasons:
    /// 1. The state is loaded first, and its generation never repeats. So a step that succeeds
    ///    proves that the same socket was there throughout.
    /// 2. A socket keeps the occupancy of its bucket. So what is read here after the state belongs
    ///    to that socket's key.
    /// 3. A registration in an overflow slot sets CHAINED before it returns. So no mark that begins
    ///    later misses its socket.
    #[inline]
    pub(crate) fn single_socket(&self, fingerprint: &Fingerprint) -> Option<state::Snapshot> {
        let seen = self.head.state.load();
        let is_key = self.identity.matches(fingerprint.identity);
        let is_single = self.key_state.load().is_unchained_member(fingerprint.identity.kind);
        (is_key && is_single && seen.is_live()).then_some(seen)
    }
}

/// The key, and the metadata of its first socket.
pub(super) struct BucketValues<K, M> {
    pub(super) key: ValueCell<K>,
    pub(super) metadata: ValueCell<M>,
}

impl<K, M> Default for BucketValues<K, M> {
    fn default() -> Self {
        Self { key: ValueCell::default(), metadata: ValueCell::default() }
    }
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

#[allow(unsafe_code)]
mod zeroable {
    use super::{BucketCold, BucketPair, BucketValues};
    use crate::sync::Zeroable;
    // SAFETY: atomics, and a cell of `MaybeUninit`, for which any bytes will do.
    unsafe impl Zeroable for BucketPair {}
    // SAFETY: cells of `MaybeUninit`.
    unsafe impl<K, M> Zeroable for BucketValues<K, M> {}
    // SAFETY: atomics.
    unsafe impl Zeroable for BucketCold {}
}
