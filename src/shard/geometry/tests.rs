#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;

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
fn ids_name_every_address_and_no_more() {
    for (shards, geometry) in all_geometries() {
        assert_eq!(1 << geometry.shard_bits, shards);
        // A bit for inline or overflow; and an address has 32 bits.
        let bits = (64 - 27 - geometry.shard_bits - 1).min(31);
        assert_eq!(geometry.addresses, 1 << bits, "{shards} shards: {geometry:?}");
    }
}

#[test]
fn the_first_table_is_one_that_homes_can_describe() {
    for (shards, geometry) in all_geometries() {
        let TableSize { pairs, bound } = geometry.first;
        assert!(pairs >= 1 && pairs * PAIR <= geometry.addresses / 32, "{shards} shards: {geometry:?}");
        assert!(bound <= MAX_BOUND);
    }
}

#[test]
fn a_full_table_is_followed_by_a_larger_one_and_a_used_up_one_by_its_like() {
    let geometry = Geometry::growing(64, 1);
    let last = TableSize { pairs: 100, bound: 31 };
    let larger = TableSize { pairs: 400, bound: GROWING_BOUND };
    for (keys, next) in [(0, last), (1, last), (50, last), (51, larger), (200, larger)] {
        assert_eq!(geometry.next_table(last, keys, 1_000), Some(next), "{keys} keys in 200 buckets");
    }
}

#[test]
fn a_shard_without_addresses_has_no_next_table() {
    for (_, geometry) in all_geometries() {
        let next = |used| geometry.next_table(geometry.first, 0, used).map_or(0, |next| next.pairs);
        assert_eq!(next(geometry.addresses), 0);
        assert_eq!(next(geometry.addresses - 63), 0);
        assert_eq!(next(geometry.addresses - 64), 1);
    }
}

const SECONDS_OF_TEN_YEARS: u64 = 10 * 366 * 24 * 3600;

/// How long the shard lasts if a key comes and goes a thousand times a second: it uses up what a
/// search reaches of a table, then the next one.
#[test]
fn addresses_last_ten_years_of_a_flapping_key() {
    for (shards, geometry) in all_geometries() {
        let (mut used, mut table, mut flaps) = (0, geometry.first, 0);
        while flaps < 1_000 * SECONDS_OF_TEN_YEARS {
            let reach = (table.bound as usize + 1).min(table.pairs) * PAIR;
            flaps += reach as u64 * ((1 << 26) - 1);
            used += table.pairs * PAIR;
            table = geometry.next_table(table, 1, used).unwrap_or_else(|| panic!("{shards} shards: {geometry:?}"));
        }
    }
}

#[test]
fn a_table_sized_ahead_has_room_for_more_than_its_share() {
    for shards in shard_counts() {
        for max_sockets in socket_counts(shards) {
            let geometry = Geometry::ahead(shards, max_sockets, 1);
            let (share, buckets) = (max_sockets.div_ceil(shards), geometry.first.pairs * PAIR);
            let is_the_largest = buckets == geometry.addresses / 32;
            assert!(buckets >= share, "{max_sockets} in {shards} shards: {geometry:?}");
            assert!(is_the_largest || 3 * buckets >= 4 * share, "{max_sockets} in {shards} shards: {geometry:?}");
            assert!(
                buckets <= 8 * share + 2 * PAIR,
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
    assert_eq!((PLACE_BITS, PAIR), (37, 2));
}
