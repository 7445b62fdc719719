#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use crate::{Builder, Registry, Socket};

const SOCKETS: usize = 5_000;

fn registry() -> Registry<u64> {
    Builder::new().shards(1).build().expect("a small registry")
}

fn crowd(registry: &Registry<u64>, key: u64) -> Vec<Socket<u64>> {
    (0..SOCKETS).map(|_| registry.register(key).expect("far from every limit")).collect()
}

/// How many slots a walk over the socket's key visits in addition to the inline slot.
fn chain_len(registry: &Registry<u64>, socket: &Socket<u64>) -> usize {
    let (shard, id) = registry.resolve(socket.id()).expect("its own id");
    let bucket = shard.bucket_of(id.addr);
    let chain = &bucket.cold().chain;
    let slots =
        std::iter::successors(chain.first(), |&addr| crate::storage::slab::SlotChain::next_of(shard.slab.slot(addr)?));
    let count = slots.count();
    assert_eq!(chain.len() as usize, count);
    count
}

#[test]
fn the_last_socket_of_many_is_reached_in_a_few_steps() {
    for stays in [0, 1, SOCKETS / 2, SOCKETS - 1] {
        let registry = registry();
        let mut sockets = crowd(&registry, 1);
        assert_eq!(chain_len(&registry, &sockets[0]), SOCKETS - 1);
        let last = sockets.swap_remove(stays);
        drop(sockets);
        assert!(chain_len(&registry, &last) <= 4);
        assert_eq!((registry.mark(&1), registry.sockets_of(&1)), (1, vec![last.id()]));
    }
}

#[test]
fn every_removal_leaves_a_chain_in_proportion_to_its_sockets() {
    let registry = registry();
    let mut sockets = crowd(&registry, 1);
    let mut random = 1_usize;
    while sockets.len() > 1 {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        drop(sockets.swap_remove((random >> 33) % sockets.len()));
        let slots = registry.resolve(sockets[0].id()).map(|(shard, id)| {
            let bucket = shard.bucket_of(id.addr);
            bucket.cold().chain.len() as usize
        });
        // One more, because the drop of the socket in the inline slot does not sweep.
        assert!(slots.is_some_and(|slots| slots <= 2 * (sockets.len() + 1) + 2));
    }
}

#[test]
fn slots_that_were_swept_are_there_for_the_other_keys() {
    let registry = registry();
    let mut last = Vec::new();
    for key in 0..10 {
        last.extend(crowd(&registry, key).pop());
    }
    let shard = registry.shard(0).expect("there is one");
    let slots: u32 = shard.slab.pages().map(|page| page.slot_count()).sum();
    assert!(slots < 4 * SOCKETS as u32);
    assert_eq!((registry.socket_count(), registry.mark_all()), (10, 10));
}
