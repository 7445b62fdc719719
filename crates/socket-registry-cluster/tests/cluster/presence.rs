//! Which keys are online, and where.

use super::{SECOND, Server, options, servers, start, until, within};
use socket_registry::Registry;
use socket_registry_cluster::broker::Memory;
use socket_registry_cluster::{Cluster, Online, Options, Presence, PresenceEvent};
use std::collections::HashSet;

fn with_presence() -> Options {
    options().presence(true)
}

async fn next(presence: &mut Presence<u64>) -> PresenceEvent<u64> {
    within(presence.next()).await.unwrap()
}

fn online(server: &Server, key: u64) -> Online {
    server.cluster.online(&key)
}

#[tokio::test(start_paused = true)]
async fn a_key_is_online_where_it_has_a_socket() {
    let [a, b, c] = servers(&Memory::new(), with_presence()).await;
    assert_eq!(online(&a, 42), Online::No);
    let at_b = b.cluster.registry().register(42).unwrap();
    until(|| online(&a, 42) == Online::Elsewhere(1)).await;
    let at_c = c.cluster.registry().register(42).unwrap();
    until(|| online(&a, 42) == Online::Elsewhere(2)).await;
    let at_a = a.cluster.registry().register(42).unwrap();
    assert_eq!(online(&a, 42), Online::Here);
    drop((at_a, at_b));
    until(|| online(&a, 42) == Online::Elsewhere(1)).await;
    drop(at_c);
    until(|| online(&a, 42) == Online::No).await;
}

#[tokio::test(start_paused = true)]
async fn without_presence_and_without_a_connection_it_is_unknown() {
    let memory = Memory::new();
    let [without] = servers(&memory, options()).await;
    assert_eq!(online(&without, 42), Online::Unknown);
    let [cut] = servers(&memory, with_presence()).await;
    cut.link.cut();
    until(|| online(&cut, 42) == Online::Unknown).await;
    let _socket = cut.cluster.registry().register(42).unwrap();
    assert_eq!(online(&cut, 42), Online::Here);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_tells_of_the_first_node_and_of_the_last() {
    let [a, b] = servers(&Memory::new(), with_presence()).await;
    let (early, there) = (a.cluster.registry().register(1).unwrap(), b.cluster.registry().register(2).unwrap());
    until(|| online(&a, 2) == Online::Elsewhere(1) && online(&b, 1) == Online::Elsewhere(1)).await;
    let mut presence = a.cluster.presence();
    let first = HashSet::from([next(&mut presence).await, next(&mut presence).await].map(|event| match event {
        PresenceEvent::Online(key) => key,
        other => panic!("{other:?}"),
    }));
    assert_eq!(first, HashSet::from([1, 2]));

    let here = a.cluster.registry().register(2).unwrap();
    drop(there);
    until(|| b.cluster.online(&2) == Online::Elsewhere(1)).await;
    drop(early);
    assert_eq!(next(&mut presence).await, PresenceEvent::Offline(1));
    drop(here);
    assert_eq!(next(&mut presence).await, PresenceEvent::Offline(2));
    let _again = b.cluster.registry().register(3).unwrap();
    assert_eq!(next(&mut presence).await, PresenceEvent::Online(3));
    b.cluster.leave().await;
    assert_eq!(next(&mut presence).await, PresenceEvent::Offline(3));
    a.cluster.leave().await;
    assert_eq!(within(presence.next()).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_comes_later_learns_of_all_keys() {
    let memory = Memory::new();
    let [a] = servers(&memory, with_presence()).await;
    let sockets = Vec::from_iter((0..3_000).map(|user| a.cluster.registry().register(user).unwrap()));
    let b = start(&memory, with_presence());
    until(|| (0..3_000).all(|user| online(&b, user) == Online::Elsewhere(1))).await;
    drop(sockets);
    until(|| (0..3_000).all(|user| online(&b, user) == Online::No)).await;
}

/// More events than wait for a subscription.
#[tokio::test(start_paused = true)]
async fn a_subscription_that_falls_behind_begins_again() {
    let [a, b] = servers(&Memory::new(), with_presence()).await;
    let mut presence = a.cluster.presence();
    let _sockets = Vec::from_iter((0..10_000).map(|user| b.cluster.registry().register(user).unwrap()));
    until(|| online(&a, 9_999) == Online::Elsewhere(1) && online(&a, 0) == Online::Elsewhere(1)).await;
    tokio::time::sleep(SECOND).await;
    let mut keys = HashSet::new();
    assert_eq!(next(&mut presence).await, PresenceEvent::Lagged);
    while keys.len() < 10_000 {
        match next(&mut presence).await {
            PresenceEvent::Online(key) => assert!(keys.insert(key)),
            other => panic!("{other:?}"),
        }
    }
}

/// More keys than may wait for the broker at a time otherwise: all of them arrive, though a part of
/// an answer is of no use.
#[tokio::test(start_paused = true)]
async fn the_keys_of_a_node_arrive_however_many_they_are() {
    const KEYS: usize = 25_000;
    let memory = Memory::new();
    let node = || Cluster::start(Registry::<String>::new(), memory.connect(), with_presence()).unwrap();
    let key = |n: usize| format!("{n:0>200}");
    let large = node();
    let _sockets: Vec<_> = (0..KEYS).map(|n| large.registry().register(key(n)).unwrap()).collect();
    within(large.joined()).await.unwrap();
    let others = [node(), node()];
    for other in &others {
        until(|| (0..KEYS).step_by(1_000).all(|n| other.online(&key(n)) == Online::Elsewhere(1))).await;
    }
}
