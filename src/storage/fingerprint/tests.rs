#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use proptest::prelude::*;
use std::num::NonZeroU64;
use uuid::Uuid;

fn identity<Q: Hash + ?Sized>(key: &Q) -> Identity {
    Seeds::fixed().fingerprint(key).identity
}

/// A key that writes these pieces.
struct Pieces<'a>(&'a [&'a [u8]]);

impl Hash for Pieces<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|piece| state.write(piece));
    }
}

/// The identity of a key that writes those bytes, drawn by hand.
fn exact(bytes: &[u8]) -> Identity {
    let mut all = [0; 16];
    all[..bytes.len()].copy_from_slice(bytes);
    let kind = if bytes.len() == 16 { KeyKind(1) } else { KeyKind(0) };
    if kind == KeyKind(0) {
        all[15] = bytes.len() as u8;
    }
    let word = |n: usize| u64::from_le_bytes(std::array::from_fn(|byte| all[8 * n + byte]));
    Identity { words: [word(0) ^ word(1), word(1)], kind }
}

/// A look at the first word must tell `user-001` of a line from `user-002`.
#[test]
fn first_words_differ_where_keys_begin_alike() {
    let seeds = Seeds::random();
    let first = |n: u32| seeds.fingerprint(format!("user-00{n:07}").as_str()).identity.words[0];
    let firsts: std::collections::HashSet<_> = (0..10_000).map(first).collect();
    assert_eq!(firsts.len(), 10_000);
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|n| 0xf0 ^ n as u8).collect()
}

#[derive(Hash)]
struct UserId(u64);

#[derive(Hash)]
struct DeviceId {
    _user: UserId,
    _device: u32,
}

#[test]
fn keys_of_up_to_16_bytes_are_kept_as_they_are() {
    assert_eq!(identity(&()), exact(&[]));
    assert_eq!(identity(&true), exact(&[1]));
    assert_eq!(identity(&'ü'), exact(&u32::from('ü').to_ne_bytes()));
    assert_eq!(identity(&0xa5u8), exact(&[0xa5]));
    assert_eq!(identity(&-2i8), exact(&(-2i8).to_ne_bytes()));
    assert_eq!(identity(&0x1234u16), exact(&0x1234u16.to_ne_bytes()));
    assert_eq!(identity(&-2i16), exact(&(-2i16).to_ne_bytes()));
    assert_eq!(identity(&u32::MAX), exact(&u32::MAX.to_ne_bytes()));
    assert_eq!(identity(&i32::MIN), exact(&i32::MIN.to_ne_bytes()));
    assert_eq!(identity(&(u64::MAX - 1)), exact(&(u64::MAX - 1).to_ne_bytes()));
    assert_eq!(identity(&i64::MIN), exact(&i64::MIN.to_ne_bytes()));
    assert_eq!(identity(&usize::MAX), exact(&usize::MAX.to_ne_bytes()));
    assert_eq!(identity(&isize::MIN), exact(&isize::MIN.to_ne_bytes()));
    assert_eq!(identity(&(u128::MAX - 1)), exact(&(u128::MAX - 1).to_ne_bytes()));
    assert_eq!(identity(&i128::MIN), exact(&i128::MIN.to_ne_bytes()));
}

