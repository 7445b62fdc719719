#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use crate::shard::geometry::{Geometry, MAX_SHARDS};

const LAST: u32 = (1 << Generation::BITS) - 1;

fn all_shard_bits() -> std::ops::RangeInclusive<u32> {
    0..=MAX_SHARDS.trailing_zeros()
}

/// The lowest and the highest addresses of a registry with so many shards.
fn addrs(shard_bits: u32) -> [SlotAddr; 6] {
    let last = (Geometry::growing(1 << shard_bits, 1).addresses - 1) as u32;
    [
        SlotAddr::inline(0),
        SlotAddr::overflow(0),
        SlotAddr::inline(1),
        SlotAddr::overflow(1),
        SlotAddr::inline(last),
        SlotAddr::overflow(last),
    ]
}

#[test]
fn an_id_says_what_it_was_made_of_for_every_shard_count() {
    for shard_bits in all_shard_bits() {
        for shard in [0, (1usize << shard_bits) / 2, (1 << shard_bits) - 1] {
            for addr in addrs(shard_bits) {
                for generation in [0, 1, LAST - 1, LAST].map(Generation::new) {
                    let id = SocketId::new(shard, shard_bits, addr, generation);
                    let made_of = (id.shard(shard_bits), id.addr(shard_bits), id.generation());
                    assert_eq!(made_of, (shard, Some(addr), generation));
                    assert_eq!(SocketId::from_u64(id.to_u64()), id);
                }
            }
        }
    }
}

#[test]
fn any_number_is_an_id_of_some_shard_or_of_no_spot() {
    for shard_bits in all_shard_bits() {
        for number in [0, 1, (1 << PLACE_BITS) - 1, 1 << PLACE_BITS, u64::MAX, u64::MAX >> 1, 0x5555_5555_5555_5555] {
            let id = SocketId::from_u64(number);
            assert!(id.shard(shard_bits) < 1 << shard_bits);
            match id.addr(shard_bits) {
                Some(addr) => assert_eq!(SocketId::new(id.shard(shard_bits), shard_bits, addr, id.generation()), id),
                None => assert!((number & ((1 << PLACE_BITS) - 1)) >> shard_bits > u64::from(u32::MAX)),
            }
        }
    }
}

#[test]
fn a_number_beyond_all_spots_names_none() {
    let beyond = |shard_bits: u32| SocketId::from_u64(1 << (32 + shard_bits)).addr(shard_bits);
    assert!((0..5).all(|shard_bits| beyond(shard_bits).is_none()));
    assert_eq!(beyond(5), Some(SlotAddr::from_raw(0)), "the generation begins here");
}

#[test]
fn debug_shows_place_and_generation() {
    let id = SocketId::new(3, 2, SlotAddr::overflow(5), Generation::new(LAST));
    let place = (5 << 1 | 1) << 2 | 3;
    assert_eq!(format!("{id:?}"), format!("SocketId {{ place: {place}, generation: {LAST} }}"));
}

/// Ids of small and large registries, ids with every bit, and numbers that never were ids.
fn numbers() -> impl Iterator<Item = u64> {
    let addrs = addrs(2).into_iter();
    let ids = addrs
        .flat_map(|addr| [0, 1, 65_535, 65_536, LAST].map(|n| SocketId::new(3, 2, addr, Generation::new(n)).to_u64()));
    let bits = (0..u64::BITS).flat_map(|bit| [1 << bit, u64::MAX >> bit, u64::MAX << bit]);
    ids.chain(bits).chain([0, 0x0123_4567_89ab_cdef, 0xaaaa_aaaa_aaaa_aaaa])
}

fn parse(text: &str) -> Result<u64, ParseIdError> {
    text.parse().map(SocketId::to_u64)
}

#[test]
fn texts_are_as_others_write_them() {
    let known = [
        (0, "00000000000000"),
        (1, "00000000000011"),
        (31, "000000000000ZZ"),
        (32, "0000000000010*"),
        (1 << 53, "0080000000000J"),
        (u64::MAX >> 1, "7ZZZZZZZZZZZZ5"),
        (u64::MAX, "FZZZZZZZZZZZZB"),
    ];
    for (number, text) in known {
        assert_eq!(SocketId::from_u64(number).to_string(), text);
        assert_eq!(u64::from(SocketId::from_u64(number)), number);
    }
    assert_eq!(format!("{:>16}|", SocketId::from_u64(0)), "  00000000000000|");
}

#[test]
fn texts_are_read_in_either_case() {
    for number in numbers() {
        let text = SocketId::from_u64(number).to_string();
        assert_eq!(text.len(), text::LEN);
        assert_eq!((parse(&text), parse(&text.to_lowercase())), (Ok(number), Ok(number)), "{text}");
    }
}

#[test]
fn a_wrong_character_is_always_refused() {
    for text in numbers().map(|number| SocketId::from_u64(number).to_string()) {
        for index in 0..text.len() {
            for other in (0..128).map(char::from) {
                let wrong = format!("{}{other}{}", &text[..index], &text[index + 1..]);
                let is_same = wrong.eq_ignore_ascii_case(&text);
                assert_eq!(parse(&wrong).is_ok(), is_same, "{wrong} instead of {text}");
            }
        }
    }
}

#[test]
fn neighbours_that_changed_places_are_always_refused() {
    for text in numbers().map(|number| SocketId::from_u64(number).to_string()) {
        for index in 1..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong.swap(index - 1, index);
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(parse(&wrong).is_ok(), wrong == text, "{wrong} instead of {text}");
        }
    }
}

/// The check symbol is no signature: errors that cancel out go unnoticed.
#[test]
fn two_wrong_characters_may_go_unnoticed() {
    assert_eq!(parse("00000000000011"), Ok(1));
    assert_eq!(parse("00000000000161"), Ok(38), "1 + 37, with the same check symbol");
}

#[test]
fn what_is_wrong_is_said() {
    let wrong = |text: &str| parse(text).unwrap_err();
    for text in ["", "0", "0000000000000", "000000000000000", "\u{e9}"] {
        assert_eq!(wrong(text), ParseIdError::Length, "{text}");
    }
    // Crockford's alphabet has no I, L, O and U; the check's additional symbols are no digits; more
    // than 64 bits.
    for (index, text) in [
        (1, "0I000000000000"),
        (2, "00L00000000000"),
        (12, "000000000000O0"),
        (3, "000U0000000000"),
        (0, "*0000000000000"),
        (13, "0000000000000I"),
        (0, "G0000000000000"),
        (4, "0000\u{e9}000000000"),
        (7, "0000000-000000"),
    ] {
        assert_eq!(wrong(text), ParseIdError::Character { index }, "{text}");
    }
    assert_eq!(wrong("00000000000010"), ParseIdError::Check);
    let errors = [ParseIdError::Length, ParseIdError::Character { index: 3 }, ParseIdError::Check];
    assert_eq!(
        errors.map(|error| error.to_string()),
        [
            "a socket's id has 14 characters",
            "a socket's id cannot have that character at index 3",
            "the check symbol of the socket's id does not match: there is a typing error",
        ]
    );
}
