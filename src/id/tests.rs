#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use crate::shard::geometry::{Geometry, MAX_SHARDS};
use crate::storage::slot::MAX_SEGMENT;
use crate::storage::table::BUCKETS_PER_LINE;

const LAST: u32 = (1 << Generation::BITS) - 1;

fn all_shard_bits() -> std::ops::RangeInclusive<u32> {
    0..=MAX_SHARDS.trailing_zeros()
}

/// The lowest and the highest addresses of a registry with so many shards.
fn addrs(shard_bits: u32) -> [SlotAddr; 6] {
    let lines = Geometry::growing(1 << shard_bits, 1).max_lines;
    let (last_bucket, last_slot) = ((lines * BUCKETS_PER_LINE - 1) as u32, (2 * lines - 1) as u32);
    [
        SlotAddr::inline(0, 0),
        SlotAddr::overflow(0, 0),
        SlotAddr::inline(MAX_SEGMENT, 0),
        SlotAddr::overflow(MAX_SEGMENT, 0),
        SlotAddr::inline(MAX_SEGMENT, last_bucket),
        SlotAddr::overflow(MAX_SEGMENT, last_slot),
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
fn ids_show_their_place_and_generation() {
    let id = SocketId::new(3, 2, SlotAddr::overflow(1, 2), Generation::new(LAST));
    let place = (2 << 6 | 1 << 5 | 1) << 2 | 3;
    assert_eq!(id.to_string(), format!("{place}#{LAST}"));
    assert_eq!(format!("{id:?}"), format!("SocketId {{ place: {place}, generation: {LAST} }}"));
}
