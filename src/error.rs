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
    /// It was disconnected: [`Registry::disconnect`](crate::Registry::disconnect),
    /// [`disconnect_others`](crate::Registry::disconnect_others) or
    /// [`disconnect_socket`](crate::Registry::disconnect_socket), for the reason that the caller gave.
    Disconnected(CloseReason),
}

impl Closed {
    /// The close code to end the WebSocket with: 1001, "going away", when the registry was closed,
    /// that of [`CloseReason::SUPERSEDED`] when another socket has taken over, otherwise that of the reason.
    ///
    /// After 1001 a client should come back. After a code of ours it should not do so by itself.
    ///
    /// ```
    /// use socket_registry::{CloseReason, Closed};
    ///
    /// assert_eq!(Closed::Shutdown.code(), 1001);
    /// assert_eq!(Closed::Superseded.code(), 4002);
    /// assert_eq!(Closed::Disconnected(CloseReason::LOGGED_OUT).code(), 4001);
    /// ```
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Shutdown => 1001,
            Self::Superseded => CloseReason::SUPERSEDED.code(),
            Self::Disconnected(reason) => reason.code(),
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shutdown => f.write_str("the registry was closed"),
            Self::Superseded => CloseReason::SUPERSEDED.fmt(f),
            Self::Disconnected(reason) => reason.fmt(f),
        }
    }
}

impl Error for Closed {}

/// Why a socket is disconnected: a close code of WebSocket's private range, 4000 to 4999, which
/// RFC 6455 leaves to applications.
///
/// Three codes have names here. The others are yours to name:
///
/// ```
/// use socket_registry::CloseReason;
///
/// const BANNED: CloseReason = CloseReason::new(4100).unwrap();
///
/// assert_eq!((BANNED.code(), CloseReason::LOGGED_OUT.code()), (4100, 4001));
/// assert_eq!(CloseReason::new(1000), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseReason(u16);

impl CloseReason {
    /// The least code.
    pub(crate) const MIN: u16 = 4000;
    /// The greatest code.
    pub(crate) const MAX: u16 = 4999;

    /// 4001: the key's user has logged out, here or everywhere.
    pub const LOGGED_OUT: Self = Self(4001);
    /// 4002: another socket of the key has taken over. [`Closed::Superseded`] has the same code;
    /// disconnect for this reason when the other socket is in another process.
    pub const SUPERSEDED: Self = Self(4002);
    /// 4003: the session, or the token that the connection was opened with, has expired.
    pub const EXPIRED: Self = Self(4003);

    /// The reason of that close code; `None` if it is not from 4000 to 4999.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        if Self::MIN <= code && code <= Self::MAX { Some(Self(code)) } else { None }
    }

    /// The close code, from 4000 to 4999.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }
}

/// As [`CloseReason::code`].
impl From<CloseReason> for u16 {
    fn from(reason: CloseReason) -> Self {
        reason.code()
    }
}

/// In words, at most 30 bytes: short enough for a close frame, which has room for 123.
impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LOGGED_OUT => f.write_str("logged out"),
            Self::SUPERSEDED => f.write_str("another socket has taken over"),
            Self::EXPIRED => f.write_str("the session has expired"),
            Self(code) => write!(f, "disconnected with code {code}"),
        }
    }
}
