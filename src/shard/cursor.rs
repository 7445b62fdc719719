//! A walk over a shard's slots that can be interrupted and continued.

use crate::shard::Shard;
use crate::shard::observer::Observer;
use crate::storage::slot::{SlotAddr, state};

/// Marks the position of the walk. It holds numbers and no reference, so the caller may keep it
/// between two steps and move it to another thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SlotCursor {
    is_past_tables: bool,
    /// The index of the next address: of an inline slot or, past the tables, of an overflow slot.
    next: u32,
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
            let Some(table) = shard.table_from(self.next) else {
                *self = Self { is_past_tables: true, next: 0 };
                break;
            };
            self.next = self.next.max(table.first());
            while let Some(state) = table.state_at_index(self.next) {
                let addr = SlotAddr::inline(self.next);
                self.next += 1;
                let seen = state.load();
                if seen.is_live() && !f(addr, seen) {
                    return false;
                }
            }
        }
        while let Some(slots) = shard.slab.slots_from(self.next) {
            for slot in slots {
                let addr = SlotAddr::overflow(self.next);
                self.next += 1;
                let seen = slot.state().load();
                if seen.is_live() && !f(addr, seen) {
                    return false;
                }
            }
        }
        true
    }
}
