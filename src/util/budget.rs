//! A bound on results that are ready one after another, for futures and streams that have no
//! runtime to do it.

use std::task::{Context, Poll};

/// How many results in a row may be ready.
const READY_IN_A_ROW: u8 = 64;

/// Counts the results in a row that were ready.
#[derive(Default)]
pub(crate) struct Budget(u8);

impl Budget {
    /// Ready if one more result may be. Pending if it is the turn of others: the task is woken, to
    /// come again.
    #[inline]
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 < READY_IN_A_ROW {
            self.0 += 1;
            return Poll::Ready(());
        }
        self.renew();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The result was pending, so others have their turn.
    #[inline]
    pub(crate) fn renew(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests;
