//! Marks, log-outs and takeovers.

use super::{SECOND, options, publisher, servers, start, until, within};
use futures_util::StreamExt;
use socket_registry::{CloseReason, Closed, Registry, Topics};
use socket_registry_cluster::broker::{Broker, Delivery, Interest, Memory};
use socket_registry_cluster::{Cluster, Options};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake};
use std::time::{Duration, Instant};
use tokio::time::timeout;

const NEWS: Topics = Topics::topic(1);

/// With a clock that runs: a paused one shows the same time twice, and so hid that it did.
#[tokio::test]
async fn a_mark_does_not_wait_for_the_next_beat() {
    let memory = Memory::new();
    let mut heard = memory.connect().subscribe(vec![Interest::Below("srg1.test.b".to_owned())]);
    let node = start(&memory, options().beat(3600 * SECOND));
    for subject in ["srg1.test.b.beat", "srg1.test.b.m."] {
        let Some(Delivery::Message(message)) = within(heard.next()).await else { panic!("it is not interrupted") };
        assert!(message.subject.starts_with(subject), "{}", message.subject);
        node.cluster.mark(&42);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_reaches_the_sockets_of_every_node_and_no_other_key() {
    let [a, b] = servers(&Memory::new(), options()).await;
    let mut here = a.cluster.registry().register(42).unwrap();
    let mut there = b.cluster.registry().register(42).unwrap();
    let other = b.cluster.registry().register(43).unwrap();
    assert_eq!(a.cluster.mark(&42), 1);
    assert_eq!(within(here.due()).await, Ok(Topics::UPDATE));
    assert_eq!(within(there.due()).await, Ok(Topics::UPDATE));
    a.cluster.mark_topics(&42, NEWS);
    assert_eq!(within(there.due()).await, Ok(NEWS));
    assert_eq!(here.take_due(), NEWS);
    within(a.cluster.settled()).await.unwrap();
    assert!(other.take_due().is_empty() && here.take_due().is_empty() && there.take_due().is_empty());
}

#[tokio::test(start_paused = true)]
async fn many_keys_are_marked_in_one_call() {
    let [a, b] = servers(&Memory::new(), options()).await;
    let sockets = Vec::from_iter((0..5_000).map(|user| b.cluster.registry().register(user).unwrap()));
    let even = Vec::from_iter((0..5_000).step_by(2));
    assert_eq!(a.cluster.mark_many_topics(&even, NEWS), 0);
    a.cluster.mark_many(&even);
    within(a.cluster.settled()).await.unwrap();
    for socket in sockets {
        let wanted = if socket.key() % 2 == 0 { NEWS.union(Topics::UPDATE) } else { Topics::EMPTY };
        assert_eq!(socket.take_due(), wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn mark_all_reaches_everyone_within_its_time() {
    let memory = Memory::new();
    let [a, b] = servers(&memory, options()).await;
    let (publisher, _) = publisher(&memory).await;
    let sockets =
        [&a, &b].map(|server| Vec::from_iter((0..500).map(|user| server.cluster.registry().register(user).unwrap())));
    a.cluster.mark_all_topics(NEWS, 2 * SECOND);
    tokio::time::sleep(SECOND).await;
    for sockets in &sockets {
        let due = sockets.iter().filter(|socket| socket.peek_due() == NEWS).count();
        assert!((100..400).contains(&due), "{due} of 500 are due after half of the time");
    }
    tokio::time::sleep(2 * SECOND).await;
    assert!(sockets.iter().flatten().all(|socket| socket.take_due() == NEWS));
    publisher.mark_all(SECOND);
    tokio::time::sleep(2 * SECOND).await;
    assert!(sockets.iter().flatten().all(|socket| socket.take_due() == Topics::UPDATE));
}

#[tokio::test(start_paused = true)]
async fn a_log_out_closes_the_sockets_of_every_node() {
    let memory = Memory::new();
    let [a, b] = servers(&memory, options()).await;
    let (publisher, _) = publisher(&memory).await;
    let reason = CloseReason::new(4100).unwrap();
    let here = a.cluster.registry().register(42).unwrap();
    let kept = a.cluster.registry().register(42).unwrap();
    let mut there = b.cluster.registry().register(42).unwrap();
    assert_eq!(a.cluster.disconnect_others(&42, kept.id(), reason), 1);
    assert_eq!(within(there.closed()).await, Closed::Disconnected(reason));
    assert_eq!((here.is_closed(), kept.is_closed()), (true, false));
    drop(here);

    let mut there = b.cluster.registry().register(42).unwrap();
    assert_eq!(a.cluster.disconnect(&42, CloseReason::LOGGED_OUT), 1);
    assert_eq!(within(there.closed()).await, Closed::Disconnected(CloseReason::LOGGED_OUT));
    let mut again = b.cluster.registry().register(43).unwrap();
    publisher.disconnect(&43, CloseReason::EXPIRED);
    assert_eq!(within(again.closed()).await, Closed::Disconnected(CloseReason::EXPIRED));
}

#[tokio::test(start_paused = true)]
async fn the_latest_takeover_is_the_only_socket() {
    let [a, b] = servers(&Memory::new(), options()).await;
    let mut plain = b.cluster.registry().register(42).unwrap();
    let mut first = a.cluster.register_taking_over(42, ()).unwrap();
    assert_eq!(first.take_due(), Topics::UPDATE, "it is born due");
    assert_eq!(within(plain.closed()).await, Closed::Superseded);
    let second = b.cluster.register_taking_over(42, ()).unwrap();
    assert_eq!(within(first.closed()).await, Closed::Superseded);
    // The end of a claim that is no longer the latest changes nothing.
    drop(first);
    within(a.cluster.settled()).await.unwrap();
    within(b.cluster.settled()).await.unwrap();
    assert!(!second.is_closed());
    assert_eq!((a.cluster.registry().socket_count(), b.cluster.registry().socket_count()), (0, 1));
}

/// As a session does that registers its socket itself.
#[tokio::test(start_paused = true)]
async fn a_takeover_by_other_code_ends_the_others_unless_it_is_refused() {
    let [a, b] = servers(&Memory::new(), options()).await;
    let mut there = b.cluster.registry().register(42).unwrap();
    let refused = a.cluster.take_over(&42, || Err::<(), _>("full"));
    assert_eq!(refused.unwrap_err(), "full");
    within(a.cluster.settled()).await.unwrap();
    assert!(!there.is_closed());

    let register = || a.cluster.registry().registration(42, ()).due(Topics::UPDATE).taking_over().register();
    let (mut here, claim) = a.cluster.take_over(&42, register).unwrap();
    assert_eq!(within(there.closed()).await, Closed::Superseded);
    let _later = b.cluster.register_taking_over(42, ()).unwrap();
    assert_eq!(within(here.closed()).await, Closed::Superseded);
    drop(claim);
}

/// Both believe to be the latest until they hear of each other.
#[tokio::test(start_paused = true)]
async fn of_takeovers_on_both_sides_of_a_partition_one_stays() {
    let [a, b] = servers(&Memory::new(), options()).await;
    a.link.partition(1);
    b.link.partition(2);
    let mut singles = Vec::new();
    for user in 0..100 {
        // Each side is the later one for half of the users.
        let order = if user % 2 == 0 { [&a, &b] } else { [&b, &a] };
        singles.push(order.map(|server| {
            let single = server.cluster.register_taking_over(user, ()).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(2)); // of the wall clock, which orders them
            single
        }));
    }
    tokio::time::sleep(2 * SECOND).await;
    assert!(singles.iter().flatten().all(|single| !single.is_closed()));
    a.link.heal();
    b.link.heal();
    until(|| a.cluster.registry().socket_count() + b.cluster.registry().socket_count() == 100).await;
    tokio::time::sleep(10 * SECOND).await;
    assert!(singles.iter().all(|[earlier, later]| earlier.is_closed() && !later.is_closed()));
}

/// How many messages with marks are heard by the time that all is settled.
async fn messages_of(memory: &Memory, marking: impl AsyncFnOnce()) -> usize {
    let mut heard = memory.connect().subscribe(vec![Interest::Below("srg1.test.b.m".to_owned())]);
    marking().await;
    let mut count = 0;
    while let Ok(Some(_)) = timeout(SECOND / 100, heard.next()).await {
        count += 1;
    }
    count
}

#[tokio::test(start_paused = true)]
async fn marks_that_come_quickly_share_messages() {
    let memory = Memory::new();
    let [a, b] = servers(&memory, options()).await;
    let there = Vec::from_iter((0..1_000).map(|user| b.cluster.registry().register(user).unwrap()));
    let count = messages_of(&memory, async || {
        for user in 0..1_000 {
            a.cluster.mark(&user);
            tokio::task::yield_now().await; // the driver has its turn
        }
        within(a.cluster.settled()).await.unwrap();
    })
    .await;
    assert!(there.iter().all(|socket| socket.take_due() == Topics::UPDATE));
    assert!(count < 100, "{count} messages for 1,000 marks within a millisecond");
}

#[tokio::test(start_paused = true)]
async fn marks_that_wait_for_the_broker_coalesce() {
    let memory = Memory::new();
    let [a, b] = servers(&memory, options()).await;
    let there = Vec::from_iter((0..100).map(|user| b.cluster.registry().register(user).unwrap()));
    let count = messages_of(&memory, async || {
        a.link.stall();
        for round in 0..10_000 {
            a.cluster.mark(&(round % 100));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        a.link.heal();
        within(a.cluster.settled()).await.unwrap();
    })
    .await;
    assert!(there.iter().all(|socket| socket.take_due() == Topics::UPDATE));
    // Each beat of the ten seconds takes along what waits, in 16 lanes.
    assert!(count < 13 * 16, "{count} messages for 10,000 marks of 100 keys");
}

/// Calls a closure when it wakes for the first time.
struct Hook(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Wake for Hook {
    fn wake(self: Arc<Self>) {
        let hook = self.0.lock().unwrap().take();
        hook.into_iter().for_each(|hook| hook());
    }
}

/// A claim of another node arrives in the middle of a takeover, after the new socket is there and
/// before its claim is. It must wait: it is the earlier one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_arrives_amid_a_takeover_does_not_end_it() {
    let memory = Memory::new();
    let [a, b] = servers(&memory, Options::new("test").beat(SECOND / 20).ttl(5 * SECOND)).await;
    let mut before = a.cluster.registry().register(42).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let (here, there) = (a.cluster.registry().clone(), b.cluster.clone());
    let amid = move || {
        sender.send(there.register_taking_over(42, ()).unwrap()).unwrap();
        // The new socket is closed if the claim does not wait. If it does, nothing happens.
        let deadline = Instant::now() + SECOND / 5;
        while here.socket_count() != 0 && Instant::now() < deadline {
            std::thread::yield_now();
        }
    };
    let waker = Arc::new(Hook(Mutex::new(Some(Box::new(amid))))).into();
    assert!(before.poll_due(&mut Context::from_waker(&waker)).is_pending());
    let cluster = a.cluster.clone();
    let at_a = tokio::task::spawn_blocking(move || cluster.register_taking_over(42, ()).unwrap()).await.unwrap();
    let at_b = receiver.recv().unwrap();
    within(a.cluster.settled()).await.unwrap();
    within(b.cluster.settled()).await.unwrap();
    assert_eq!((at_a.is_closed(), at_b.is_closed()), (false, true));
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_too_long_to_travel_work_on_their_node() {
    let memory = Memory::new();
    let start = || Cluster::<String>::start(Registry::new(), memory.connect(), options()).unwrap();
    let (a, b) = (start(), start());
    within(a.joined()).await.unwrap();
    within(b.joined()).await.unwrap();
    let (long, longest) = ("x".repeat(256), "y".repeat(255));
    let here = a.registry().register(long.clone()).unwrap();
    let there = b.registry().register(long.clone()).unwrap();
    let travels = b.registry().register(longest.clone()).unwrap();
    assert_eq!(a.mark(&long), 1);
    a.mark_many([&long, &longest]);
    assert_eq!(a.disconnect(&long, CloseReason::LOGGED_OUT), 1);
    let taken = a.register_taking_over(long, ()).unwrap();
    within(a.settled()).await.unwrap();
    assert!(here.is_closed() && !taken.is_closed());
    assert!(there.take_due().is_empty() && !there.is_closed());
    assert_eq!(travels.take_due(), Topics::UPDATE);
}

#[tokio::test(start_paused = true)]
async fn clusters_of_two_names_do_not_hear_each_other() {
    let memory = Memory::new();
    let a = start(&memory, Options::new("a"));
    let b = start(&memory, Options::new("b"));
    within(a.cluster.joined()).await.unwrap();
    within(b.cluster.joined()).await.unwrap();
    let socket = b.cluster.registry().register(42).unwrap();
    a.cluster.mark(&42);
    tokio::time::sleep(5 * SECOND).await;
    assert!(socket.take_due().is_empty());
    assert_eq!((a.cluster.health().peers, a.cluster.counts().nodes), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_worker_marks_and_leaves() {
    let memory = Memory::new();
    let [a, b] = servers(&memory, options()).await;
    let sockets = [&a, &b].map(|server| server.cluster.registry().register(42).unwrap());
    let (worker, _) = publisher(&memory).await;
    worker.mark(&42);
    worker.mark_topics(&42, NEWS);
    within(worker.settled()).await.unwrap();
    assert!(sockets.iter().all(|socket| socket.take_due() == NEWS.union(Topics::UPDATE)));
    assert_eq!((worker.counts().sockets, a.cluster.health().peers), (2, 2));
    within(worker.leave()).await;
    until(|| a.cluster.health().peers == 1).await;
}
