//! Marks that the broker loses, and their repair.

use super::{SECOND, Server, options, publisher, servers, until, within};
use bytes::Bytes;
use socket_registry::{Socket, Topics};
use socket_registry_cluster::SettleError;
use socket_registry_cluster::broker::memory::Faults;
use socket_registry_cluster::broker::{Broker, Memory, Message};
use std::time::Duration;
use tokio::time::Instant;

fn sockets(server: &Server, users: u64) -> Vec<Socket<u64>> {
    (0..users).map(|user| server.cluster.registry().register(user).unwrap()).collect()
}

fn all_due(sockets: &[Socket<u64>]) -> bool {
    sockets.iter().all(|socket| socket.peek_due().contains(Topics::UPDATE))
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_doubled_and_overtaken_on_the_way_arrives_once() {
    for seed in 0..20 {
        let memory = Memory::new();
        let [a, b] = servers(&memory, options()).await;
        let there = sockets(&b, 300);
        memory.order(Faults { lost: 0.3, duplicated: 0.2, delay: Duration::from_millis(40), seed });
        for user in 0..300 {
            a.cluster.mark(&user);
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        memory.order(Faults::default());
        until(|| all_due(&there)).await;
        within(a.cluster.settled()).await.unwrap();
        there.iter().for_each(|socket| _ = socket.take_due());
        tokio::time::sleep(20 * SECOND).await;
        assert!(there.iter().all(|socket| socket.peek_due().is_empty()), "seed {seed}: nothing becomes due twice");
    }
}

#[tokio::test(start_paused = true)]
async fn marks_of_an_outage_arrive_after_it_and_only_they() {
    let [a, b] = servers(&Memory::new(), options()).await;
    let there = sockets(&b, 2_000);
    for user in 0..1_000 {
        if user == 300 {
            b.link.cut();
        }
        if user == 600 {
            b.link.heal();
        }
        a.cluster.mark(&user);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let healed = Instant::now();
    until(|| all_due(&there[..1_000])).await;
    assert!(healed.elapsed() <= 3 * SECOND, "repaired after {:?}", healed.elapsed());
    tokio::time::sleep(20 * SECOND).await;
    assert!(there[1_000..].iter().all(|socket| socket.peek_due().is_empty()), "repaired message by message");
}

/// What the engine has to do soon is done soon, however many messages come meanwhile.
#[tokio::test(start_paused = true)]
async fn a_loss_amid_marks_is_repaired_before_the_next_beat() {
    let [a, b] = servers(&Memory::new(), options().lanes(1).beat(10 * SECOND)).await;
    let there = sockets(&b, 1);
    b.link.partition(1);
    a.cluster.mark(&0);
    tokio::time::sleep(SECOND / 100).await;
    b.link.heal();
    let healed = Instant::now();
    for user in 1.. {
        a.cluster.mark(&user);
        tokio::time::sleep(SECOND / 100).await;
        if all_due(&there) {
            break;
        }
    }
    assert!(healed.elapsed() < 4 * SECOND, "repaired after {:?}", healed.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_holds_up_nobody_here() {
    let [a, b] = servers(&Memory::new(), options()).await;
    let (here, there) = (sockets(&a, 100), sockets(&b, 100));
    a.link.stall();
    b.link.stall();
    for round in 0..30 {
        for user in 0..100 {
            assert_eq!(a.cluster.mark(&user), 1);
        }
        tokio::time::sleep(SECOND).await;
        assert!(all_due(&here), "round {round}");
        here.iter().for_each(|socket| _ = socket.take_due());
    }
    assert!(!a.cluster.health().hearing);
    a.link.heal();
    b.link.heal();
    let healed = Instant::now();
    until(|| all_due(&there)).await;
    assert!(healed.elapsed() <= 3 * SECOND, "repaired after {:?}", healed.elapsed());
}

/// One's own echo is not enough: the node that is deaf has yet to hear.
#[tokio::test(start_paused = true)]
async fn settled_waits_for_a_node_that_is_deaf() {
    let memory = Memory::new();
    let [a, b] = servers(&memory, options()).await;
    let (worker, _) = publisher(&memory).await;
    let there = sockets(&b, 10);
    // It is told nothing of that.
    b.link.cut();
    (0..10).for_each(|user| worker.mark(&user));
    tokio::time::sleep(2 * SECOND).await;
    a.link.heal();
    b.link.heal();
    within(worker.settled()).await.unwrap();
    within(worker.leave()).await;
    until(|| all_due(&there)).await;
}

/// What a worker said while a node was deaf is repaired when the worker is long gone.
#[tokio::test(start_paused = true)]
async fn a_worker_that_came_and_went_during_an_outage_is_repaired() {
    let memory = Memory::new();
    let [a, b] = servers(&memory, options()).await;
    let there = sockets(&b, 10);
    b.link.cut();
    // As long as a worker takes to start, to mark and to settle, and until b counts as gone.
    tokio::time::sleep(8 * SECOND).await;
    let (worker, _) = publisher(&memory).await;
    (0..10).for_each(|user| worker.mark(&user));
    within(worker.settled()).await.unwrap();
    within(worker.leave()).await;
    drop(worker);
    tokio::time::sleep(2 * SECOND).await;
    b.link.heal();
    let healed = Instant::now();
    until(|| all_due(&there)).await;
    // Lanes, since the worker is not there to say its messages again.
    assert!(healed.elapsed() <= 6 * SECOND, "repaired after {:?}", healed.elapsed());
    drop(a);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_dies_during_an_outage_makes_everything_due() {
    let memory = Memory::new();
    let [_a, b] = servers(&memory, options()).await;
    let (worker, link) = publisher(&memory).await;
    let there = sockets(&b, 10);
    until(|| b.cluster.health().peers == 2).await;
    b.link.cut();
    link.cut();
    (0..10).for_each(|user| worker.mark(&user));
    drop(worker);
    tokio::time::sleep(4 * SECOND).await;
    b.link.heal();
    until(|| all_due(&there)).await;
}

#[tokio::test(start_paused = true)]
async fn garbage_is_dropped() {
    let memory = Memory::new();
    let [a, b] = servers(&memory, options()).await;
    let there = sockets(&b, 10);
    let stranger = memory.connect();
    let mut payloads = vec![Bytes::new(), Bytes::from_static(b"\x01"), Bytes::from(vec![0xff; 1 << 20])];
    payloads.extend((0..200_u8).map(|byte| Bytes::from(vec![byte; usize::from(byte)])));
    payloads.extend((0..16).map(|kind| Bytes::from([&[1, kind][..], &[0xee; 100]].concat())));
    for subject in ["srg1.test.b.m.3", "srg1.test.b.m.99", "srg1.test.b.beat", "srg1.test.b.presence", "srg1.test.b.x"]
    {
        let message = |payload: &Bytes| Message { subject: subject.to_owned(), payload: payload.clone() };
        stranger.publish(payloads.iter().map(message).collect()).await.unwrap();
    }
    tokio::time::sleep(5 * SECOND).await;
    assert!(there.iter().all(|socket| socket.peek_due().is_empty() && !socket.is_closed()));
    assert!(a.cluster.health().is_ok() && b.cluster.health().is_ok());
    (0..10).for_each(|user| _ = a.cluster.mark(&user));
    within(a.cluster.settled()).await.unwrap();
    assert!(all_due(&there));
}

/// More keys than the outbox holds, while nothing can be sent.
#[tokio::test(start_paused = true)]
async fn an_outbox_that_overflows_is_repaired() {
    let [a, b] = servers(&Memory::new(), options()).await;
    let there = sockets(&b, 100_000);
    a.link.stall();
    a.cluster.mark(&0);
    tokio::time::sleep(Duration::from_millis(20)).await;
    (0..100_000).for_each(|user| _ = a.cluster.mark(&user));
    tokio::time::sleep(SECOND / 2).await;
    a.link.heal();
    until(|| all_due(&there)).await;
}

#[tokio::test(start_paused = true)]
async fn settled_waits_for_a_broker() {
    let [a, b] = servers(&Memory::new(), options()).await;
    let there = sockets(&b, 1);
    a.link.cut();
    a.cluster.mark(&0);
    let mut settled = tokio::spawn({
        let cluster = a.cluster.clone();
        async move { cluster.settled().await }
    });
    assert!(tokio::time::timeout(20 * SECOND, &mut settled).await.is_err());
    a.link.heal();
    assert_eq!(within(settled).await.unwrap(), Ok::<_, SettleError>(()));
    assert!(all_due(&there));
}
