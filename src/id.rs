//! The name of one registration.

mod text;

use crate::error::ParseIdError;
use crate::storage::slot::{Generation, SlotAddr};
use std::fmt;
use std::str::FromStr;

/// How many bits of a `SocketId` name the place: the shard, and the address of the slot in it.
pub(crate) const PLACE_BITS: u32 = 37;
const _: () = assert!(PLACE_BITS + Generation::BITS < u64::BITS, "an id is positive as an `i64`, too");

/// Names one socket: a place in the registry and the generation of sockets in it.
///
/// A registry never issues an id twice, so a stale id matches nothing: an operation by id reaches the socket it
/// was meant for, or none. Ids of one registry mean nothing in another one. The order of ids is arbitrary but fixed.
///
/// ```
/// use socket_registry::{Registry, SocketId};
///
/// let registry: Registry<u64> = Registry::new();
/// let socket = registry.register(42)?;
/// let id = SocketId::from_u64(socket.id().to_u64());
/// assert_eq!(id, socket.id());
/// assert!(registry.mark_socket(id));
///
/// drop(socket);
/// let _next = registry.register(42)?;
/// assert!(!registry.contains(id));
/// # Ok::<(), socket_registry::RegisterError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(u64);

impl SocketId {
    /// `| 0 | generation: 26 | addr, shard: 37 |`
    pub(crate) fn new(shard: usize, shard_bits: u32, addr: SlotAddr, generation: Generation) -> Self {
        let place = u64::from(addr.raw()) << shard_bits | shard as u64;
        debug_assert!(place >> PLACE_BITS == 0);
        Self(u64::from(generation.raw()) << PLACE_BITS | place)
    }

    #[inline]
    pub(crate) fn shard(self, shard_bits: u32) -> usize {
        (self.0 & ((1 << shard_bits) - 1)) as usize
    }

    /// The address of its slot in the shard, if there can be such a one.
    #[inline]
    pub(crate) fn addr(self, shard_bits: u32) -> Option<SlotAddr> {
        let place = self.0 & ((1 << PLACE_BITS) - 1);
        u32::try_from(place >> shard_bits).ok().map(SlotAddr::from_raw)
    }

    #[inline]
    pub(crate) fn generation(self) -> Generation {
        Generation::new((self.0 >> PLACE_BITS) as u32)
    }

    /// The id as a number, to be kept or sent where all 64 bits are kept: an `i64` will do, since
    /// the highest bit is 0.
    ///
    /// Do not send it to JavaScript as a JSON number. When a place has been used 65,536 times, its
    /// ids exceed 2<sup>53</sup>, and JavaScript rounds them, without an error, to the ids of other
    /// sockets. Send the text that [`Display`](Self#impl-Display-for-SocketId) gives.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The id that [`to_u64`](Self::to_u64) gave. Any other number is an id too, of a socket that may not exist.
    #[must_use]
    pub const fn from_u64(id: u64) -> Self {
        Self(id)
    }
}

/// As [`SocketId::to_u64`], with the same warning.
impl From<SocketId> for u64 {
    fn from(id: SocketId) -> Self {
        id.to_u64()
    }
}

/// 14 characters: 13 digits of [Crockford's base 32](https://www.crockford.com/base32.html) and its
/// check symbol, which may be one of `*~$=U` as well. In a URL percent-encode it as any other text.
///
/// ```
/// use socket_registry::SocketId;
///
/// let id = SocketId::from_u64(9_007_199_254_753_337);
/// assert_eq!(id.to_string(), "0080000000C1S5");
/// assert_eq!("0080000000c1s5".parse(), Ok(id));
/// ```
impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = text::encode(self.0);
        f.pad(str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

/// Reads what [`Display`](Self#impl-Display-for-SocketId) wrote, in upper or lower case.
///
/// # Errors
/// [`ParseIdError`]. A single wrong character and two neighbours that changed places are always
/// refused, and 36 of 37 other errors. It is no signature: anybody can write the text of any
/// number, as [`from_u64`](Self::from_u64) takes any.
impl FromStr for SocketId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        text::decode(text).map(Self)
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketId")
            .field("place", &(self.0 & ((1 << PLACE_BITS) - 1)))
            .field("generation", &self.generation().raw())
            .finish()
    }
}

#[cfg(test)]
mod tests;
