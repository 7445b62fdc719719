//! What a server of a cluster has that one alone can be asked for: the file of devices, and the
//! routes.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use crate::harness::{PROGRAM, Server, within};

/// A file of this name, removed when dropped.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("{name}-{}", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a name in ASCII")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn names(server: &Server, id: &str) -> Vec<String> {
    let devices = server.get(&format!("/devices?id={id}")).await.json();
    let devices = devices.as_array().expect("a list");
    devices.iter().map(|device| device["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn servers_with_one_file_have_the_same_devices_also_later() {
    let file = File::new("devices-shared");
    let options = ["--devices", file.path()];
    let (a, b) = tokio::join!(Server::start_with(options), Server::start_with(options));
    a.add_device("ann", "One").await;
    b.add_device("ann", "Two").await;
    a.add_device("bob", "Three").await;
    for server in [&a, &b] {
        assert_eq!(names(server, "ann").await, ["One", "Two"]);
        assert_eq!(names(server, "bob").await, ["Three"]);
    }
    drop(a);
    // A server that was killed in the middle of a line.
    let line = std::fs::read_to_string(&file.0).expect("the file").lines().next().expect("a line").to_owned();
    std::fs::write(&file.0, format!("{}{}", std::fs::read_to_string(&file.0).expect("the file"), &line[..20])).unwrap();
    let c = Server::start_with(options).await;
    assert_eq!(names(&c, "ann").await, ["One", "Two"]);
    c.add_device("ann", "Four").await;
    for server in [&b, &c] {
        assert_eq!(names(server, "ann").await, ["One", "Two", "Four"]);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_kept_is_an_error() {
    let server = Command::new(PROGRAM).args(["--listen", "127.0.0.1:0", "--devices", "/nowhere/devices"]).output();
    let output = within("the server to give up", server).await.expect("it starts");
    assert!(!output.status.success());
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains("cannot open the file of devices"), "{log}");
}

#[tokio::test]
async fn a_call_marks_and_the_route_of_the_cluster_says_that_there_is_none() {
    let server = Server::start().await;
    let mut tab = server.open("/device-ws?id=ann").await;
    let marked = server.request("POST", "/devices-sockets?id=ann", &[], b"").await;
    assert_eq!((marked.status, marked.body.as_str()), (200, r#"{"sockets_marked":1}"#));
    assert_eq!(tab.text().await, "update");
    server.request("POST", "/devices-sockets", &[], b"").await.refusal(400);
    server.get("/cluster").await.refusal(404);
    assert_eq!(server.get("/healthz").await.body, "ok");
}

#[tokio::test]
async fn a_cluster_needs_a_file_and_a_broker_that_is_known() {
    let file = File::new("devices-refused");
    for (options, error) in [
        (vec!["--cluster", "nats://127.0.0.1:1"], "--devices <FILE>"),
        (vec!["--cluster", "amqp://127.0.0.1:1", "--devices", file.path()], "--cluster: "),
    ] {
        let mut server = Command::new(PROGRAM);
        server.args(["--listen", "127.0.0.1:0"]).args(&options).stdin(Stdio::null());
        let output = within("the server to give up", server.output()).await.expect("it starts");
        assert!(!output.status.success(), "{options:?}");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(log.contains(error), "{options:?}: {log}");
    }
}
