//! A bound on results that are ready in a row, for futures and streams without a runtime that sets
//! one.

use std::task::{Context, Poll};

/// How many results in a row may be ready.
const READY_IN_A_ROW: u8 = 32;
const _: () = assert!(READY_IN_A_ROW <= Budget::MASK);

/// Counts the results in a row that were ready.
#[derive(Clone, Copy, Default)]
pub(crate) struct Budget(u8);

impl Budget {
    /// The bits that a budget needs.
    pub(crate) const MASK: u8 = (1 << 6) - 1;

    /// Returns the budget that is in these bits.
    #[inline]
    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits & Self::MASK)
    }

    #[inline]
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// Returns ready if one more result may be ready. Otherwise wakes the task, so that it is
    /// polled again, and returns pending, so that other tasks run first.
    #[inline]
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_left() {
            self.spend();
            return Poll::Ready(());
        }
        self.renew();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Tells whether one more result may be ready.
    #[inline]
    pub(crate) fn is_left(&self) -> bool {
        self.0 < READY_IN_A_ROW
    }

    /// Counts a result that is ready. Precondition: one may be.
    #[inline]
    pub(crate) fn spend(&mut self) {
        self.0 += 1;
    }

    /// Resets the count: the result was pending, so other tasks run.
    #[inline]
    pub(crate) fn renew(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests;
