#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use proptest::prelude::*;

/// Adds modulo the prime, by the book.
fn add(a: u128, b: u128) -> u128 {
    let (a, b) = (a % PRIME, b % PRIME);
    (a + b) % PRIME
}

/// Multiplies modulo the prime, bit by bit.
fn multiply(a: u128, b: u128) -> u128 {
    (0..u128::BITS).rev().fold(0, |product, bit| {
        let doubled = add(product, product);
        if b >> bit & 1 == 1 { add(doubled, a) } else { doubled }
    })
}

/// The largest value that `sum` may get as the first one, and returns for one factor.
const LARGEST: u128 = (1 << 127) + (1 << 125) - 1;
/// 14 bytes and their count; a chunk is less.
const LARGEST_COEFFICIENT: u128 = (15 << 120) - 1;

fn check(random: [u128; 2], before: u128, last: u128, coefficient: u128) {
    let points = Points::new(random);
    let [r, s] = random.map(|random| random % (1 << POINT_BITS));
    let all = format!("{random:x?} {before:x} {last:x} {coefficient:x}");
    let one = sum([(before, &points.r)], coefficient);
    assert_eq!(one % PRIME, add(multiply(before, r), coefficient), "{all}");
    assert!(one <= LARGEST, "{all}");
    let two = sum([(before, &points.s), (last, &points.r)], coefficient);
    assert_eq!(two % PRIME, add(add(multiply(before, s), multiply(last, r)), coefficient), "{all}");
}

#[test]
fn a_sum_of_the_largest_numbers_neither_overflows_nor_errs() {
    let edges = [0, 1, (1 << 64) - 1, 1 << 64, PRIME - 1, PRIME, PRIME + 1, LARGEST - 1, LARGEST];
    let randoms = [0, 1, u128::MAX, (1 << 124) - 1, 1 << 123, u128::MAX << 64, u128::MAX >> 64];
    for random in randoms.into_iter().flat_map(|r| randoms.map(|s| [r, s])) {
        for before in edges {
            for last in [0, 1, 1 << 120, LARGEST_COEFFICIENT] {
                [0, 1, 1 << 120, LARGEST_COEFFICIENT]
                    .into_iter()
                    .for_each(|coefficient| check(random, before, last, coefficient));
            }
        }
    }
}

proptest! {
    #[test]
    fn a_sum_multiplies_and_adds(
        random: [u128; 2],
        before in 0..=LARGEST,
        last in 0..=LARGEST_COEFFICIENT,
        coefficient in 0..=LARGEST_COEFFICIENT,
    ) {
        check(random, before, last, coefficient);
    }

    /// Term by term, by the book.
    #[test]
    fn the_hash_is_the_formula(
        random: [u128; 2],
        bytes in prop::collection::vec(any::<u128>(), 1..9),
        coefficient in 0..=LARGEST_COEFFICIENT,
    ) {
        let points = Points::new(random);
        let [r, s] = random.map(|random| random % (1 << POINT_BITS));
        let coefficients: Vec<_> = bytes.iter().map(|bytes| bytes % (1 << 120) + (1 << 120)).collect();
        let (last, before) = coefficients.split_last().unwrap();
        let before = before.iter().fold(0, |value, &coefficient| add(multiply(value, r), coefficient));
        let formula = add(add(multiply(before, s), multiply(*last, r)), coefficient);
        let mut chunks = Chunks::default();
        bytes.iter().for_each(|&bytes| chunks.push(bytes, &points));
        prop_assert_eq!(chunks.hash(coefficient, &points) % PRIME, formula);
    }
}

#[test]
fn a_chunk_counts_all_its_bytes_and_nothing_else() {
    let points = Points::new([u128::MAX; 2]);
    for (bytes, coefficient) in [(0, 1 << 120), (u128::MAX, (1 << 121) - 1)] {
        let mut chunks = Chunks::default();
        assert!(chunks.are_none());
        chunks.push(bytes, &points);
        assert!(!chunks.are_none());
        assert_eq!(chunks.hash(7, &points), sum([(coefficient, &points.r)], 7));
    }
}
