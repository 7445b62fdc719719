//! Hashes long keys with a proven bound on collisions, whatever the keys are.
//!
//! A key's bytes are read as the coefficients of a polynomial. Each full chunk of 15 bytes, with a
//! one bit above them, is a coefficient: c1 … ck. The 0 to 14 bytes that remain, with their count
//! above them, are the last one: l. The hash is, modulo the prime 2^127 - 1,
//!
//! ```text
//! (c1 r^(k-2) + … + c(k-1)) s + ck r + l
//! ```
//!
//! at two secret random points r and s. Horner's rule computes the sum in brackets. Poly1305 (RFC
//! 8439, section 2.5) hashes the same way, with the prime 2^130 - 5 and one point; this prime needs
//! fewer instructions on 64-bit words. With the second point the last two multiplications do not
//! wait for each other: those are all that a UUID as a `String` has.
//!
//! # The bound
//! Two different keys have different polynomials in r and s: the first coefficient is not zero, so
//! the highest term says how many full chunks there are, and each coefficient says which bytes it
//! has.
//! They have the same hash only if the points are a zero of the difference. Its degree is at most
//! k - 1, or 1 for a single chunk. By the lemma of DeMillo, Lipton, Schwartz and Zippel, a nonzero
//! polynomial of degree d is zero with probability at most d / 2^124 if each point is uniform among
//! 2^124 numbers below the prime. So keys of at most n bytes collide with probability at most
//! n / 15 / 2^124: less than 2^-117 for a thousand bytes. Keys of one or two chunks, such as a UUID
//! as a `String` (37 bytes), collide with probability at most 2^-124.
//!
//! The bound is for keys that are chosen without knowing the points. Of what is computed with them
//! only the place leaves the registry, in ids, and that went through ahash. The points are drawn by SipHash under a key from the system. So they are
//! uniform for all who cannot tell SipHash's results from random numbers.

/// The number of bytes in a coefficient.
pub(super) const CHUNK: usize = 15;
const CHUNK_BITS: u32 = CHUNK as u32 * u8::BITS;

const EXPONENT: u32 = 127;
const PRIME: u128 = (1 << EXPONENT) - 1;
/// A point has this many random bits. With more, `sum` would have to reduce more often.
const POINT_BITS: u32 = 124;

/// Where polynomials are evaluated.
pub(super) struct Points {
    r: Point,
    s: Point,
}

struct Point {
    low: u64,
    high: u64,
}

impl Points {
    pub(super) fn new(random: [u128; 2]) -> Self {
        let [r, s] = random.map(|random| {
            let point = random & ((1 << POINT_BITS) - 1);
            Point { low: point as u64, high: (point >> u64::BITS) as u64 }
        });
        Self { r, s }
    }
}

/// The full chunks of a key.
#[derive(Clone, Copy, Default)]
pub(super) struct Chunks {
    /// The value of all but the last, by Horner's rule: 0 if there are none.
    before: u128,
    /// The coefficient of the last: 0 if there is none.
    last: u128,
}

impl Chunks {
    #[inline]
    pub(super) fn are_none(self) -> bool {
        self.last == 0
    }

    /// Appends the first chunk of `bytes`.
    #[inline(always)]
    pub(super) fn push(&mut self, bytes: u128, points: &Points) {
        // The first coefficient needs no multiplication, and later values are never 0.
        self.before = if self.before == 0 { self.last } else { sum([(self.before, &points.r)], self.last) };
        self.last = bytes & ((1 << CHUNK_BITS) - 1) | 1 << CHUNK_BITS;
    }

    /// Returns the hash of a key with these chunks and this last coefficient.
    #[inline]
    pub(super) fn hash(self, coefficient: u128, points: &Points) -> u128 {
        sum([(self.before, &points.s), (self.last, &points.r)], coefficient)
    }
}

/// Returns the sum of the products and `coefficient` modulo the prime, not fully reduced.
///
/// Nothing overflows if the first value is below 2^127 + 2^125, as this returns it for one factor,
/// and a second one is a coefficient: below 2^124, like the points.
#[inline(always)]
fn sum<const N: usize>(factors: [(u128, &Point); N], coefficient: u128) -> u128 {
    let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
    let (mut low, mut middle, mut high) = (0_u128, 0, 0);
    for (value, point) in factors {
        let (value_low, value_high) = (value as u64, (value >> u64::BITS) as u64);
        let carry;
        (low, carry) = low.overflowing_add(product(value_low, point.low));
        middle += product(value_low, point.high) + product(value_high, point.low);
        high += product(value_high, point.high) + u128::from(carry);
    }
    let (sum, carry) = low.overflowing_add(middle << u64::BITS);
    let carried = high + u128::from((middle >> u64::BITS) as u64 + u64::from(carry));
    // 2^128 is 2 modulo the prime, and 2^127 is 1.
    (sum & PRIME) + (sum >> EXPONENT) + 2 * carried + coefficient
}

#[cfg(test)]
mod tests;
