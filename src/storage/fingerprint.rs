//! Turns a key into its fingerprint: the identity that lookups compare (128 bits and a kind), and
//! the hash that says where in the registry the key belongs.
//!
//! A `Hasher` receives what a key's `Hash` writes. Only the bytes count, not the pieces in which
//! they come. Up to 16 bytes are kept unchanged, which covers integers, `Uuid` and newtypes of
//! them: two such keys are the same exactly if they write the same bytes. A longer key is hashed to
//! 128 bits, with a proven bound on collisions: see `polynomial`.
//!
//! The hash that says where a key belongs is ahash's, of the identity's bits. No bound is known for
//! it, and none is needed: keys that collide in it only share lines of a table.

mod polynomial;

use crate::sync::{AtomicU64, Ordering, Zeroable};
use ahash::RandomState;
use polynomial::{CHUNK, Point};
use std::collections::hash_map;
use std::hash::{BuildHasher, Hash, Hasher};

/// Says how to read an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyKind(pub(crate) u8);

/// Up to 15 bytes, with their count in the last byte.
const SHORT: KeyKind = KeyKind(0);
/// 16 bytes.
const FULL: KeyKind = KeyKind(1);
/// The hash of a longer key.
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

    #[inline]
    pub(crate) fn digest(self) -> Digest {
        Digest(self.words[0])
    }
}

/// One word of an identity, in which all bytes of the key have a part.
#[derive(Clone, Copy)]
pub(crate) struct Digest(u64);

impl Digest {
    /// Returns a number below `count`: Fibonacci hashing.
    #[inline]
    pub(crate) fn scaled_to(self, count: u32) -> u32 {
        let spread = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> u32::BITS;
        ((spread * u64::from(count)) >> u32::BITS) as u32
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
    point: Point,
}

impl Seeds {
    pub(crate) fn random() -> Self {
        if crate::sync::MODELLED {
            // The model checker replays executions, so the seeds must be the same each time.
            return Self::fixed();
        }
        // SipHash under a key that the system has drawn at random.
        let random = hash_map::RandomState::new();
        let [low, high] = [0, 1].map(|n| u128::from(random.hash_one(n)));
        Self { place: RandomState::new(), point: Point::new(high << u64::BITS | low) }
    }

    pub(crate) fn fixed() -> Self {
        Self {
            place: RandomState::with_seeds(1, 2, 3, 4),
            point: Point::new(0x0f1e_2d3c_4b5a_6978_8796_a5b4_c3d2_e1f0),
        }
    }

    /// Computes the fingerprint of `key`. Inlined at every call, so that what the key writes stays
    /// in registers.
    #[inline(always)]
    pub(crate) fn fingerprint<Q: Hash + ?Sized>(&self, key: &Q) -> Fingerprint {
        let mut capture = CaptureHasher { point: &self.point, kept: 0, len: 0, value: None };
        key.hash(&mut capture);
        if capture.value.is_some() && capture.len >= CHUNK {
            // Whether a full chunk was kept depends on the pieces.
            capture.hash_kept();
        }
        let CaptureHasher { kept, len, value, .. } = capture;
        let counted = kept | (len as u128) << LEN_SHIFT;
        let (all, kind, hash) = if let Some(value) = value {
            let all = self.point.step(value, counted);
            (all, HASHED, self.place.hash_one(all))
        } else if len == KEPT {
            (kept, FULL, self.place.hash_one(kept))
        } else if len > size_of::<u64>() {
            (counted, SHORT, self.place.hash_one(kept))
        } else {
            (counted, SHORT, self.place.hash_one(kept as u64))
        };
        let high = (all >> u64::BITS) as u64;
        // The first word alone decides which bucket is looked at, so it must differ also between
        // keys that begin alike.
        Fingerprint { identity: Identity { words: [all as u64 ^ high, high], kind }, hash }
    }
}

/// The number of bytes that are kept unchanged.
const KEPT: usize = size_of::<u128>();
/// The position of the last byte, which holds the count if there are fewer bytes.
const LEN_SHIFT: u32 = u128::BITS - u8::BITS;

/// A `Hasher` that keeps what is written to it, with the first byte lowest. Of a key that is too
/// long it keeps the last bytes, and the polynomial's value for those before.
struct CaptureHasher<'a> {
    point: &'a Point,
    kept: u128,
    len: usize,
    value: Option<u128>,
}

