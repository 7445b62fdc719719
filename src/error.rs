//! Errors and close reasons, each with what to do about it.

use std::error::Error;
use std::fmt;

/// Says why a registration was refused. A refused registration changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegisterError {
    /// The registry holds as many sockets as
    /// [`Builder::max_sockets`](crate::Builder::max_sockets) allows.
    ///
    /// Also returned if a shard has no address left for a new slot. That takes tens of millions of
    /// sockets in one shard, or decades of use: `Stats::addresses` (feature `stats`) shows it.
    Full,
    /// The key has as many sockets as
    /// [`Builder::max_sockets_per_key`](crate::Builder::max_sockets_per_key) allows, or thousands
    /// of threads are registering sockets of the key at this moment.
    KeyFull,
    /// Another key is registered that is not equal to this one, yet writes the same bytes in its
    /// `Hash`.
    IndistinctHash,
    /// [`Registry::close`](crate::Registry::close) has closed the registry.
    Closed,
    /// The key is revoked, by [`Registry::revoke`](crate::Registry::revoke).
    Revoked,
    /// The system gave no memory for another table.
    OutOfMemory,
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the registry is full: drop sockets, or build it with a larger max_sockets",
            Self::KeyFull => "the key is full: drop one of its sockets, or build the registry with a larger max_sockets_per_key",
            Self::IndistinctHash => "a different key with the same hash input is registered: make the key's Hash write all that its Eq compares",
            Self::Closed => "the registry is closed: it takes no more sockets, send the client elsewhere",
            Self::Revoked => "the key is revoked: it takes no sockets until its revocation is lifted",
            Self::OutOfMemory => "the system gave no memory for more sockets: drop sockets, give the process more memory, or build the registry with a smaller max_sockets",
        })
    }
}

impl Error for RegisterError {}

/// A registration that was refused, with the key and the metadata that it was to have. From
/// [`Registration::try_register`](crate::Registration::try_register).
///
/// It is an [`Error`] whatever the key and the metadata are, and `?` makes a [`RegisterError`] of
/// it where that is wanted.
pub struct RejectedRegistration<K, M = ()> {
    pub(crate) error: RegisterError,
    pub(crate) key: K,
    pub(crate) metadata: M,
}

impl<K, M> RejectedRegistration<K, M> {
    /// Returns why the registration was refused.
    #[must_use]
    pub const fn error(&self) -> RegisterError {
        self.error
    }

    /// Returns why the registration was refused, the key, and the metadata.
    #[must_use]
    pub fn into_parts(self) -> (RegisterError, K, M) {
        (self.error, self.key, self.metadata)
    }
}

/// Drops the key and the metadata.
impl<K, M> From<RejectedRegistration<K, M>> for RegisterError {
    fn from(rejected: RejectedRegistration<K, M>) -> Self {
        rejected.error
    }
}

impl<K, M> fmt::Debug for RejectedRegistration<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RejectedRegistration").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<K, M> fmt::Display for RejectedRegistration<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<K, M> Error for RejectedRegistration<K, M> {}

/// Says why a text is not the id of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseIdError {
    /// The text does not have 14 characters.
    Length,
    /// The character at this index, counted from 0, is not allowed there: it is not in the
    /// alphabet, or it is not a digit, or the number would exceed 64 bits.
    Character {
        /// The index, counted in characters.
        index: usize,
    },
    /// The last character, a check symbol, does not match the others: the text has a typing
    /// error.
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

/// Says why a socket was closed. Its owner should end the connection and drop the
/// [`Socket`](crate::Socket).
///
/// A socket that is closed several times keeps the first reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Closed {
    /// The registry was closed, by [`Registry::close`](crate::Registry::close) or
    /// [`Registry::close_gradually`](crate::Registry::close_gradually).
    Shutdown,
    /// Another socket has taken over the key, with
    /// [`Registry::register_taking_over`](crate::Registry::register_taking_over), or in another
    /// process, as [`Registry::supersede`](crate::Registry::supersede) was told.
    Superseded,
    /// The socket was disconnected for this reason, by
    /// [`Registry::disconnect`](crate::Registry::disconnect),
    /// [`disconnect_others`](crate::Registry::disconnect_others),
    /// [`disconnect_socket`](crate::Registry::disconnect_socket) or
    /// [`revoke`](crate::Registry::revoke); or it was evicted, by
    /// [`evict_socket`](crate::Registry::evict_socket) or
    /// [`Builder::evict_oldest`](crate::Builder::evict_oldest).
    Disconnected(CloseReason),
}

impl Closed {
    /// Returns the close code to end the WebSocket with: 1001, "going away", after the registry
    /// was closed; the code of [`CloseReason::SUPERSEDED`] after a takeover; otherwise the code
    /// of the reason.
    ///
    /// After 1001 a client should reconnect. After a code of 4000 to 4999 it should not reconnect
    /// by itself.
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

/// The reason for disconnecting a socket: a close code of WebSocket's private range, 4000 to
/// 4999, which RFC 6455 leaves to applications.
///
/// Four codes have names here. The others are yours to name:
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
    /// The lowest code.
    pub(crate) const MIN: u16 = 4000;
    /// The highest code.
    pub(crate) const MAX: u16 = 4999;

    /// 4001: the user behind the key has logged out, on this device or everywhere.
    pub const LOGGED_OUT: Self = Self(4001);
    /// 4002: another socket has taken over the key. [`Closed::Superseded`] has the same code.
    /// Disconnect with this reason when the other socket is in another process.
    pub const SUPERSEDED: Self = Self(4002);
    /// 4003: the session has expired, or the token that opened the connection has.
    pub const EXPIRED: Self = Self(4003);
    /// 4004: the key has as many sockets as it may have, and this was the oldest. See
    /// [`Builder::evict_oldest`](crate::Builder::evict_oldest).
    pub const EVICTED: Self = Self(4004);

    /// Creates the reason with this close code. Returns `None` if the code is not from 4000 to
    /// 4999.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        if Self::MIN <= code && code <= Self::MAX { Some(Self(code)) } else { None }
    }

    /// Returns the close code, from 4000 to 4999.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }
}

/// Converts as [`CloseReason::code`] does.
impl From<CloseReason> for u16 {
    fn from(reason: CloseReason) -> Self {
        reason.code()
    }
}

/// Writes the reason in words, in at most 30 bytes. A close frame has room for 123.
impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LOGGED_OUT => f.write_str("logged out"),
            Self::SUPERSEDED => f.write_str("another socket has taken over"),
            Self::EXPIRED => f.write_str("the session has expired"),
            Self::EVICTED => f.write_str("evicted by a newer socket"),
            Self(code) => write!(f, "disconnected with code {code}"),
        }
    }
}
