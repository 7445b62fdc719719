//! What happens to sessions, for whatever counts it.

use socket_registry::{Closed, RegisterError};

/// Is called whenever something happens to a session. Every method does nothing unless it is
/// implemented.
///
/// The calls come from the sessions' own tasks: they must not block.
pub trait Metrics<M>: Send + Sync {
    /// A socket was registered.
    fn registered(&self) {}
    /// A registration was refused.
    fn refused(&self, _error: RegisterError) {}
    /// A socket was removed.
    fn removed(&self) {}
    /// The topics of a socket were taken, and will be sent as soon as its pacing allows.
    fn due(&self, _metadata: &M) {}
    /// What was due has been handed to the connection.
    fn sent(&self, _metadata: &M) {}
    /// The connection did not take what was due.
    fn not_sent(&self) {}
    /// The registry told a socket to go.
    fn closed(&self, _reason: Closed) {}
    /// The proof of identity of a session has expired.
    fn expired(&self) {}
    /// A client was given up because it did not answer a ping.
    fn unanswered(&self) {}
}

/// Counts nothing.
impl<M> Metrics<M> for () {}