impl CaptureHasher<'_> {
    /// Keeps bytes for which there is room.
    #[inline]
    fn keep(&mut self, written: &[u8]) {
        // If there is no room, nothing was written, and the shift does not matter.
        self.kept |= load(written).wrapping_shl(u8::BITS * self.len as u32);
        self.len += written.len();
    }

    /// Takes bytes for which there is no room: hashes all full chunks, and keeps the rest.
    #[inline(never)]
    fn absorb(&mut self, mut written: &[u8]) {
        if self.len > 0 {
            return self.fill_chunk(written);
        }
        let mut value = self.value;
        while let Some(bytes) = written.first_chunk() {
            value = Some(self.point.next(value, u128::from_le_bytes(*bytes)));
            written = &written[CHUNK..];
        }
        self.value = value;
        self.keep(written);
    }

    /// Completes the chunk that is begun, and hashes it. Then takes the rest of the bytes.
    #[cold]
    fn fill_chunk(&mut self, written: &[u8]) {
        let (head, rest) = written.split_at(CHUNK.saturating_sub(self.len));
        self.keep(head);
        self.hash_kept();
        self.write(rest);
    }

    /// Hashes the first chunk of the bytes kept.
    #[cold]
    fn hash_kept(&mut self) {
        self.value = Some(self.point.next(self.value, self.kept));
        self.kept >>= u8::BITS * CHUNK as u32;
        self.len -= CHUNK;
    }
}

/// Returns up to 16 bytes as a number, with the first byte lowest.
#[inline]
fn load(bytes: &[u8]) -> u128 {
    let (len, at) = (bytes.len(), |index: usize| u8::BITS * index as u32);
    // Two loads that may overlap: a byte that both have comes to the same position.
    if let (true, Some(first), Some(last)) = (len > size_of::<u64>(), bytes.first_chunk(), bytes.last_chunk()) {
        let [first, last] = [first, last].map(|word| u64::from_le_bytes(*word));
        u128::from(last >> at(KEPT - len)) << u64::BITS | u128::from(first)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [first, last] = [first, last].map(|word| u64::from(u32::from_le_bytes(*word)));
        (last << at(len - size_of::<u32>()) | first).into()
    } else {
        let byte = |index: usize| bytes.get(index).map_or(0, |&byte| u32::from(byte) << at(index));
        (byte(0) | byte(1) | byte(2)).into()
    }
}

impl Hasher for CaptureHasher<'_> {
    #[inline]
    fn write(&mut self, written: &[u8]) {
        if written.len() <= KEPT - self.len { self.keep(written) } else { self.absorb(written) }
    }

    /// Receives mainly the byte that ends a string.
    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.write(&n.to_ne_bytes());
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
    #[inline]
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

    /// Returns the digest of the identity that the bucket has, or had last.
    pub(crate) fn digest(&self) -> Digest {
        // Ordering: Relaxed. The caller has loaded the key's state, with Acquire, and so sees the
        // identity of the key that was active then, or of a later one.
        Digest(self.0[0].load(Ordering::Relaxed))
    }

    /// Tells whether the bucket may have the key. A yes proves nothing. A no proves that the key
    /// was not there throughout the call.
    #[inline]
    pub(crate) fn may_match(&self, identity: Identity) -> bool {
        // Ordering: Relaxed. A thread that knows of the key sees its identity, by the commit of the
        // insertion. The cell keeps it as long as the key is active.
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
