//! Turns a key into its fingerprint: the identity that lookups compare (128 bits and a kind), and
//! the hash that says where in the registry the key belongs.
//!
//! A `Hasher` receives what a key's `Hash` writes. Up to 16 bytes are kept unchanged, which covers
//! integers, `Uuid` and newtypes of them: two such keys are the same exactly if they write the same
//! bytes. A longer key is hashed twice under independent random seeds: a lookup of an absent long
//! key mistakes a present one for it with probability 2^-128.

use crate::sync::{AtomicU64, Ordering, Zeroable};
use ahash::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};

/// Says how to read an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyKind(pub(crate) u8);

/// Up to 15 bytes, with their count in the last byte.
const SHORT: KeyKind = KeyKind(0);
/// 16 bytes.
const FULL: KeyKind = KeyKind(1);
/// Two hashes of a longer key.
const HASHED: KeyKind = KeyKind(2);

/// A key as lookups see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    words: [u64; 2],
    pub(crate) kind: KeyKind,
}

impl Identity {
    /// Returns the identity without its kind, which is the same for equal keys.
    pub(crate) fn words(self) -> [u64; 2] {
        self.words
    }
}

/// The identity of a key and the hash that says where it belongs.
#[derive(Clone, Copy)]
pub(crate) struct Fingerprint {
    pub(crate) identity: Identity,
    pub(crate) hash: u64,
}

/// The random seeds of one registry. They are secret, so an attacker cannot choose keys that
/// collide.
pub(crate) struct Seeds {
    place: RandomState,
    low: RandomState,
    high: RandomState,
}

impl Seeds {
    pub(crate) fn random() -> Self {
        if crate::sync::MODELLED {
            // The model checker replays executions, so the seeds must be the same each time.
            return Self::fixed();
        }
        Self { place: RandomState::new(), low: RandomState::new(), high: RandomState::new() }
    }

    pub(crate) fn fixed() -> Self {
        let seeds = |n| RandomState::with_seeds(n, n + 1, n + 2, n + 3);
        Self { place: seeds(1), low: seeds(5), high: seeds(9) }
    }

    /// Computes the fingerprint of `key`. Inlined at every call, so that what the key writes stays
    /// in registers.
    #[inline(always)]
    pub(crate) fn fingerprint<Q: Hash + ?Sized>(&self, key: &Q) -> Fingerprint {
        let mut capture = CaptureHasher { seeds: self, kept: 0, len: 0, long: None };
        key.hash(&mut capture);
        let CaptureHasher { kept, len, long, .. } = capture;
        if let Some([low, high]) = long {
            let words = [low.finish(), high.finish()];
            return Fingerprint { identity: Identity { words, kind: HASHED }, hash: words[0] };
        }
        let (all, kind) = if len == KEPT { (kept, FULL) } else { (kept | (len as u128) << LEN_SHIFT, SHORT) };
        let high = (all >> u64::BITS) as u64;
        // The first word alone decides which bucket is looked at, so it must differ also between
        // keys that begin alike.
        let identity = Identity { words: [all as u64 ^ high, high], kind };
        let hash = if len <= size_of::<u64>() { self.place.hash_one(kept as u64) } else { self.place.hash_one(kept) };
        Fingerprint { identity, hash }
    }
}

/// The number of bytes that are kept unchanged.
const KEPT: usize = size_of::<u128>();
/// The position of the last byte, which holds the count if there are fewer bytes.
const LEN_SHIFT: u32 = u128::BITS - u8::BITS;

/// A `Hasher` that keeps what is written to it, with the first byte lowest.
struct CaptureHasher<'a> {
    seeds: &'a Seeds,
    kept: u128,
    len: usize,
    long: Option<[ahash::AHasher; 2]>,
}

impl CaptureHasher<'_> {
    #[inline]
    fn keep(&mut self, written: &[u8]) {
        let mut bytes = [0; KEPT];
        bytes[..written.len()].copy_from_slice(written);
        // A shift by all bits leaves nothing. It happens only if nothing was written.
        self.kept |= u128::from_le_bytes(bytes).checked_shl(u8::BITS * self.len as u32).unwrap_or(0);
        self.len += written.len();
    }

    /// Sends this and every later write through the two hashers: the key is too long to keep.
    fn hash_on(&mut self, written: &[u8]) {
        let Self { seeds, kept, len, long } = self;
        let hashers = long.get_or_insert_with(|| {
            let mut hashers = [seeds.low.build_hasher(), seeds.high.build_hasher()];
            if *len > 0 {
                hashers.iter_mut().for_each(|hasher| hasher.write(&kept.to_le_bytes()[..*len]));
            }
            hashers
        });
        hashers.iter_mut().for_each(|hasher| hasher.write(written));
    }
}

impl Hasher for CaptureHasher<'_> {
    #[inline]
    fn write(&mut self, written: &[u8]) {
        if self.long.is_none() && written.len() <= KEPT - self.len { self.keep(written) } else { self.hash_on(written) }
    }

    /// Receives mainly the byte that ends a string.
    #[inline]
    fn write_u8(&mut self, n: u8) {
        match &mut self.long {
            Some(hashers) => hashers.iter_mut().for_each(|hasher| hasher.write_u8(n)),
            None => self.write(&n.to_ne_bytes()),
        }
    }

    #[inline]
    fn write_u16(&mut self, n: u16) {
        self.write(&n.to_ne_bytes());
    }

    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.write(&n.to_ne_bytes());
    }

    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.write(&n.to_ne_bytes());
    }

    #[inline]
    fn write_u128(&mut self, n: u128) {
        self.write(&n.to_ne_bytes());
    }

    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.write(&n.to_ne_bytes());
    }

    /// Returns 0: the result is not used, because the identity holds more.
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
    /// Writes the identity. Called by the inserter that claimed the bucket.
    pub(crate) fn store(&self, identity: Identity) {
        for (cell, word) in self.0.iter().zip(identity.words) {
            // Ordering: Release, so that a reader of this value sees the claim that came before it,
            // and finds that the occupancy has changed.
            cell.store(word, Ordering::Release);
        }
    }

    /// Returns the words of the key's identity. Precondition: the caller keeps the key in place.
    pub(crate) fn words(&self) -> [u64; 2] {
        // Ordering: Relaxed: the caller keeps the key in place by a step that acquired its words.
        self.0.each_ref().map(|word| word.load(Ordering::Relaxed))
    }

    /// Tells whether the bucket may have the key: a quick check that proves nothing.
    #[inline]
    pub(crate) fn may_match(&self, identity: Identity) -> bool {
        // Ordering: Relaxed: the result is only a hint.
        self.0[0].load(Ordering::Relaxed) == identity.words[0]
    }

    /// Tells whether the bucket's key has this identity. The answer holds if the key state is the
    /// same before and after.
    #[inline]
    pub(crate) fn matches(&self, identity: Identity) -> bool {
        // Ordering: Acquire, pairs with `store`: the key state that the caller loads next is not
        // older than the identity.
        let [low, high] = [&self.0[0], &self.0[1]].map(|cell| cell.load(Ordering::Acquire));
        // One branch instead of two.
        (low ^ identity.words[0]) | (high ^ identity.words[1]) == 0
    }
}

#[cfg(test)]
mod tests;