#[test]
fn newtypes_and_small_tuples_are_exact_too() {
    assert_eq!(identity(&UserId(42)), identity(&42u64));
    assert_eq!(identity(&NonZeroU64::MAX), identity(&u64::MAX));
    assert_eq!(identity(&&&42u64), identity(&42u64));
    assert_eq!(identity(&Box::new(42u64)), identity(&42u64));
    let (high, low) = (1u64.to_ne_bytes(), 2u64.to_ne_bytes());
    assert_eq!(identity(&(1u64, 2u64)), exact(&[high, low].concat()));
    let device = DeviceId { _user: UserId(1), _device: 7 };
    assert_eq!(identity(&device), exact(&[&high[..], &7u32.to_ne_bytes()].concat()));
    let uuid = Uuid::from_u128(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
    assert_eq!(identity(&uuid), exact(uuid.as_bytes()));
}

#[test]
fn strings_of_up_to_15_bytes_are_exact() {
    for len in 0..=15 {
        let text = "abcdefghijklmno".get(..len).expect("all are one byte");
        assert_eq!(identity(text), exact(&[text.as_bytes(), &[0xff]].concat()), "std ends a string with this byte");
        assert_eq!(identity(&text.to_owned()), identity(text));
    }
    assert_eq!(identity("abcdefghijklmnop").kind, HASHED);
}

#[test]
fn the_kinds_begin_where_they_say() {
    for len in 0..40 {
        let written = bytes(len);
        let identity = identity(&Pieces(&[&written]));
        let kind = match len {
            0..=15 => SHORT,
            16 => FULL,
            _ => HASHED,
        };
        assert_eq!(identity.kind, kind, "{len} bytes");
        if len <= 16 {
            assert_eq!(identity, exact(&written), "{len} bytes");
        }
    }
}

#[test]
fn the_kinds_differ_and_fit_a_presence_word() {
    let kinds = [SHORT, FULL, HASHED].map(|kind| kind.0);
    assert_eq!(kinds, [0, 1, 2]);
}

#[test]
fn up_to_16_bytes_the_pieces_do_not_matter() {
    for len in 0..=16 {
        let written = bytes(len);
        for first in 0..=len {
            for second in first..=len {
                let pieces: [&[u8]; 4] = [&written[..first], &written[first..second], &[], &written[second..]];
                assert_eq!(identity(&Pieces(&pieces)), exact(&written), "{first}, {second}, {len}");
            }
        }
    }
}

#[test]
fn integers_are_kept_as_their_bytes_wherever_they_come() {
    let identity_of = |offset: usize, n: u64| {
        let lead = bytes(offset);
        identity(&(Pieces(&[&lead]), n))
    };
    for offset in 0..=8 {
        let lead = bytes(offset);
        assert_eq!(identity_of(offset, 42), exact(&[&lead, &42u64.to_ne_bytes()[..]].concat()), "after {offset} bytes");
    }
    assert_eq!(identity_of(9, 42).kind, HASHED, "not cut off at 16 bytes");
    assert_ne!(identity_of(9, 42), identity_of(9, 43));
    assert_ne!(identity_of(9, 42), identity_of(9, 42 | 1 << 63));
}

#[test]
fn every_written_byte_counts() {
    for len in [1, 7, 8, 9, 15, 16, 17, 18, 31, 32, 33, 64, 100] {
        let written = bytes(len);
        for changed in 0..len {
            let mut other = written.clone();
            other[changed] ^= 1;
            for cut in [0, 1, len / 2, len] {
                let pieces = |bytes: &[u8]| identity(&Pieces(&[&bytes[..cut], &bytes[cut..]]));
                assert_ne!(pieces(&written), pieces(&other), "byte {changed} of {len}, cut at {cut}");
            }
        }
    }
}

#[test]
fn trailing_zeros_count() {
    let identities: Vec<_> = (0..=40).map(|len| identity(&Pieces(&[&vec![0; len]]))).collect();
    for (n, one) in identities.iter().enumerate() {
        assert!(identities[n + 1..].iter().all(|other| other != one), "{n} zeros");
    }
}

/// The identity of a key that writes those bytes, more than 16 of them: the polynomial term by
/// term.
fn hashed(point: &Point, bytes: &[u8]) -> Identity {
    let full = bytes.chunks_exact(CHUNK);
    let last = full.remainder();
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u128::from(byte));
    let count = (last.len() as u128) << 120;
    let mut coefficients = full.map(|chunk| number(chunk) | 1 << 120).chain([number(last) | count]);
    let first = coefficients.next().expect("there is a chunk");
    let value = coefficients.fold(first, |value, coefficient| point.step(value, coefficient));
    let (low, high) = (value as u64, (value >> 64) as u64);
    Identity { words: [low ^ high, high], kind: HASHED }
}

#[test]
fn a_long_key_is_the_polynomial_of_its_bytes() {
    let seeds = Seeds::random();
    for len in 17..=100 {
        let written = bytes(len);
        assert_eq!(seeds.fingerprint(&Pieces(&[&written])).identity, hashed(&seeds.point, &written), "{len} bytes");
    }
    let written = [&[b'x'; 100][..], &[0xff]].concat();
    assert_eq!(seeds.fingerprint(&"x".repeat(100)).identity, hashed(&seeds.point, &written));
}

#[test]
fn the_pieces_of_a_long_key_do_not_matter() {
    for len in 17..=64 {
        let written = bytes(len);
        let whole = Seeds::fixed().fingerprint(&Pieces(&[&written]));
        for first in 0..=len {
            for second in first..=len {
                let pieces: [&[u8]; 4] = [&written[..first], &written[first..second], &[], &written[second..]];
                let split = Seeds::fixed().fingerprint(&Pieces(&pieces));
                assert_eq!((split.identity, split.hash), (whole.identity, whole.hash), "{first}, {second}, {len}");
            }
        }
    }
}

proptest! {
    /// Writes the bytes in pieces, some of them as integers.
    #[test]
    fn the_same_bytes_in_any_pieces_are_the_same_key(
        written in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec((0..40usize, any::<bool>()), 0..40),
    ) {
        struct Cut<'a>(&'a [u8], &'a [(usize, bool)]);

        impl Hash for Cut<'_> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                let mut rest = self.0;
                for &(len, as_integer) in self.1 {
                    let (piece, after) = rest.split_at(len.min(rest.len()));
                    rest = after;
                    match (as_integer, piece.len()) {
                        (true, 1) => state.write_u8(piece[0]),
                        (true, 2) => state.write_u16(u16::from_ne_bytes(piece.try_into().unwrap())),
                        (true, 4) => state.write_u32(u32::from_ne_bytes(piece.try_into().unwrap())),
                        (true, 8) => state.write_u64(u64::from_ne_bytes(piece.try_into().unwrap())),
                        (true, 16) => state.write_u128(u128::from_ne_bytes(piece.try_into().unwrap())),
                        _ => state.write(piece),
                    }
                }
                state.write(rest);
            }
        }

        let seeds = Seeds::random();
        let whole = seeds.fingerprint(&Pieces(&[&written]));
        let cut = seeds.fingerprint(&Cut(&written, &cuts));
        prop_assert_eq!((cut.identity, cut.hash), (whole.identity, whole.hash));
    }
}

