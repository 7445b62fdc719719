//! Two servers in a cluster as their clients see them, with a real NATS and a real Redis.

#[path = "../../../../crates/socket-registry-cluster/tests/brokers/server.rs"]
#[allow(dead_code, reason = "the crate's own tests use the rest")]
mod broker;
#[path = "../server/harness.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod harness;

use std::path::PathBuf;

use broker::Kind;
use harness::{Client, Server, within};
use serde_json::Value;

const LOGGED_OUT: u16 = 4001;
const SUPERSEDED: u16 = 4002;

/// The file that servers share, removed when dropped.
struct File(PathBuf);

impl File {
    fn new(broker: &broker::Server) -> Self {
        let name = format!("devices-{}-{}", std::process::id(), broker.port());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn start(broker: &broker::Server, file: &File) -> Server {
    start_at(&broker.url(), file).await
}

async fn start_at(url: &str, file: &File) -> Server {
    let file = file.0.to_str().expect("a name in ASCII");
    Server::start_with(["--cluster", url, "--devices", file, "--online-grace", "0"]).await
}

/// Asks until the answer is that.
async fn becomes(what: &str, ask: impl AsyncFn() -> bool) {
    within(what, async { while !ask().await {} }).await;
}

async fn hears(server: &Server) {
    becomes("the cluster to be heard", async || server.get("/healthz").await.body == "ok, in a cluster").await;
}

/// Reads what a page is told until this comes.
async fn told(page: &mut Client, wanted: &str) {
    while page.text().await != wanted {}
}

async fn post(server: &Server, path: &str) -> Value {
    let answer = server.request("POST", path, &[], b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn servers_work_as_one(kind: Kind) {
    let broker = broker::Server::start(kind);
    let file = File::new(&broker);
    let (a, mut b) = tokio::join!(start(&broker, &file), start(&broker, &file));
    hears(&a).await;
    hears(&b).await;

    // The count, and who is online.
    let mut pages = [a.open("/active-users?id=ann&online=1").await, b.open("/active-users").await];
    for page in &mut pages {
        told(page, r#"{"active_users":2,"servers":2}"#).await;
    }
    let mut bob = b.open("/device-ws?id=bob").await;
    told(&mut pages[0], r#"{"online":{"count":1,"ids":["bob"],"sockets":[null]}}"#).await;

    // Notify: the device is stored on one server, and fetched from the other.
    let body = br#"{"name":"Phone"}"#;
    let answer = a.request("POST", "/devices?id=bob", &[], body).await.json();
    assert_eq!((&answer["sockets_marked"], &answer["other_servers"]), (&0.into(), &1.into()));
    assert_eq!(bob.text().await, "update");
    assert_eq!(b.get("/devices?id=bob").await.json()[0]["name"], "Phone");
    assert_eq!(post(&a, "/devices-sockets?id=bob").await["sockets_marked"], 0);
    assert_eq!(bob.text().await, "update");

    // Takeover, there and back. The new socket looks at what its predecessor may have missed.
    let mut single = a.open("/device-ws?id=bob&single=1").await;
    assert_eq!(u16::from(bob.dismissed().await.code), SUPERSEDED);
    assert_eq!(single.text().await, "update");
    told(&mut pages[0], r#"{"online":{"count":1,"ids":["bob"],"sockets":[1]}}"#).await;
    let mut newer = b.open("/device-ws?id=bob&single=1").await;
    assert_eq!(u16::from(single.dismissed().await.code), SUPERSEDED);
    assert_eq!(newer.text().await, "update");

    // Log-out, of both servers by one call.
    let mut here = a.open("/device-ws?id=bob").await;
    let answer = a.request("DELETE", "/devices-sockets?id=bob&code=4001", &[], b"").await.json();
    assert_eq!((&answer["sockets_told"], &answer["other_servers"]), (&1.into(), &1.into()));
    for tab in [&mut here, &mut newer] {
        assert_eq!(u16::from(tab.dismissed().await.code), LOGGED_OUT);
    }

    // What operators see.
    let shown = a.get("/cluster").await.json();
    assert_eq!((&shown["servers"], &shown["hearing"], &shown["joined"]), (&2.into(), &true.into(), &true.into()));
    assert_eq!(shown["active_users"], 2);
    becomes("the log-out to show in the counts", async || a.get("/cluster").await.json()["device_sockets"] == 0).await;
    let metrics = a.get("/metrics").await.body;
    for sample in [
        r#"hearing{cluster="demo"} 1"#,
        r#"hearing{cluster="demo-pages"} 1"#,
        r#"peers{cluster="demo"} 1"#,
        r#"publish_seconds_count{cluster="demo"} "#,
    ] {
        assert!(metrics.contains(&format!("\nsocket_registry_cluster_{sample}")), "{sample} is not in:\n{metrics}");
    }

    // A server that stops is not waited for.
    b.signal("-TERM").await;
    assert!(within("the server to stop", b.process.wait()).await.expect("it ends").success());
    told(&mut pages[0], r#"{"active_users":1,"servers":1}"#).await;
}

#[tokio::test]
async fn on_nats() {
    servers_work_as_one(Kind::Nats).await;
}

#[tokio::test]
async fn on_redis() {
    servers_work_as_one(Kind::Redis).await;
}

#[tokio::test]
async fn without_its_broker_a_server_works_alone_and_says_so() {
    let mut broker = broker::Server::absent(Kind::Nats);
    let file = File::new(&broker);
    let server = start(&broker, &file).await;
    let health = server.get("/healthz").await;
    assert_eq!((health.status, health.body.as_str()), (200, "ok, but the cluster is not heard"));
    let mut tab = server.open("/device-ws?id=ann").await;
    assert_eq!(server.add_device("ann", "Phone").await, 1);
    assert_eq!(tab.text().await, "update");

    broker.restart();
    hears(&server).await;
    // What may have been missed while nothing was heard.
    assert_eq!(tab.text().await, "update");
}

#[tokio::test]
async fn the_address_may_name_a_user() {
    let broker = broker::Server::start_with(Kind::Nats, &["--user", "server", "--pass", "secret"]);
    let file = File::new(&broker);
    let server = start_at(&broker.url().replace("nats://", "nats://server:secret@"), &file).await;
    hears(&server).await;
}
