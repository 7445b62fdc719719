//! The leanest cell that kept parts give: one word with the due bit and whether a task waits, and
//! an `AtomicWaker`.

use atomic_waker::AtomicWaker;
use std::{
    sync::atomic::{AtomicU32, Ordering},
    task::{Context, Poll},
};

const DUE: u32 = 1;
const WAITING: u32 = 2;

#[derive(Default)]
pub(super) struct Cell {
    word: AtomicU32,
    waker: AtomicWaker,
}

impl Cell {
    /// Touches the waker only when a task waits: waking costs it two more atomic operations.
    pub(super) fn mark(&self) {
        if self.word.fetch_or(DUE, Ordering::AcqRel) == WAITING {
            self.waker.wake();
        }
    }

    pub(super) fn take(&self) -> bool {
        self.word.swap(0, Ordering::AcqRel) & DUE != 0
    }

    /// The waker is stored before the word says so; a mark before that is seen in the word.
    pub(super) fn poll_due(&self, cx: &Context<'_>) -> Poll<()> {
        if self.word.load(Ordering::Acquire) & DUE == 0 {
            self.waker.register(cx.waker());
            if self.word.fetch_or(WAITING, Ordering::AcqRel) & DUE == 0 {
                return Poll::Pending;
            }
        }
        self.take();
        Poll::Ready(())
    }
}
