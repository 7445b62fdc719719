//! What happens to sessions, as calls of a trait.

use socket_registry::{Closed, RegisterError};

/// Receives what happens to sessions, one method for each event. A method that you do not implement
/// does nothing.
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
    /// The registry has closed a socket.
    fn closed(&self, _reason: Closed) {}
    /// The proof of identity of a session has expired.
    fn expired(&self) {}
    /// A session ends because its client did not answer a ping.
    fn unanswered(&self) {}
}

/// Counts nothing.
impl<M> Metrics<M> for () {}
