//! What a node holds of the others, in bytes that it has allocated.

use crate::marks::shuffle;
use crate::peer::{NAMESPACE, Peer, sender_of};
use crate::table::{Table, Unit};
use futures_util::StreamExt;
use socket_registry::Registry;
use socket_registry_cluster::broker::{Broker, Delivery, Interest, Memory, Message};
use socket_registry_cluster::{Cluster, Online, Options};
use std::time::Duration;
use testkit::LiveBytes;
use tokio::runtime::Builder;

const PEERS: u64 = 4000;

pub(crate) fn run(table: &mut Table) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let peer = runtime.block_on(peers());
    let formula = "16 lanes; 8 B a lane and 200 B".to_owned();
    table.at_most("memory for a peer", formula, peer, 8.0 * 16.0 + 200.0, Unit::Bytes);
    for count in [100_000, 1_000_000] {
        let key = runtime.block_on(remote_keys(count));
        let figures = format!("8 bytes long, one of {count}");
        table.at_most("memory for a remote key", figures, key, 20.0, Unit::Bytes);
    }
}

/// Allocated when nothing is on its way.
async fn at_rest() -> isize {
    let mut least = isize::MAX;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        least = least.min(LiveBytes::now());
    }
    least
}

async fn node(memory: &Memory, options: Options) -> Cluster<u64> {
    let node = Cluster::start(Registry::<u64>::new(), memory.connect(), options).unwrap();
    node.joined().await.unwrap();
    node
}

async fn peers() -> f64 {
    let memory = Memory::new();
    let cluster = node(&memory, Options::new(NAMESPACE)).await;
    let theirs = memory.connect();
    // Ids are drawn at random.
    let mut senders: Vec<u64> = (1..=PEERS).map(|n| n << 48).collect();
    shuffle(&mut senders);
    let before = at_rest().await;
    for sender in senders {
        theirs.publish(vec![Peer::new(sender).beat(None)]).await.unwrap();
        tokio::task::yield_now().await;
    }
    while cluster.health().peers < PEERS as usize {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (at_rest().await - before) as f64 / PEERS as f64
}

async fn remote_keys(count: u64) -> f64 {
    let memory = Memory::new();
    let cluster = node(&memory, Options::new(NAMESPACE).presence(true)).await;
    let (theirs, peer) = (memory.connect(), Peer::new(1));
    let mut answers = theirs.subscribe(vec![Interest::Subject(peer.subject())]);
    let mut keys: Vec<u64> = (0..count).collect();
    shuffle(&mut keys);
    let before = at_rest().await;
    theirs.publish(vec![peer.beat(Some(count))]).await.unwrap();
    let asked = loop {
        if let Some(Delivery::Message(asked)) = answers.next().await {
            break sender_of(&asked);
        }
    };
    let asker = format!("srg1.{NAMESPACE}.n.{asked}");
    for part in peer.parts(&asker, &keys) {
        publish_singly(&theirs, part).await;
    }
    while cluster.online(&keys[0]) != Online::Elsewhere(1) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (at_rest().await - before) as f64 / count as f64
}

/// The node takes it in before the next.
async fn publish_singly(broker: &impl Broker, message: Message) {
    broker.publish(vec![message]).await.unwrap();
    tokio::task::yield_now().await;
}
