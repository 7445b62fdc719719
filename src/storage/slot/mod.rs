//! A slot holds one socket at a time. Its state says which socket is in it and what is due. Its
//! refs count the threads that hold it. Its head is the state and, next to it, the waker. `access`
//! turns the rights to them into types.

mod access;
mod addr;
mod generation;
mod head;
mod refs;
pub(crate) mod state;
mod takeover_order;
mod waker;

pub(crate) use access::{Claimed, LastHolder, Owned, OwnerExit, SharedExit, SlotDrops, SlotRef, Visit};
pub(crate) use addr::{INDEX_BITS, SlotAddr};
pub(crate) use generation::{GENERATION_BITS, Generation};
pub(crate) use head::{SlotHead, Waking};
pub(crate) use refs::SlotRefs;
pub(crate) use state::{Fence, MarkOutcome, OtherHolders, SlotState, Superseded, WakeToken, Woken};
pub(crate) use takeover_order::{SlotTurn, TakeoverClock, TakeoverVersion};
pub(crate) use waker::WakerCell;

/// Identifies one socket of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalId {
    pub(crate) addr: SlotAddr,
    pub(crate) generation: Generation,
}

impl LocalId {
    /// Returns the id of the socket in the slot at `addr` whose state was `seen`.
    #[inline]
    pub(crate) fn seen_at(addr: SlotAddr, seen: state::Snapshot) -> Self {
        Self { addr, generation: seen.generation() }
    }
}
