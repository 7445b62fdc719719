//! A set of keys, as bytes. A key of up to 14 bytes costs 17 bytes and the table's empty places.

use crate::key::hash_of;
use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};

/// A key without an allocation, if it is short.
#[derive(Debug)]
enum Key {
    Short(u8, [u8; 14]),
    /// Boxed twice: a box of a slice is two words, and this would be three then.
    Long(Box<Box<[u8]>>),
}

const _: () = assert!(size_of::<Key>() == 16);

impl Key {
    fn new(bytes: &[u8]) -> Self {
        match u8::try_from(bytes.len()) {
            Ok(length) if length <= 14 => {
                let mut short = [0; 14];
                short[..bytes.len()].copy_from_slice(bytes);
                Self::Short(length, short)
            }
            _ => Self::Long(Box::new(bytes.into())),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(length, bytes) => &bytes[..usize::from(*length)],
            Self::Long(bytes) => bytes,
        }
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self.bytes()
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Key {}

/// A set of keys, and a digest that does not depend on their order.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: HashSet<Key>,
    digest: u64,
}

impl KeySet {
    /// Returns whether the key is new.
    pub(super) fn insert(&mut self, key: &[u8]) -> bool {
        let is_new = self.keys.insert(Key::new(key));
        if is_new {
            self.digest = self.digest.wrapping_add(hash_of(key));
        }
        is_new
    }

    /// Returns whether the key was there.
    pub(super) fn remove(&mut self, key: &[u8]) -> bool {
        let was_there = self.keys.remove(key);
        if was_there {
            self.digest = self.digest.wrapping_sub(hash_of(key));
        }
        was_there
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.keys.contains(key)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(Key::bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::KeySet;

    #[test]
    fn keys_of_all_lengths_are_kept_apart() {
        let mut set = KeySet::default();
        let keys: Vec<_> = (0..=255).map(|length| vec![0; length]).collect();
        assert!(keys.iter().all(|key| set.insert(key)));
        assert!(!keys.iter().any(|key| set.insert(key)));
        assert_eq!(set.iter().count(), 256);
        assert!(keys.iter().all(|key| set.contains(key) && set.remove(key) && !set.contains(key)));
        assert_eq!((set.len(), set.digest()), (0, 0));
    }

    #[test]
    fn the_digest_tells_sets_apart_but_not_orders() {
        let set = |keys: &[&[u8]]| {
            keys.iter().fold(KeySet::default(), |mut set, key| {
                set.insert(key);
                set
            })
        };
        assert_eq!(set(&[b"a", b"b"]).digest(), set(&[b"b", b"a", b"a"]).digest());
        assert_ne!(set(&[b"a", b"b"]).digest(), set(&[b"a", b"c"]).digest());
    }
}
