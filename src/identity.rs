//! What makes two keys the same, as far as a lookup can see: 128 bits and a kind, and where in the registry they belong.
//!
//! A `Hasher` sees what a key's `Hash` writes. Up to 16 bytes are kept as they are, which covers integers, `Uuid` and newtypes of them: two
//! such keys are the same exactly if they write the same bytes. More is hashed twice under independent random seeds: a
//! lookup of an absent long key takes a present one for it with probability 2^-128.

use crate::presence::Kind;
use crate::sync::{AtomicU64, Ordering, Zeroable};
use ahash::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};

/// Up to 15 bytes, with their number in the last one.
const SHORT: Kind = Kind(0);
/// 16 bytes.
const FULL: Kind = Kind(1);
/// Two hashes of more than that.
const HASHED: Kind = Kind(2);

/// A key as lookups see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    words: [u64; 2],
    pub(crate) kind: Kind,
}

/// The identity of a key and the hash that says where it belongs.
#[derive(Clone, Copy)]
pub(crate) struct Fingerprint {
    pub(crate) identity: Identity,
    pub(crate) hash: u64,
}

/// The random seeds of one registry: nobody outside can choose keys that collide.
pub(crate) struct Seeds {
    place: RandomState,
    low: RandomState,
    high: RandomState,
}

impl Seeds {
    pub(crate) fn random() -> Self {
        if crate::sync::MODELLED {
            // The model checker replays executions: the same seeds each time.
            return Self::fixed();
        }
        Self { place: RandomState::new(), low: RandomState::new(), high: RandomState::new() }
    }

    pub(crate) fn fixed() -> Self {
        let seeds = |n| RandomState::with_seeds(n, n + 1, n + 2, n + 3);
        Self { place: seeds(1), low: seeds(5), high: seeds(9) }
    }

    #[inline]
    pub(crate) fn fingerprint<Q: Hash + ?Sized>(&self, key: &Q) -> Fingerprint {
        let mut capture = Capture { seeds: self, kept: Kept { bytes: [0; 16], len: 0 }, long: None };
        key.hash(&mut capture);
        let identity = capture.identity();
        Fingerprint { identity, hash: self.place.hash_one(identity.words) }
    }
}

/// A `Hasher` that keeps what is written to it.
struct Capture<'a> {
    seeds: &'a Seeds,
    kept: Kept,
    long: Option<[ahash::AHasher; 2]>,
}

struct Kept {
    bytes: [u8; 16],
    len: usize,
}

impl Capture<'_> {
    fn identity(self) -> Identity {
        if let Some([low, high]) = self.long {
            return Identity { words: [low.finish(), high.finish()], kind: HASHED };
        }
        let Kept { mut bytes, len } = self.kept;
        let kind = if len == bytes.len() {
            FULL
        } else {
            bytes[15] = len as u8;
            SHORT
        };
        let all = u128::from_le_bytes(bytes);
        Identity { words: [all as u64, (all >> 64) as u64], kind }
    }

    #[inline]
    fn keep<const N: usize>(&mut self, written: [u8; N]) {
        match self.kept.bytes.get_mut(self.kept.len..self.kept.len + N) {
            Some(free) if self.long.is_none() => {
                free.copy_from_slice(&written);
                self.kept.len += N;
            }
            _ => self.hash_on(&written),
        }
    }

    /// Too long to keep: from here on, everything goes through the two hashers.
    #[cold]
    fn hash_on(&mut self, written: &[u8]) {
        let Self { seeds, kept, long } = self;
        let hashers = long.get_or_insert_with(|| {
            let mut hashers = [seeds.low.build_hasher(), seeds.high.build_hasher()];
            hashers.iter_mut().for_each(|hasher| hasher.write(&kept.bytes[..kept.len]));
            hashers
        });
        hashers.iter_mut().for_each(|hasher| hasher.write(written));
    }
}

impl Hasher for Capture<'_> {
    #[inline]
    fn write(&mut self, written: &[u8]) {
        match self.kept.bytes.get_mut(self.kept.len..self.kept.len + written.len()) {
            Some(free) if self.long.is_none() => {
                free.copy_from_slice(written);
                self.kept.len += written.len();
            }
            _ => self.hash_on(written),
        }
    }

    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.keep(n.to_ne_bytes());
    }

    #[inline]
    fn write_u16(&mut self, n: u16) {
        self.keep(n.to_ne_bytes());
    }

    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.keep(n.to_ne_bytes());
    }

    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.keep(n.to_ne_bytes());
    }

    #[inline]
    fn write_u128(&mut self, n: u128) {
        self.keep(n.to_ne_bytes());
    }

    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.keep(n.to_ne_bytes());
    }

    /// Not used: the identity says more.
    fn finish(&self) -> u64 {
        0
    }
}

/// The identity of the key in a bucket.
#[derive(Default)]
pub(crate) struct IdentityCell([AtomicU64; 2]);

// SAFETY: two atomics.
#[allow(unsafe_code)]
unsafe impl Zeroable for IdentityCell {}

impl IdentityCell {
    /// By the inserter that claimed the bucket.
    pub(crate) fn store(&self, identity: Identity) {
        for (cell, word) in self.0.iter().zip(identity.words) {
            // Ordering: Release, so that who reads this sees the claim that came before it, and finds that the occupancy changed.
            cell.store(word, Ordering::Release);
        }
    }

    /// Whether the bucket's key has this identity, if its presence is the same after this as before.
    #[inline]
    pub(crate) fn holds(&self, identity: Identity) -> bool {
        // Ordering: Acquire, pairs with `store`: the presence that the caller loads next is not older than the identity.
        self.0.iter().zip(identity.words).all(|(cell, word)| cell.load(Ordering::Acquire) == word)
    }
}

#[cfg(all(test, not(any(socket_registry_loom, socket_registry_shuttle))))]
#[path = "identity_tests.rs"]
mod tests;
