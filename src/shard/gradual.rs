//! A walk over the sockets of a shard that stops after some of them and continues later.
//!
//! It has two rounds. The first one meets every socket that stays in its slot. Between two steps a
//! socket may take its key over in a slot that the walk has passed, while the old one was still to
//! come. So the walk notes the clock of takeovers when it begins, and its second round goes over
//! the keys that were taken over since. `takeover_order` says why it then has met the old socket or
//! the new one, however long the walk takes.

use crate::shard::Shard;
use crate::shard::observer::Observer;
use crate::storage::slot::{SlotAddr, SlotState, state};
use std::ops::ControlFlow;

/// The position of a walk over a shard.
#[derive(Default)]
pub(crate) struct GradualWalk {
    /// The reading of the shard's takeover clock when the walk began. None: it has not begun.
    since: Option<u64>,
    is_second_round: bool,
    /// The slot that the round has met last: in the second round the inline slot of a key.
    last: Option<SlotAddr>,
}

/// Takes one from `left`; breaks if there is none.
fn take_one(left: &mut usize) -> ControlFlow<()> {
    let Some(rest) = left.checked_sub(1) else { return ControlFlow::Break(()) };
    *left = rest;
    ControlFlow::Continue(())
}

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Continues the walk: calls `f` for each socket that the walk has still to meet, until `f`
    /// breaks or `left` is used up. It takes one from `left` for each socket of the first round and
    /// for each key of the second. Returns `Continue` if the walk is complete.
    ///
    /// Like `visit`, the walk meets the old socket or the new one of a takeover. It may meet a
    /// socket twice that takes over its key during the walk.
    pub(crate) fn visit_some<'a>(
        &'a self,
        walk: &mut GradualWalk,
        left: &mut usize,
        mut f: impl FnMut(SlotAddr, &'a SlotState, state::Snapshot) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let since = *walk.since.get_or_insert_with(|| self.takeovers.now());
        if !walk.is_second_round {
            let met = walk.last;
            self.walk_after(met, |addr, state, seen| {
                if Some(addr) == met {
                    return ControlFlow::Continue(());
                }
                take_one(left)?;
                walk.last = Some(addr);
                f(addr, state, seen)
            })?;
            if self.takeovers.now() == since {
                return ControlFlow::Continue(());
            }
            (walk.is_second_round, walk.last) = (true, None);
        }
        for active in self.active_keys_after(walk.last) {
            take_one(left)?;
            walk.last = Some(active.bucket.addr());
            let mut flow = ControlFlow::Continue(());
            self.revisit_if_taken_over(&active, since, |addr, state, seen| {
                if flow.is_continue() {
                    flow = f(addr, state, seen);
                }
            });
            flow?;
        }
        ControlFlow::Continue(())
    }
}
