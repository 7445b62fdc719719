//! A slot: where one socket is at a time. Its state says which socket is in it and what is due; its
//! refs say who holds it; its data are the waker and the metadata. `access` makes the rights to them
//! types.

mod access;
mod addr;
mod generation;
mod refs;
pub(crate) mod state;
mod takeover_order;
mod waker;

pub(crate) use access::{Claimed, LastHolder, Owned, OwnerExit, SharedExit, SlotData, SlotDrops, SlotRef, Visit};
pub(crate) use addr::{MAX_OFFSET, MAX_SEGMENT, OFFSET_SHIFT, SlotAddr};
pub(crate) use generation::{GENERATION_BITS, Generation};
pub(crate) use refs::SlotRefs;
pub(crate) use state::{MarkOutcome, OtherHolders, SlotState, Superseded, WakeToken, Woken};
pub(crate) use takeover_order::{SlotTurn, TakeoverClock, TakeoverVersion};
pub(crate) use waker::WakerCell;

/// One socket of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalId {
    pub(crate) addr: SlotAddr,
    pub(crate) generation: Generation,
}

impl LocalId {
    /// The socket that is in the slot at `addr` as its state was `seen`.
    #[inline]
    pub(crate) fn seen_at(addr: SlotAddr, seen: state::Snapshot) -> Self {
        Self { addr, generation: seen.generation() }
    }
}
