//! The deadline for the header of a request, apart from the one for an idle connection.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Where a connection stands. A clone is the same one.
#[derive(Clone)]
pub(super) struct Header(Arc<Mutex<State>>);

#[derive(Clone, Copy)]
enum State {
    /// Between two requests, or in the body of an answer.
    Idle,
    /// A header has begun to arrive.
    Arriving(Instant),
    /// The header is complete, and its answer is being made.
    Complete,
}

/// As long as it exists, the header is complete.
pub(super) struct Complete(Header);

impl Drop for Complete {
    fn drop(&mut self) {
        self.0.set(State::Idle);
    }
}

impl Header {
    /// Begins to wait for the first header.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State::Arriving(Instant::now()))))
    }

    /// Notes that bytes have arrived.
    pub(super) fn read(&self) {
        if let State::Idle = self.state() {
            self.set(State::Arriving(Instant::now()));
        }
    }

    pub(super) fn complete(&self) -> Complete {
        self.set(State::Complete);
        Complete(self.clone())
    }

    /// Waits until a header takes longer than `within`. Poll it whenever the connection was polled,
    /// in the same task: nothing else wakes it when the state changes.
    pub(super) async fn too_slow(&self, within: Duration) {
        let mut deadline = pin!(sleep_until(Instant::now() + within));
        poll_fn(|cx| {
            let State::Arriving(since) = self.state() else { return std::task::Poll::Pending };
            if deadline.deadline() != since + within {
                deadline.as_mut().reset(since + within);
            }
            deadline.as_mut().poll(cx)
        })
        .await;
    }

    fn state(&self) -> State {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}
