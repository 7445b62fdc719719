//! A walk over a shard's slots that can be interrupted and continued.

use crate::shard::Shard;
use crate::shard::observer::Observer;
use crate::storage::slab::OverflowSlot;
use crate::storage::slot::{SlotAddr, SlotState, state};

/// Marks the position of the walk. It holds numbers and no reference, so the caller may keep it
/// between two steps and move it to another thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SlotCursor {
    is_past_tables: bool,
    /// The id of the table or, past the tables, of the page.
    segment: u32,
    offset: u32,
}

impl SlotCursor {
    /// Calls `f` for each live socket from here on: once for each that is live from before the walk
    /// until after it. `f` returns whether to continue. Returns whether the walk has reached its
    /// end.
    pub(crate) fn advance<K, M, O: Observer<K>>(
        &mut self,
        shard: &Shard<K, M, O>,
        mut f: impl FnMut(SlotAddr, state::Snapshot) -> bool,
    ) -> bool {
        while !self.is_past_tables {
            let id = self.segment;
            let Some(table) = shard.table(id) else {
                *self = Self { is_past_tables: true, ..Self::default() };
                break;
            };
            if !self.advance_in(|bucket| SlotAddr::inline(id, bucket), |bucket| table.state(bucket), &mut f) {
                return false;
            }
        }
        while let Some(slots) = shard.slab.page(self.segment) {
            let id = self.segment;
            let state = |offset| slots.get(offset as usize).map(OverflowSlot::state);
            if !self.advance_in(|offset| SlotAddr::overflow(id, offset), state, &mut f) {
                return false;
            }
        }
        true
    }

    /// Walks the rest of one table or page.
    fn advance_in<'a>(
        &mut self,
        addr: impl Fn(u32) -> SlotAddr,
        state: impl Fn(u32) -> Option<&'a SlotState>,
        f: &mut impl FnMut(SlotAddr, state::Snapshot) -> bool,
    ) -> bool {
        while let Some(state) = state(self.offset) {
            let addr = addr(self.offset);
            self.offset += 1;
            let seen = state.load();
            if seen.is_live() && !f(addr, seen) {
                return false;
            }
        }
        *self = Self { segment: self.segment + 1, offset: 0, ..*self };
        true
    }
}
