//! Overflow slots, for every socket of a key after the first, and the lists that link them.
//!
//! An overflow slot is in exactly one of these states: never used; in the slab's free list; in a
//! key's chain; or retired and in no list. A slot in a chain holds a socket, is in the key's free
//! list, or is retired. A removal that leaves most slots of a chain vacant sweeps it. When the key
//! goes idle, the whole chain is returned to the slab.

mod chain;
mod free_list;
mod sweep;

pub(crate) use chain::SlotChain;
pub(crate) use free_list::FreeList;

use crate::storage::occupancy::Occupancy;
use crate::storage::slot::{SlotAddr, SlotHead, SlotRef, SlotRefs, SlotState, SlotTurn};
use crate::sync::{AtomicU32, AtomicU64, MODELLED, Ordering, Zeroable};
use crate::util::append_list::AppendList;
use crate::util::value_cell::ValueCell;
use crate::util::zeroed::{OutOfMemory, ZeroedSlice};
use std::ops::ControlFlow;
use std::ptr;

/// The number of slots in the first page. Every further page is twice as large as the one before,
/// as long as there are addresses.
const FIRST_PAGE: usize = if MODELLED { 1 } else { 32 };

/// All overflow slots of a shard.
pub(crate) struct Slab<M> {
    pages: AppendList<Page<M>>,
    free: FreeList,
    /// The highest position that was drawn.
    positions: AtomicU64,
    /// The number of addresses: the most slots of all pages together.
    addresses: usize,
}

/// An array of slots, which stays in place as long as the slab.
pub(crate) struct Page<M> {
    /// The index of the first slot's address. The others follow.
    first: u32,
    /// How many slots have been handed out. May be more than the page has.
    used: AtomicU32,
    slots: ZeroedSlice<OverflowSlot<M>>,
    /// Which slots were allocated and not released.
    occupancy: Occupancy,
}

/// States why the slot at an address that was handed out is found.
const PAGES_STAY: &str = "a page stays as long as its slab";

/// The owner of a slot that no socket will use before its next push. No bucket has this address.
const UNOWNED: u32 = u32::MAX;

/// The slot of a socket that is not the first of its key.
pub(crate) struct OverflowSlot<M> {
    head: SlotHead,
    metadata: ValueCell<M>,
    refs: SlotRefs,
    turn: SlotTurn,
    /// The position in the key's chain: see `chain`.
    position: AtomicU64,
    /// The bucket of the key, or `UNOWNED`.
    owner: AtomicU32,
    /// The next slot of the key's chain, or 0.
    next: AtomicU32,
    /// The next slot of the free list that this slot is in, or 0.
    next_free: AtomicU32,
}

impl<M> Default for OverflowSlot<M> {
    fn default() -> Self {
        Self {
            head: SlotHead::default(),
            metadata: ValueCell::default(),
            refs: SlotRefs::default(),
            turn: SlotTurn::default(),
            position: AtomicU64::default(),
            owner: AtomicU32::default(),
            next: AtomicU32::default(),
            next_free: AtomicU32::default(),
        }
    }
}

// SAFETY: atomics, and cells of `MaybeUninit`, for which any bytes will do.
#[allow(unsafe_code)]
unsafe impl<M> Zeroable for OverflowSlot<M> {}

impl<M> OverflowSlot<M> {
    #[inline]
    pub(crate) fn head(&self) -> &SlotHead {
        &self.head
    }

    #[inline]
    pub(crate) fn state(&self) -> &SlotState {
        &self.head.state
    }

    pub(crate) fn slot_ref(&self) -> SlotRef<'_, M> {
        SlotRef { head: &self.head, refs: &self.refs, turn: &self.turn, metadata: &self.metadata }
    }

    /// Returns the bucket of the key whose chain the slot is in. It is the key of the slot's socket
    /// if that socket is still in the slot after this call.
    pub(crate) fn owner(&self) -> SlotAddr {
        // Ordering: Acquire, pairs with `SlotChain::push`.
        SlotAddr::from_raw(self.owner.load(Ordering::Acquire))
    }

    fn set_owner(&self, owner: u32) {
        // Ordering: Release. A reader that still looks at the slot's former socket, and reads this
        // value, sees that the socket is gone.
        self.owner.store(owner, Ordering::Release);
    }

    /// Marks the slot as one for a sweeper to unlink. Precondition: the slot is retired, or the
    /// caller has sole possession of it. So no thread is in the slot, and none can claim it.
    fn disown(&self) {
        self.set_owner(UNOWNED);
    }

    fn is_unowned(&self) -> bool {
        self.owner().raw() == UNOWNED
    }

    /// Returns the slot's position in its chain: see `SlotChain`.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        // Ordering: Acquire, pairs with `SlotChain::push`.
        self.position.load(Ordering::Acquire)
    }
}

impl<M> Page<M> {
    #[cfg(feature = "stats")]
    pub(crate) fn groups_in_use(&self) -> usize {
        self.occupancy.groups_in_use()
    }

    pub(crate) fn slot_count(&self) -> u32 {
        self.slots.len() as u32
    }

    pub(crate) fn addr(&self, offset: u32) -> SlotAddr {
        SlotAddr::overflow(self.first + offset)
    }

    /// Returns the index after that of the last slot's address: where the next page begins.
    fn end(&self) -> u32 {
        self.first + self.slot_count()
    }

