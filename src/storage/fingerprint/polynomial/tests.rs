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

/// The largest value that a step may get and return.
const LARGEST: u128 = (1 << 127) + (1 << 126) - 1;
/// 14 bytes and their count; a chunk is less.
const LARGEST_COEFFICIENT: u128 = (15 << 120) - 1;

fn check(random: u128, value: u128, coefficient: u128) {
    let stepped = Point::new(random).step(value, coefficient);
    assert!(stepped <= LARGEST, "{random:x} {value:x} {coefficient:x}");
    let point = random % (1 << POINT_BITS);
    assert_eq!(stepped % PRIME, add(multiply(value, point), coefficient), "{random:x} {value:x} {coefficient:x}");
}

#[test]
fn a_step_of_the_largest_numbers_neither_overflows_nor_errs() {
    let edges = [0, 1, (1 << 64) - 1, 1 << 64, PRIME - 1, PRIME, PRIME + 1, LARGEST - 1, LARGEST];
    for random in edges.into_iter().chain([u128::MAX, (1 << 125) - 1, 1 << 124, u128::MAX << 64]) {
        for value in edges {
            for coefficient in [0, 1, 1 << 120, LARGEST_COEFFICIENT] {
                check(random, value, coefficient);
            }
        }
    }
}

proptest! {
    #[test]
    fn a_step_multiplies_and_adds(random: u128, value in 0..=LARGEST, coefficient in 0..=LARGEST_COEFFICIENT) {
        check(random, value, coefficient);
    }
}

#[test]
fn a_chunk_counts_all_its_bytes_and_nothing_else() {
    let point = Point::new(u128::MAX);
    assert_eq!(point.next(None, 0), 1 << 120);
    assert_eq!(point.next(None, u128::MAX), (1 << 121) - 1);
    assert_eq!(point.next(Some(LARGEST), u128::MAX), point.step(LARGEST, (1 << 121) - 1));
}
