//! A slot's state drawn by hand, rather than by the masks that the tests are about.

use crate::storage::slot::state::{SlotState, Snapshot};
use crate::sync::AtomicU64;

/// What a word says, drawn by hand rather than by the module's masks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) generation: u32,
    pub(super) visited: bool,
    pub(super) closed: bool,
    pub(super) wakers: u8,
    pub(super) waiting: bool,
    pub(super) live: bool,
    pub(super) due: u32,
}

impl State {
    pub(super) fn bits(self) -> u64 {
        u64::from(self.generation) << 38
            | u64::from(self.visited) << 37
            | u64::from(self.closed) << 36
            | u64::from(self.wakers) << 34
            | u64::from(self.waiting) << 33
            | u64::from(self.live) << 32
            | u64::from(self.due)
    }

    pub(super) fn word(self) -> SlotState {
        SlotState(AtomicU64::new(self.bits()))
    }

    pub(super) fn seen(self) -> Snapshot {
        Snapshot(self.bits())
    }

    pub(super) fn of(word: &SlotState) -> Self {
        let bits = word.load().0;
        let flag = |n: u32| bits >> n & 1 == 1;
        Self {
            generation: (bits >> 38) as u32,
            visited: flag(37),
            closed: flag(36),
            wakers: (bits >> 34 & 3) as u8,
            waiting: flag(33),
            live: flag(32),
            due: bits as u32,
        }
    }

    pub(super) fn vacant(generation: u32) -> Self {
        Self { generation, ..Self::default() }
    }

    pub(super) fn busy(generation: u32) -> Self {
        Self { generation, due: 1, ..Self::default() }
    }

    pub(super) fn is_ready(self) -> bool {
        self.due != 0 || self.closed
    }

    pub(super) fn is_owned(self) -> bool {
        self.live || self.closed
    }

    pub(super) fn must_wake(self) -> bool {
        (self.waiting || self.wakers > 0) && self.wakers < 3
    }

    /// One more wakes, and nobody waits.
    pub(super) fn waking(self) -> Self {
        Self { waiting: false, wakers: self.wakers + 1, ..self }
    }

    /// What takes nothing away but the socket and what was due for it.
    pub(super) fn superseded(self) -> Self {
        Self { live: false, closed: true, due: 1, ..self }
    }

    /// The module's table of valid states.
    pub(super) fn is_valid(self) -> bool {
        if self.live {
            true
        } else if self.closed {
            self.due == 1
        } else {
            self == Self::vacant(self.generation) || self == Self { wakers: self.wakers, ..Self::busy(self.generation) }
        }
    }
}
