//! What can go wrong, and what to do about it.

use crate::storage::slot::refs::CloseCode;
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
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the registry is full: drop sockets, or build it with a larger max_sockets",
            Self::KeyFull => "the key is full: drop one of its sockets, or build the registry with a larger max_sockets_per_key",
            Self::IndistinctHash => "a different key with the same hash input is registered: make the key's Hash write all that its Eq compares",
            Self::Closed => "the registry is closed: it takes no more sockets, send the client elsewhere",
        })
    }
}

impl Error for RegisterError {}

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

impl Closed {
    const SHUTDOWN: u16 = 1;
    const SUPERSEDED: u16 = 2;
    const DISCONNECTED: u16 = 3;

    /// The reason as it is kept in a place.
    pub(crate) fn verdict(self) -> CloseCode {
        CloseCode(match self {
            Self::Shutdown => Self::SHUTDOWN,
            Self::Superseded => Self::SUPERSEDED,
            Self::Disconnected(reason) => Self::DISCONNECTED + u16::from(reason),
        })
    }

    pub(crate) fn from_verdict(CloseCode(number): CloseCode) -> Self {
        match number.checked_sub(Self::DISCONNECTED) {
            Some(reason) => Self::Disconnected(reason as u8),
            None if number == Self::SUPERSEDED => Self::Superseded,
            None => Self::Shutdown,
        }
    }
}

const _: () = assert!(Closed::DISCONNECTED + u8::MAX as u16 <= CloseCode::MAX);

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

/// Why [`Builder::build`](crate::Builder::build) refused its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BuildError {
    /// The number of shards is not a power of two from 1 to [`MAX_SHARDS`](crate::Builder::MAX_SHARDS).
    Shards(usize),
    /// The number of sockets is not from 1 to [`MAX_SOCKETS`](crate::Builder::MAX_SOCKETS).
    Sockets(usize),
    /// The number of sockets per key is not from 1 to [`MAX_SOCKETS_PER_KEY`](crate::Builder::MAX_SOCKETS_PER_KEY).
    SocketsPerKey(usize),
    /// There are more shards than sockets.
    MoreShardsThanSockets {
        /// The number of shards that was asked for.
        shards: usize,
        /// The number of sockets that was asked for.
        max_sockets: usize,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::shard::geometry::{MAX_SHARDS, MAX_SOCKETS, MAX_SOCKETS_PER_KEY};
        match self {
            Self::Shards(n) => write!(f, "shards is {n}: choose a power of two from 1 to {MAX_SHARDS}"),
            Self::Sockets(n) => write!(f, "max_sockets is {n}: choose a number from 1 to {MAX_SOCKETS}"),
            Self::SocketsPerKey(n) => {
                write!(f, "max_sockets_per_key is {n}: choose a number from 1 to {MAX_SOCKETS_PER_KEY}")
            }
            Self::MoreShardsThanSockets { shards, max_sockets } => {
                write!(
                    f,
                    "shards is {shards} and max_sockets is {max_sockets}: choose at most as many shards as sockets"
                )
            }
        }
    }
}

impl Error for BuildError {}
