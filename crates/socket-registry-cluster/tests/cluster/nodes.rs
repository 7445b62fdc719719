//! How nodes start, join, settle, count and leave.

use super::{SECOND, options, publisher, servers, start, until, within};
use socket_registry::{Registry, Topics};
use socket_registry_cluster::broker::Memory;
use socket_registry_cluster::{Cluster, Ended, Options, Publisher, SettleError, StartError};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn joining_takes_two_and_a_half_beats_and_settling_about_two() {
    let memory = Memory::new();
    let begin = Instant::now();
    let [a, _b] = servers(&memory, options()).await;
    let joined = begin.elapsed();
    assert!((2 * SECOND..4 * SECOND).contains(&joined), "joined after {joined:?}");
    a.cluster.mark(&42);
    let begin = Instant::now();
    within(a.cluster.settled()).await.unwrap();
    assert!(begin.elapsed() < 4 * SECOND, "settled after {:?}", begin.elapsed());
}

/// Marks that were made before a node has joined may have passed it.
#[tokio::test(start_paused = true)]
async fn sockets_that_are_there_when_the_node_joins_become_due() {
    let memory = Memory::new();
    let _other = servers::<1>(&memory, options()).await;
    let node = start(&memory, options());
    let mut early = node.cluster.registry().register(42).unwrap();
    assert!(early.take_due().is_empty());
    assert_eq!(within(early.due()).await, Ok(Topics::ALL));
}

#[tokio::test(start_paused = true)]
async fn a_worker_without_servers_is_told_so() {
    let memory = Memory::new();
    let (worker, _) = publisher(&memory).await;
    let (_other, _) = publisher(&memory).await;
    assert_eq!(within(worker.settled()).await, Err(SettleError::Alone));
    let [server] = servers(&memory, options()).await;
    assert_eq!(within(worker.settled()).await, Ok(()));
    // A server's own sockets have heard it.
    assert_eq!(within(server.cluster.settled()).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn counts_are_those_of_all_nodes() {
    let memory = Memory::new();
    let [a, b] = servers(&memory, options()).await;
    let _sockets = [1, 2, 2].map(|user| a.cluster.registry().register(user).unwrap());
    let there = [2, 3].map(|user| b.cluster.registry().register(user).unwrap());
    let counts = |server: &super::Server| {
        let counts = server.cluster.counts();
        (counts.keys, counts.sockets, counts.nodes)
    };
    until(|| counts(&a) == (4, 5, 2) && counts(&b) == (4, 5, 2)).await;
    assert!(a.cluster.counts().age <= 2 * SECOND);
    drop(there);
    until(|| counts(&a) == (2, 3, 2)).await;
    b.cluster.leave().await;
    until(|| counts(&a) == (2, 3, 1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_leaves_is_gone_immediately_and_one_that_is_cut_off_after_its_time() {
    let memory = Memory::new();
    let [a, b, c] = servers(&memory, options()).await;
    until(|| a.cluster.health().peers == 2).await;
    let begin = Instant::now();
    b.cluster.leave().await;
    until(|| a.cluster.health().peers == 1).await;
    assert!(begin.elapsed() < SECOND / 10, "gone after {:?}", begin.elapsed());
    c.link.cut();
    until(|| a.cluster.health().peers == 0).await;
    let silent = begin.elapsed();
    assert!((3 * SECOND..7 * SECOND).contains(&silent), "gone after {silent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_ends_with_its_last_handle() {
    let memory = Memory::new();
    let [a, b] = servers(&memory, options()).await;
    until(|| a.cluster.health().peers == 1).await;
    let clone = b.cluster.clone();
    drop(b.cluster);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(a.cluster.health().peers, 1);
    drop(clone);
    until(|| a.cluster.health().peers == 0).await;
}

#[tokio::test(start_paused = true)]
async fn after_the_end_nothing_waits_and_the_registry_works() {
    let memory = Memory::new();
    let [a, b] = servers(&memory, options()).await;
    let socket = a.cluster.registry().register(42).unwrap();
    let there = b.cluster.registry().register(42).unwrap();
    within(a.cluster.leave()).await;
    within(a.cluster.leave()).await;
    assert_eq!(a.cluster.mark(&42), 1);
    assert_eq!(socket.take_due(), Topics::UPDATE);
    assert_eq!(within(a.cluster.settled()).await, Err(SettleError::Ended));
    assert!(a.cluster.health().ended && !a.cluster.health().is_ok());
    tokio::time::sleep(2 * SECOND).await;
    assert!(there.take_due().is_empty());
    let never = start(&memory, options());
    never.link.cut();
    let (joined, ()) = within(async { tokio::join!(never.cluster.joined(), never.cluster.leave()) }).await;
    assert_eq!(joined, Err(Ended));
}

#[tokio::test(start_paused = true)]
async fn without_a_broker_a_node_starts_works_and_says_so() {
    let memory = Memory::new();
    let node = start(&memory, options());
    node.link.cut();
    let mut socket = node.cluster.registry().register(42).unwrap();
    assert_eq!(node.cluster.mark(&42), 1);
    assert_eq!(within(socket.due()).await, Ok(Topics::UPDATE));
    tokio::time::sleep(10 * SECOND).await;
    let health = node.cluster.health();
    assert!(!health.hearing && !health.joined && !health.ended && !health.is_ok());
    node.link.heal();
    let begin = Instant::now();
    within(node.cluster.joined()).await.unwrap();
    assert!(begin.elapsed() <= 5 * SECOND, "joined {:?} after the broker came", begin.elapsed());
    assert!(node.cluster.health().is_ok());
}

#[tokio::test(start_paused = true)]
async fn nodes_with_other_lanes_are_reported() {
    let memory = Memory::new();
    let [a] = servers(&memory, options()).await;
    let [_b] = servers(&memory, options().lanes(4)).await;
    until(|| a.cluster.health().lanes_mismatch).await;
    assert!(!a.cluster.health().is_ok());
}

#[test]
fn options_that_no_node_can_have_are_refused() {
    let memory = Memory::new();
    let why = |options: Options| Publisher::<u64>::start(memory.connect(), options).unwrap_err();
    for namespace in ["", "a.b", "a*", "a b", "ä", &"x".repeat(65)] {
        assert_eq!(why(Options::new(namespace)), StartError::Namespace);
    }
    for lanes in [0, 3, 8192] {
        assert_eq!(why(options().lanes(lanes)), StartError::Lanes);
    }
    assert_eq!(why(options().beat(Duration::ZERO)), StartError::Times);
    assert_eq!(why(options().ttl(2 * SECOND)), StartError::Times);
    assert_eq!(why(options()), StartError::NoRuntime);
    let started = Cluster::start(Registry::<u64>::new(), memory.connect(), options());
    assert_eq!(started.unwrap_err().to_string(), "a node starts in a tokio runtime");
}

/// A hundred nodes, each with a socket of every user.
#[tokio::test(start_paused = true)]
async fn a_hundred_nodes() {
    let memory = Memory::new();
    let nodes = servers::<100>(&memory, options()).await;
    let sockets = Vec::from_iter(nodes.iter().map(|node| node.cluster.registry().register(42).unwrap()));
    for node in &nodes {
        node.cluster.mark(&42);
        within(node.cluster.settled()).await.unwrap();
        assert!(sockets.iter().all(|socket| socket.take_due() == Topics::UPDATE));
    }
    assert_eq!(nodes[0].cluster.counts().nodes, 100);
    assert!(nodes.iter().all(|node| node.cluster.health().is_ok()));
}
