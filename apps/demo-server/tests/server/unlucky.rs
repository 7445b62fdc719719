//! Connections that break, stall or find no room, and a server that is asked to stop again and
//! again.

use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::harness::{PROGRAM, Server, within};
use crate::raw::Raw;

/// How long after `start` the server closed the connection, and what it said.
async fn closed(mut raw: Raw, start: Instant) -> (Duration, String) {
    let said = raw.ended().await;
    (start.elapsed(), String::from_utf8(said).expect("text"))
}

#[tokio::test]
async fn requests_that_never_arrive() {
    let server = Server::start().await;
    let start = Instant::now();
    let silent = Raw::connect(&server).await;
    let mut half = Raw::connect(&server).await;
    half.write(b"GET /device-ws?id=ann HTTP/1.1\r\nHost: exam").await;
    let mut half_body = Raw::connect(&server).await;
    let head = "POST /devices?id=ann HTTP/1.1\r\nHost: example.org\r\nContent-Length: 16\r\n\r\n{\"name\"";
    half_body.write(head.as_bytes()).await;

    let (silent, half, half_body) = tokio::join!(closed(silent, start), closed(half, start), closed(half_body, start));
    for (what, (after, _)) in [("silent", silent), ("half a header", half)] {
        assert!(after >= Duration::from_secs(10), "{what}: {after:?}");
    }
    let (_, answer) = half_body;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

/// A balancer in front keeps its connections for a minute, and sends the next request whenever it
/// likes.
#[tokio::test]
async fn an_idle_connection_has_a_time_of_its_own() {
    let server = Server::start_with(["--header-within", "0.3", "--idle-within", "3600"]).await;
    let mut idle = Raw::connect(&server).await;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.host);
    for pause in [0, 1_200, 1_200] {
        tokio::time::sleep(Duration::from_millis(pause)).await; // longer than a header may take
        idle.write(request.as_bytes()).await;
        assert!(idle.head().await.starts_with("HTTP/1.1 200 "));
        idle.skip(b"ok").await;
    }

    // The header of a later request has the shorter time as well, from its first byte.
    let start = Instant::now();
    idle.write(b"GET /hea").await;
    let (after, _) = closed(idle, start).await;
    assert!(after >= Duration::from_millis(300), "{after:?}");

    let server = Server::start_with(["--header-within", "0.3", "--idle-within", "1"]).await;
    let mut idle = Raw::connect(&server).await;
    let start = Instant::now();
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.host);
    idle.write(request.as_bytes()).await;
    assert!(idle.head().await.starts_with("HTTP/1.1 200 "));
    let (after, _) = closed(idle, start).await;
    assert!(after >= Duration::from_secs(1), "{after:?}");
}

/// The time is for the whole header: a byte now and then buys none.
#[tokio::test]
async fn a_header_that_comes_drop_by_drop() {
    let server = Server::start_with(["--header-within", "0.5"]).await;
    let mut raw = Raw::connect(&server).await;
    let start = Instant::now();
    raw.write(b"GET / HTTP/1.1\r\nX-Slow: ").await;
    while raw.try_write(b"x").await.is_ok() {
        assert!(start.elapsed() < Duration::from_secs(10), "still taken");
        tokio::time::sleep(Duration::from_millis(20)).await; // the drops
    }
}

/// The limit is for headers: what was opened in time stays open.
#[tokio::test]
async fn open_connections_outlast_the_limit_for_headers() {
    let server = Server::start_with(["--header-within", "0.2", "--ping-every", "0.1"]).await;
    let mut events = Raw::connect(&server).await;
    let request = format!("GET /device-events?id=ann HTTP/1.1\r\nHost: {}\r\n\r\n", server.host);
    events.write(request.as_bytes()).await;
    assert!(events.head().await.starts_with("HTTP/1.1 200 ")); // by now it is registered
    let mut tab = server.open("/device-ws?id=ann").await;
    let start = Instant::now();
    let mut devices = 0;
    while start.elapsed() < Duration::from_secs(1) {
        assert_eq!(server.add_device("ann", "Phone").await, 2, "after {devices} devices");
        assert_eq!(tab.text().await, "update");
        devices += 1;
        tokio::time::sleep(Duration::from_millis(5)).await; // an id may have 1,000 devices
    }
}

#[tokio::test]
async fn no_file_descriptors_left() {
    let mut limited = Command::new("sh");
    let script = r#"ulimit -n 40 && exec "$0" --listen 127.0.0.1:0 --header-within 600"#;
    let mut server = Server::spawn(limited.args(["-c", script]).arg(PROGRAM)).await;
    let mut held = Vec::new();
    for _ in 0..60 {
        held.push(Raw::connect(&server).await);
    }
    let start = Instant::now();
    server.logs("no connection can be accepted").await;

    // A span to measure, not one to wait for something.
    let before = server.cpu_ticks();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let spent = server.cpu_ticks() - before;
    assert!(spent <= 20, "{spent} % of a core while there was nothing to do");

    // As many as are waiting, and one for us.
    held.drain(..40);
    assert_eq!(server.get("/healthz").await.body, "ok");
    let metrics = server.get("/metrics").await.body;
    let failures = metrics.lines().find_map(|line| line.strip_prefix("socket_registry_accept_failures_total "));
    let failures: u64 = failures.expect("they are counted").parse().expect("a number");
    let at_most = 10 + start.elapsed().as_millis() as u64 / 100;
    assert!((1..=at_most).contains(&failures), "{failures}: too many to be backing off");
}

/// Without a FIN there is nothing to read, not even an end: only the missing pong tells.
#[tokio::test]
async fn who_vanishes_is_removed_in_time() {
    let server = Server::start_with(["--ping-every", "1", "--pong-within", "2"]).await;
    let start = Instant::now();
    let _vanished = Raw::upgraded(&server, "/device-ws?id=ann").await;
    assert_eq!(server.get("/stats").await.json()["device_sockets"], 1);
    let gone = async { while server.get("/stats").await.json()["device_sockets"] != 0 {} };
    within("the vanished one to be removed", gone).await;
    let after = start.elapsed();
    assert!(after >= Duration::from_secs(3), "{after:?}");
}

#[tokio::test]
async fn asked_to_stop_twice() {
    for signals in [["-TERM", "-TERM"], ["-INT", "-TERM"]] {
        let mut server = Server::start_with(["--drain-within", "3600"]).await;
        // Half a request holds the server back.
        let mut half = Raw::connect(&server).await;
        let expect = format!(
            "POST /devices?id=ann HTTP/1.1\r\nHost: {}\r\nContent-Length: 16\r\nExpect: 100-continue\r\n\r\n",
            server.host
        );
        half.write(expect.as_bytes()).await;
        assert!(half.head().await.starts_with("HTTP/1.1 100 "), "the body is not waited for");

        server.signal(signals[0]).await;
        server.logs("stopping").await;
        assert!(server.process.try_wait().expect("a status").is_none(), "it did not wait for the request");
        server.signal(signals[1]).await;
        server.logs("stopping immediately").await;
        let status = within("the exit", server.process.wait()).await.expect("a status");
        assert!(status.success(), "{status}");
    }
}
