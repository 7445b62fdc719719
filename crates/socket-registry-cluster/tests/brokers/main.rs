//! The brokers, as the cluster uses them, against real servers: `nats-server` and `redis-server`
//! must be installed.
//!
//! `cargo test -p socket-registry-cluster --features nats,redis --test brokers`

mod bounds;
mod disguise;
mod faults;
mod fleet;
mod hostile;
mod mixed;
mod node;
mod proxy;
mod route;
mod server;
mod totals;

use futures_util::StreamExt;
use server::{Kind, Server};
use socket_registry_cluster::broker::{Broker, Deliveries, Delivery, Interest, Message, Nats, Redis};
use std::time::Duration;
use tokio::time::timeout;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn message(subject: &str, text: impl Into<String>) -> Message {
    Message { subject: subject.to_owned(), payload: text.into().into() }
}

fn interests() -> Vec<Interest> {
    vec![Interest::Below("srg1.test.b".to_owned()), Interest::Subject("srg1.test.n.7".to_owned())]
}

/// The next message, past all interruptions.
async fn next(deliveries: &mut Deliveries) -> Message {
    let message = async {
        loop {
            if let Delivery::Message(message) = deliveries.next().await.expect("a subscription does not end") {
                return message;
            }
        }
    };
    timeout(PATIENCE, message).await.expect("a message comes")
}

/// Publishes until the message comes back: then the subscription is there.
async fn reach(from: &impl Broker, to: &mut Deliveries) {
    let publish = async {
        loop {
            // What is refused was not published; the next one may be.
            let _ = from.publish(vec![message("srg1.test.b.beat", "hello")]).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let heard = async { while next(to).await != message("srg1.test.b.beat", "hello") {} };
    tokio::select! {
        () = publish => {}
        () = heard => {}
    }
}

/// The next message that is none of `reach`.
async fn next_other(deliveries: &mut Deliveries) -> Message {
    loop {
        let heard = next(deliveries).await;
        if heard.payload != "hello" {
            return heard;
        }
    }
}

async fn delivers_to_all_in_order(a: impl Broker, b: impl Broker) {
    let (mut at_a, mut at_b) = (a.subscribe(interests()), b.subscribe(interests()));
    reach(&b, &mut at_a).await;
    reach(&a, &mut at_b).await;
    let binary = Message { subject: "srg1.test.b.m.3".to_owned(), payload: vec![0, 255, b'\r', b'\n'].into() };
    let own = message("srg1.test.n.7", "own");
    let common = [message("srg1.test.b.m.0", "lane"), binary, message("srg1.test.b.beat", "x".repeat(64 * 1024))];
    let unwanted = [message("srg1.test.n.8", "other's"), message("srg1.tests.b.beat", "other cluster's")];
    a.publish([&unwanted[..], std::slice::from_ref(&own), &common].concat()).await.unwrap();
    for heard in [&mut at_a, &mut at_b] {
        let mut all = Vec::new();
        while all.len() < 1 + common.len() {
            all.push(next_other(heard).await);
        }
        // Each interest has its own order.
        let (of_own, of_common): (Vec<_>, Vec<_>) = all.into_iter().partition(|message| *message == own);
        assert_eq!((of_own.len(), &of_common[..]), (1, &common[..]));
    }
}

async fn comes_back_after_a_crash(mut server: Server, a: impl Broker, b: impl Broker) {
    let mut at_b = b.subscribe(interests());
    reach(&a, &mut at_b).await;
    server.kill();
    let interrupted = async { while at_b.next().await != Some(Delivery::Interrupted) {} };
    timeout(PATIENCE, interrupted).await.expect("the crash is noticed");
    server.restart();
    reach(&a, &mut at_b).await;
}

async fn waits_for_a_server(mut server: Server, a: impl Broker, b: impl Broker) {
    let mut at_b = b.subscribe(interests());
    assert!(timeout(Duration::from_millis(50), at_b.next()).await.is_err(), "nothing comes without a server");
    server.restart();
    reach(&a, &mut at_b).await;
}

async fn reconnects_when_asked(a: impl Broker, b: impl Broker) {
    let mut at_b = b.subscribe(interests());
    reach(&a, &mut at_b).await;
    b.reconnect().await;
    a.reconnect().await;
    let interrupted = async { while at_b.next().await != Some(Delivery::Interrupted) {} };
    timeout(PATIENCE, interrupted).await.expect("the old connection is dropped");
    reach(&a, &mut at_b).await;
}

async fn forgets_a_dropped_subscription(a: impl Broker) {
    let mut first = a.subscribe(interests());
    reach(&a, &mut first).await;
    drop(first);
    let mut second = a.subscribe(interests());
    reach(&a, &mut second).await;
}

macro_rules! tests {
    ($broker:ident, $kind:expr, $connect:expr) => {
        mod $broker {
            use super::*;

            #[tokio::test]
            async fn delivers_to_all_in_order() {
                let server = Server::start($kind);
                super::delivers_to_all_in_order($connect(&server).await, $connect(&server).await).await;
            }

            #[tokio::test]
            async fn comes_back_after_a_crash() {
                let server = Server::start($kind);
                let (a, b) = ($connect(&server).await, $connect(&server).await);
                super::comes_back_after_a_crash(server, a, b).await;
            }

            #[tokio::test]
            async fn waits_for_a_server() {
                let server = Server::absent($kind);
                let (a, b) = ($connect(&server).await, $connect(&server).await);
                super::waits_for_a_server(server, a, b).await;
            }

            #[tokio::test]
            async fn reconnects_when_asked() {
                let server = Server::start($kind);
                super::reconnects_when_asked($connect(&server).await, $connect(&server).await).await;
            }

            #[tokio::test]
            async fn forgets_a_dropped_subscription() {
                let server = Server::start($kind);
                super::forgets_a_dropped_subscription($connect(&server).await).await;
            }
        }
    };
}

tests!(nats, Kind::Nats, async |server: &Server| Nats::connect(server.url()).await.unwrap());
tests!(redis, Kind::Redis, async |server: &Server| Redis::new(server.url()).unwrap());

/// What does not come true by waiting is an error immediately.
#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    assert!(Nats::connect("nats://host:port").await.is_err());
    assert!(Redis::new("nats://127.0.0.1").is_err());
}

/// A server that answers nothing does not make `publish` wait without end.
#[tokio::test]
async fn redis_that_hangs_refuses_a_batch() {
    let server = Server::start(Kind::Redis);
    let redis = Redis::new(server.url()).unwrap();
    let mut heard = redis.subscribe(interests());
    reach(&redis, &mut heard).await;
    // On a connection that is there; without one, `publish` waits for it.
    redis.publish(vec![message("srg1.test.b.beat", "early")]).await.unwrap();
    server.pause();
    let publish = redis.publish(vec![message("srg1.test.b.beat", "late")]);
    assert!(timeout(PATIENCE, publish).await.expect("it gives up").is_err());
    server.resume();
    reach(&redis, &mut heard).await;
}
