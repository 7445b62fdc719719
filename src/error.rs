//! What can go wrong, and what to do about it.

use std::error::Error;
use std::fmt;

/// Why a registration was refused. Nothing was changed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegisterError {
    /// The registry holds as many sockets as [`Builder::max_sockets`](crate::Builder::max_sockets) allows. (Also if a shard has no id left for a new
    /// place, which takes millions of sockets under a handful of keys, with many shards.)
    Full,
    /// The key has as many sockets as [`Builder::max_sockets_per_key`](crate::Builder::max_sockets_per_key) allows.
    KeyFull,
    /// A key that is not equal to this one, yet writes the same bytes in its `Hash`, is registered.
    IndistinctHash,
    /// The registry was closed with [`Registry::close`](crate::Registry::close).
    Closed,
    /// The system gave no memory for a further table.
    OutOfMemory,
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the registry is full: drop sockets, or build it with a larger max_sockets",
            Self::KeyFull => "the key is full: drop one of its sockets, or build the registry with a larger max_sockets_per_key",
            Self::IndistinctHash => "a different key with the same hash input is registered: make the key's Hash write all that its Eq compares",
            Self::Closed => "the registry is closed: it takes no more sockets, send the client elsewhere",
            Self::OutOfMemory => "the system gave no memory for more sockets: drop sockets, give the process more memory, or build the registry with a smaller max_sockets",
        })
    }
}

impl Error for RegisterError {}

/// Why a text is not the id of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseIdError {
    /// It does not have 14 characters.
    Length,
    /// The character of this index, counted from 0, cannot be there: it is not in the alphabet, or
    /// not a digit, or the number would exceed 64 bits.
    Character {
        /// Which one, counted in characters.
        index: usize,
    },
    /// The last character, which is a check symbol, does not belong to the others: there is a
    /// typing error.
    Check,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("a socket's id has 14 characters"),
            Self::Character { index } => write!(f, "a socket's id cannot have that character at index {index}"),
            Self::Check => f.write_str("the check symbol of the socket's id does not match: there is a typing error"),
        }
    }
}

impl Error for ParseIdError {}

/// Why a socket was told to go. Its owner should end the connection and drop the [`Socket`](crate::Socket).
///
/// A socket that is told several times keeps the first reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Closed {
    /// The registry was closed: [`Registry::close`](crate::Registry::close), [`Registry::close_gradually`](crate::Registry::close_gradually).
    Shutdown,
    /// Another socket has taken its key over: [`Registry::register_taking_over`](crate::Registry::register_taking_over).
    Superseded,
    /// It was disconnected, for a reason that the caller numbers: [`Registry::disconnect`](crate::Registry::disconnect) and its kin.
    Disconnected(u8),
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shutdown => f.write_str("the registry was closed"),
            Self::Superseded => f.write_str("another socket has taken over"),
            Self::Disconnected(reason) => write!(f, "disconnected, for reason {reason}"),
        }
    }
}

impl Error for Closed {}
