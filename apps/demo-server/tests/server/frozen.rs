//! A process that is stopped for a while, as a container or a machine is that moves: its clients
//! have done nothing wrong.

use std::time::Duration;

use crate::harness::{Server, within};
use crate::raw::{Raw, frame};

const OPTIONS: [&str; 4] = ["--ping-every", "0.2", "--pong-within", "2"];
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

/// Longer than a client may take to answer.
async fn freeze(server: &Server, meanwhile: impl Future<Output = ()>) {
    server.signal("-STOP").await;
    meanwhile.await;
    tokio::time::sleep(Duration::from_secs(4)).await; // a span, not something to wait for
    server.signal("-CONT").await;
}

async fn assert_served(server: &Server, tab: &mut Raw) {
    assert_eq!(server.add_device("ann", "Phone").await, 1, "the client was given up");
    tab.until(0x81).await;
}

/// The answer lies in the socket when the deadline is long over.
#[tokio::test]
async fn answers_that_have_arrived_are_read_before_anything_is_judged() {
    let server = Server::start_with(OPTIONS).await;
    let mut tab = Raw::upgraded(&server, "/device-ws?id=ann").await;
    for _ in 0..3 {
        tab.until(PING).await;
        freeze(&server, tab.write(&frame(PONG, b""))).await;
        assert_served(&server, &mut tab).await;
    }
}

/// The machine of the answer was stopped as well: there is none yet, and the client gets its time
/// once more.
#[tokio::test]
async fn after_a_pause_it_asks_once_more() {
    let server = Server::start_with(OPTIONS).await;
    let mut tab = Raw::upgraded(&server, "/device-ws?id=ann").await;
    tab.until(PING).await;
    freeze(&server, async {}).await;
    tab.until(PING).await;
    tab.write(&frame(PONG, b"")).await;
    assert_served(&server, &mut tab).await;

    // Once, and no more: this one does not answer.
    tab.until(PING).await;
    freeze(&server, async {}).await;
    tab.until(PING).await;
    let gone = async { while server.get("/stats").await.json()["device_sockets"] != 0 {} };
    within("the silent one to be removed", gone).await;
}