#[test]
fn a_key_and_its_borrowed_forms_are_the_same_key() {
    for len in [0, 1, 14, 15, 16, 17, 29, 30, 31, 45, 100] {
        let (text, numbers) = ("x".repeat(len), bytes(len));
        assert_eq!(identity(&text), identity(text.as_str()), "{len}");
        assert_eq!(identity(&text), identity(&std::borrow::Cow::Borrowed(text.as_str())), "{len}");
        assert_eq!(identity(&text), identity(&std::sync::Arc::<str>::from(text.as_str())), "{len}");
        assert_eq!(identity(&numbers), identity(numbers.as_slice()), "{len}");
    }
}

/// Keys that count up after two full chunks differ in the last coefficient alone, so their values
/// are neighbours.
#[test]
fn long_keys_that_count_up_are_spread() {
    const KEYS: usize = 1 << 14;
    let seeds = Seeds::random();
    let hash = |n: usize| seeds.fingerprint(format!("{:>30}{n:08}", "user-").as_str()).hash;
    // The registry takes the shard from the lowest bits, the line from the highest ones.
    for shift in [0, 64 - 10] {
        let mut counts = [0; 1024];
        (0..KEYS).for_each(|n| counts[(hash(n) >> shift) as usize % 1024] += 1);
        // 16 are expected in each. More than 56 have a probability of 1e-14.
        assert!(counts.iter().all(|&count| count <= 56), "{counts:?}");
    }
}

#[test]
fn fixed_seeds_are_the_same_each_time_and_random_ones_are_not() {
    let hash = |seeds: &Seeds| seeds.fingerprint(&42u64).hash;
    let long = |seeds: &Seeds| seeds.fingerprint(&[42u64; 9]).identity.words;
    let (fixed, again) = (Seeds::fixed(), Seeds::fixed());
    assert_eq!((hash(&fixed), long(&fixed)), (hash(&again), long(&again)));
    let (one, other) = (Seeds::random(), Seeds::random());
    assert_ne!(hash(&one), hash(&other));
    assert_ne!(long(&one)[0], long(&other)[0]);
    assert_ne!(long(&one)[1], long(&other)[1]);
    assert_eq!(hash(&one), hash(&one));
    assert_eq!(one.fingerprint(&42u64).identity, other.fingerprint(&42u64).identity, "exact ones need no seed");
}

#[test]
fn the_hash_depends_on_both_words() {
    let hash = |key: (u64, u64)| Seeds::fixed().fingerprint(&key).hash;
    let hashes = [hash((0, 0)), hash((1, 0)), hash((0, 1)), hash((1, 1)), hash((1 << 63, 0)), hash((0, 1 << 63))];
    for (n, one) in hashes.iter().enumerate() {
        assert!(hashes[n + 1..].iter().all(|other| other != one));
    }
}

#[test]
fn a_cell_holds_what_was_stored_last_and_nothing_else() {
    let cell = IdentityCell::default();
    let matches = |n: u128| cell.matches(identity(&n));
    assert!(matches(0), "a cell begins as zeros");
    cell.store(identity(&(1u128 << 127 | 1)));
    assert!(matches(1 << 127 | 1));
    assert!(!matches(1) && !matches(1 << 127) && !matches(0));
    cell.store(identity(&7u128));
    assert!(matches(7) && !matches(1 << 127 | 1));
}

#[test]
fn what_comes_after_a_long_piece_counts() {
    for len in [0, 1, 10, 15, 16] {
        let (lead, long) = (bytes(len), bytes(20));
        let piece = |last: u8| identity(&Pieces(&[&lead, &long, &[last]]));
        let integer = |last: u8| identity(&(Pieces(&[&lead, &long]), last));
        assert_ne!(piece(1), piece(2), "after {len} bytes and 20");
        assert_ne!(integer(1), integer(2), "after {len} bytes and 20");
    }
}

/// Arrays and slices write their length, enums their variant, each as large as a pointer.
#[test]
fn what_std_writes_besides_the_value_counts() {
    const WORD: usize = size_of::<usize>();
    assert_eq!(identity(&[7u8; 16 - WORD]).kind, FULL);
    assert_eq!(identity(&[7u8; 16]).kind, HASHED);
    assert_eq!(identity(&vec![7u8; 4]), exact(&[&4usize.to_ne_bytes()[..], &[7; 4]].concat()));
    assert_eq!(identity(&Some(7u32)), exact(&[&1isize.to_ne_bytes()[..], &7u32.to_ne_bytes()].concat()));
    assert_eq!(identity(&None::<u32>), exact(&0isize.to_ne_bytes()));
}