    /// Calls `f` with each slot from `first` on whose group may be in use, until `f` breaks.
    #[inline]
    pub(crate) fn each_slot<'a>(
        &'a self,
        first: u32,
        mut f: impl FnMut(u32, &'a SlotState) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for group in self.occupancy.groups_from(first) {
            let start = group.start;
            for (n, slot) in self.slots[group].iter().enumerate() {
                f((start + n) as u32, &slot.head.state)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn bump(&self) -> Option<u32> {
        let len = self.slots.len() as u32;
        // Ordering: Relaxed, both: only the number matters, and each is handed out once. The load
        // keeps the counter from growing without limit.
        let used = self.used.load(Ordering::Relaxed);
        (used < len).then(|| self.used.fetch_add(1, Ordering::Relaxed)).filter(|&offset| offset < len)
    }
}

impl<M> Slab<M> {
    /// Returns an empty slab whose pages will have at most `addresses` slots together.
    pub(crate) fn new(addresses: usize) -> Self {
        Self { pages: AppendList::default(), free: FreeList::default(), positions: AtomicU64::default(), addresses }
    }

    /// Returns the slot at `addr`, if there is one. For addresses from outside.
    #[inline(never)]
    pub(crate) fn slot(&self, addr: SlotAddr) -> Option<&OverflowSlot<M>> {
        self.pages.iter().find_map(|page| page.slots.get(addr.index().wrapping_sub(page.first) as usize))
    }

    /// Returns the slot at an address that the slab has handed out.
    #[inline]
    pub(crate) fn slot_at(&self, addr: SlotAddr) -> &OverflowSlot<M> {
        self.slot(addr).expect(PAGES_STAY)
    }

    /// Returns the page of the slot at `addr`, and the slot's offset in it.
    fn page(&self, addr: SlotAddr) -> (&Page<M>, u32) {
        let offset = |page: &Page<M>| addr.index().wrapping_sub(page.first);
        let mut pages = self.pages().map(|page| (page, offset(page)));
        pages.find(|&(page, offset)| offset < page.slot_count()).expect(PAGES_STAY)
    }

    /// Returns the address of the slot that `head` belongs to, if it is in this slab.
    pub(crate) fn addr_of(&self, head: &SlotHead) -> Option<SlotAddr> {
        self.pages.iter().find_map(|page| {
            let distance = ptr::from_ref(head).addr().wrapping_sub(page.slots.as_ptr().addr());
            let is_here = distance < size_of_val(&*page.slots);
            is_here.then(|| page.addr((distance / size_of::<OverflowSlot<M>>()) as u32))
        })
    }

    /// Returns a slot that is in no list, or `None` if the slab has its maximum size.
    ///
    /// Lock-free, except for the allocator when a page is added.
    pub(crate) fn allocate(&self) -> Result<Option<SlotAddr>, OutOfMemory> {
        let addr = match self.free.pop(self) {
            Some(addr) => Some(addr),
            None => self.bump()?,
        };
        if let Some((page, offset)) = addr.map(|addr| self.page(addr)) {
            page.occupancy.add(offset);
        }
        Ok(addr)
    }

    /// Returns a slot that was never used.
    fn bump(&self) -> Result<Option<SlotAddr>, OutOfMemory> {
        loop {
            let page = self.pages.newest();
            if let Some((page, offset)) = page.and_then(|page| Some((page, page.bump()?))) {
                return Ok(Some(page.addr(offset)));
            }
            let (first, len) = page.map_or((0, FIRST_PAGE), |page| (page.end(), page.slots.len() * 2));
            let len = len.min(self.addresses - first as usize);
            if len == 0 {
                return Ok(None);
            }
            let (slots, occupancy) = (ZeroedSlice::new(len)?, Occupancy::new(len)?);
            self.pages.push(page, Page { first, used: AtomicU32::new(0), slots, occupancy });
        }
    }

    /// Takes back slots that are linked by `next_free`. Precondition: the caller has sole
    /// possession of them.
    pub(crate) fn release(&self, first: SlotAddr) {
        let mut last = first;
        loop {
            let (page, offset) = self.page(last);
            page.occupancy.sub(offset);
            match self.next_free(last) {
                Some(next_free) => last = next_free,
                None => break,
            }
        }
        self.free.push(self, first, last);
    }

    /// Gives up a slot whose generations are used up: walks no longer count with it, and the next
    /// sweep of its chain unlinks it. Called by the slot's last holder.
    pub(crate) fn retire(&self, addr: SlotAddr) {
        let (page, offset) = self.page(addr);
        page.slots[offset as usize].disown();
        page.occupancy.sub(offset);
    }

    /// Iterates over the pages, newest first.
    pub(crate) fn pages(&self) -> impl Iterator<Item = &Page<M>> {
        self.pages.iter().map(|segment| &**segment)
    }

    /// Returns the number of slots, used or not.
    #[cfg(feature = "stats")]
    pub(crate) fn slot_count(&self) -> usize {
        self.pages.iter().map(|page| page.slots.len()).sum()
    }

    /// Draws a position for a slot that is pushed to a chain.
    fn next_position(&self) -> u64 {
        // Ordering: Relaxed: only the number matters. A caller that has seen another push draws a
        // higher number than that push.
        self.positions.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn next_free(&self, addr: SlotAddr) -> Option<SlotAddr> {
        // Ordering: Relaxed: an outdated value makes the step on the list's head fail, and the head
        // has the Acquire.
        SlotAddr::from_link(self.slot_at(addr).next_free.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests;
