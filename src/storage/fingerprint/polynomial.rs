//! Hashes long keys with a proven bound on collisions, whatever the keys are.
//!
//! A key's bytes are read as a polynomial. Each full chunk of 15 bytes, with a one bit above them,
//! is a coefficient. The 0 to 14 bytes that remain, with their count above them, are the last one.
//! The hash is the polynomial's value at a secret random point, modulo the prime 2^127 - 1, by
//! Horner's rule. Poly1305 (RFC 8439, section 2.5) hashes the same way, with the prime 2^130 - 5;
//! this one needs fewer instructions on 64-bit words.
//!
//! # The bound
//! Two different keys have different polynomials: the first coefficient is not zero, so the degree
//! says how many full chunks there are, and each coefficient says which bytes it has. If both keys
//! have at most n bytes, the difference is a nonzero polynomial of degree at most n / 15, which has
//! at most n / 15 roots. The keys have the same hash only if the point is a root. It is uniform
//! among 2^125 numbers below the prime, so the probability is at most n / 15 / 2^125: less than
//! 2^-123 for 37 bytes (a UUID as a `String`), and less than 2^-118 for a thousand.
//!
//! The bound is for keys that are chosen without knowing the point. Of what is computed with it
//! only the place leaves the registry, in ids, and that went through ahash. The point is drawn by
//! SipHash under a key from the system. So it is uniform for all who cannot tell SipHash's results
//! from random numbers.

/// The number of bytes in a coefficient.
pub(super) const CHUNK: usize = 15;
const CHUNK_BITS: u32 = CHUNK as u32 * u8::BITS;

const EXPONENT: u32 = 127;
const PRIME: u128 = (1 << EXPONENT) - 1;
/// The point has this many random bits. With more, `Point::step` would have to reduce more often.
const POINT_BITS: u32 = 125;

/// Where polynomials are evaluated.
pub(super) struct Point {
    low: u64,
    high: u64,
}

impl Point {
    pub(super) const fn new(random: u128) -> Self {
        let point = random & ((1 << POINT_BITS) - 1);
        Self { low: point as u64, high: (point >> u64::BITS) as u64 }
    }

    /// Continues with the first chunk of `bytes`, or begins with it.
    #[inline]
    pub(super) fn next(&self, value: Option<u128>, bytes: u128) -> u128 {
        let coefficient = bytes & ((1 << CHUNK_BITS) - 1) | 1 << CHUNK_BITS;
        value.map_or(coefficient, |value| self.step(value, coefficient))
    }

    /// Returns `value * point + coefficient` modulo the prime, not fully reduced (Horner's rule).
    ///
    /// With `value` below 2^127 + 2^126, as it returns it, nothing overflows.
    #[inline]
    pub(super) fn step(&self, value: u128, coefficient: u128) -> u128 {
        let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
        let (low, high) = (value as u64, (value >> u64::BITS) as u64);
        let middle = product(low, self.high) + product(high, self.low);
        let (sum, carry) = product(low, self.low).overflowing_add(middle << u64::BITS);
        let carried = product(high, self.high) + u128::from((middle >> u64::BITS) as u64 + u64::from(carry));
        // 2^128 is 2 modulo the prime, and 2^127 is 1.
        (sum & PRIME) + (sum >> EXPONENT) + 2 * carried + coefficient
    }
}

#[cfg(test)]
mod tests;
