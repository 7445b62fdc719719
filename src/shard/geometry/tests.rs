#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use crate::storage::table::home::MAX_BOUND;

fn shard_counts() -> impl Iterator<Item = usize> {
    (0..=MAX_SHARDS.trailing_zeros()).map(|bits| 1 << bits)
}

/// The least, the most and some numbers of sockets that a registry with so many shards can be
/// built for.
fn socket_counts(shards: usize) -> [usize; 7] {
    [shards, shards + 1, 2 * shards - 1, 1_000_003.max(shards), MAX_SOCKETS / 2, MAX_SOCKETS - 1, MAX_SOCKETS]
}

fn all_geometries() -> impl Iterator<Item = (usize, Geometry)> {
    shard_counts().flat_map(|shards| {
        let ahead = socket_counts(shards).map(|max_sockets| Geometry::ahead(shards, max_sockets, 1));
        ahead.into_iter().chain([Geometry::growing(shards, 1)]).map(move |geometry| (shards, geometry))
    })
}

#[test]
fn ids_name_every_place_of_every_table_and_page() {
    for (shards, geometry) in all_geometries() {
        assert_eq!(1 << geometry.shard_bits, shards);
        let offset_bits = 64 - 27 - geometry.shard_bits - OFFSET_SHIFT;
        for slots in [geometry.max_lines * BUCKETS_PER_LINE, geometry.max_lines * 2] {
            assert!(slots - 1 <= MAX_OFFSET as usize, "{shards} shards: {geometry:?}");
            assert!((slots - 1) >> offset_bits == 0, "{shards} shards: {geometry:?}");
        }
    }
}

#[test]
fn no_place_that_ids_could_name_is_given_away() {
    for (shards, geometry) in all_geometries() {
        let offset_bits = 64 - 27 - geometry.shard_bits - OFFSET_SHIFT;
        assert_eq!(geometry.max_lines * BUCKETS_PER_LINE, 1 << offset_bits.min(26), "{shards} shards");
    }
}

#[test]
fn the_first_table_is_one_that_homes_can_describe() {
    for (shards, geometry) in all_geometries() {
        assert!((1..=geometry.max_lines).contains(&geometry.first_lines), "{shards} shards: {geometry:?}");
        assert!(geometry.first_bound <= MAX_BOUND);
    }
}

#[test]
fn a_table_sized_ahead_has_room_for_more_than_its_share() {
    for shards in shard_counts() {
        for max_sockets in socket_counts(shards) {
            let geometry = Geometry::ahead(shards, max_sockets, 1);
            let (share, buckets) = (max_sockets.div_ceil(shards), geometry.first_lines * BUCKETS_PER_LINE);
            let is_the_largest = geometry.first_lines == geometry.max_lines;
            assert!(buckets >= share, "{max_sockets} in {shards} shards: {geometry:?}");
            assert!(is_the_largest || 3 * buckets >= 4 * share, "{max_sockets} in {shards} shards: {geometry:?}");
            assert!(
                buckets <= 8 * share + 2 * BUCKETS_PER_LINE,
                "no more than it needs: {max_sockets} in {shards} shards: {geometry:?}"
            );
        }
    }
}

#[test]
fn the_limit_of_a_key_is_passed_on() {
    for max_per_key in [1, 2, MAX_SOCKETS_PER_KEY as u32] {
        assert_eq!(Geometry::growing(64, max_per_key).max_per_key, max_per_key);
        assert_eq!(Geometry::ahead(64, 1_000, max_per_key).max_per_key, max_per_key);
    }
}

#[test]
fn the_numbers_are_as_documented() {
    assert_eq!((MAX_SHARDS, MAX_SOCKETS, MAX_SOCKETS_PER_KEY), (1_024, 67_108_864, 1_000_000));
    assert_eq!((PLACE_BITS, BUCKETS_PER_LINE), (37, 2));
}
