//! Keys as bytes, which is how they travel.

use siphasher::sip::SipHasher13;
use std::hash::Hash;

/// The most bytes a key may have on the wire. A longer one is not sent.
pub(crate) const MAX_KEY: usize = 255;

/// A key that can travel between processes.
///
/// Two keys are the same for the cluster if they write the same bytes, so all programs of one
/// cluster must write them alike. A key has at most 255 bytes.
///
/// ```
/// use socket_registry_cluster::ClusterKey;
///
/// #[derive(Clone, PartialEq, Eq, Hash)]
/// struct Room(u32);
///
/// impl ClusterKey for Room {
///     fn write(&self, out: &mut Vec<u8>) {
///         self.0.write(out);
///     }
///     fn read(bytes: &[u8]) -> Option<Self> {
///         u32::read(bytes).map(Self)
///     }
/// }
///
/// let mut bytes = Vec::new();
/// Room(7).write(&mut bytes);
/// assert!(Room::read(&bytes) == Some(Room(7)));
/// assert!(Room::read(b"seven").is_none());
/// ```
pub trait ClusterKey: Eq + Hash + Clone + Send + Sync + 'static {
    /// Appends the key's bytes: at most 255, and none of what was in `out` before is changed.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads what `write` wrote. Returns `None` if no key writes these bytes: they come from
    /// another process and may be anything.
    fn read(bytes: &[u8]) -> Option<Self>;
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        /// Little endian, in the type's full width.
        impl ClusterKey for $integer {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn read(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self::from_le_bytes)
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);

/// UTF-8. A string of more than 255 bytes cannot travel.
impl ClusterKey for String {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        str::from_utf8(bytes).ok().map(Self::from)
    }
}

/// The 16 bytes, as in its text form from left to right.
#[cfg(feature = "uuid")]
#[cfg_attr(docsrs, doc(cfg(feature = "uuid")))]
impl ClusterKey for uuid::Uuid {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(bytes).ok()
    }
}

/// SipHash-1-3 of the bytes, with key 0. Fixed: programs in other languages compute it too.
pub(crate) fn hash_of(key: &[u8]) -> u64 {
    SipHasher13::new().hash(key)
}

/// The lane of a key, one of `lanes`, which is a power of two: the hash's topmost bits.
pub(crate) fn lane_of(key: &[u8], lanes: u16) -> u16 {
    let lane = (u128::from(hash_of(key)) * u128::from(lanes)) >> 64;
    u16::try_from(lane).expect("a product with 16 bits, without its lower 64, has 16")
}

#[cfg(test)]
mod tests {
    use super::{ClusterKey, hash_of, lane_of};
    use std::fmt::Debug;

    fn written<K: ClusterKey>(key: &K) -> Vec<u8> {
        let mut out = b"before".to_vec();
        key.write(&mut out);
        assert!(out.starts_with(b"before"));
        out.split_off(6)
    }

    fn comes_back<K: ClusterKey + Debug>(key: K, bytes: &[u8]) {
        assert_eq!(written(&key), bytes);
        assert_eq!(K::read(bytes), Some(key));
    }

    #[test]
    fn keys_come_back_as_they_were_written() {
        comes_back(0x0102_u16, &[2, 1]);
        comes_back(-1_i64, &[255; 8]);
        comes_back(String::from("ünï"), "ünï".as_bytes());
        comes_back(String::new(), &[]);
        #[cfg(feature = "uuid")]
        comes_back(uuid::Uuid::from_u128(1), &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn bytes_that_no_key_writes_are_no_key() {
        assert_eq!(u32::read(&[1, 2, 3]), None);
        assert_eq!(u8::read(&[]), None);
        assert_eq!(String::read(&[0xff]), None);
        #[cfg(feature = "uuid")]
        assert_eq!(uuid::Uuid::read(&[0; 15]), None);
    }

    /// Programs in other languages have these numbers in their tests.
    #[test]
    fn lanes_never_change() {
        assert_eq!(hash_of(b""), 0xd1fb_a762_150c_532c);
        for (key, lanes) in [(&b""[..], [0, 13, 3359]), (b"42", [0, 11, 2839]), (&42_u64.to_le_bytes(), [0, 7, 1971])] {
            assert_eq!([1, 16, 4096].map(|count| lane_of(key, count)), lanes, "{key:?}");
        }
    }
}
