#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;

#[test]
fn a_small_registry_has_few_shards_with_room_each() {
    for (max_sockets, shards) in [(1, 1), (64, 1), (127, 1), (128, 2), (1_126, 16), (4_095, 32), (4_096, 64)] {
        assert_eq!(Builder::<u64>::default_shards(max_sockets), shards, "{max_sockets} sockets");
    }
    assert_eq!(Builder::<u64>::default_shards(MAX_SOCKETS), Builder::<u64>::DEFAULT_SHARDS);
}
