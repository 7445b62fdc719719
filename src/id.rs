//! Socket ids: each names one registration.

mod text;

use crate::error::ParseIdError;
use crate::storage::slot::{Generation, SlotAddr};
use std::fmt;
use std::str::FromStr;

/// The bits of a `SocketId` that locate its slot: the shard, and the slot's address in the shard.
pub(crate) const PLACE_BITS: u32 = 37;
const _: () = assert!(PLACE_BITS + Generation::BITS < u64::BITS, "an id is positive as an `i64`, too");

/// Names one socket by its slot in the registry and the slot's generation.
///
/// A registry never issues an id twice, so a stale id matches nothing: an operation by id reaches
/// the socket that it was meant for, or none. An id of one registry means nothing in another. The
/// order of ids is arbitrary but fixed.
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

    /// Returns the address of the socket's slot in the shard, if the bits can be an address.
    #[inline]
    pub(crate) fn addr(self, shard_bits: u32) -> Option<SlotAddr> {
        let place = self.0 & ((1 << PLACE_BITS) - 1);
        u32::try_from(place >> shard_bits).ok().map(SlotAddr::from_raw)
    }

    #[inline]
    pub(crate) fn generation(self) -> Generation {
        Generation::new((self.0 >> PLACE_BITS) as u32)
    }

    /// Returns the id as a number, to store or send where all 64 bits survive. An `i64` suffices,
    /// since the highest bit is 0.
    ///
    /// Do not send it to JavaScript as a JSON number. After 65,536 uses of a slot, the slot's ids
    /// exceed 2<sup>53</sup>, and JavaScript silently rounds them to the ids of other sockets.
    /// Send the text that [`Display`](Self#impl-Display-for-SocketId) writes.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// Returns the id that [`to_u64`](Self::to_u64) converted. Any other number is an id as well,
    /// of a socket that may not exist.
    #[must_use]
    pub const fn from_u64(id: u64) -> Self {
        Self(id)
    }
}

/// Converts as [`SocketId::to_u64`] does. The same warning applies.
impl From<SocketId> for u64 {
    fn from(id: SocketId) -> Self {
        id.to_u64()
    }
}

/// Writes 14 characters: 13 digits of [Crockford's base
/// 32](https://www.crockford.com/base32.html) and its check symbol, which may also be one of
/// `*~$=U`. In a URL, percent-encode the text as any other.
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
        f.pad(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

/// Parses what [`Display`](Self#impl-Display-for-SocketId) wrote, in upper or lower case.
///
/// # Errors
/// Returns [`ParseIdError`]. The check always detects a single wrong character and two adjacent
/// characters that were swapped, and it detects 36 of 37 other errors. It is not a signature:
/// anyone can write the text of any number, just as [`from_u64`](Self::from_u64) accepts any.
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
