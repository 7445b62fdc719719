//! The log is written as long as a process reads it, and nothing else depends on that.

use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::harness::{Client, Server, within};

async fn assert_stops_politely(mut server: Server, mut tab: Client) {
    server.signal("-TERM").await;
    assert_eq!(tab.dismissed().await.code, CloseCode::Away);
    let status = within("the exit", server.process.wait()).await.expect("a status");
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn when_its_reader_has_gone_the_server_goes_on_and_stops_politely() {
    let mut server = Server::start_with(["--log", "debug"]).await;
    let tab = server.open("/device-ws?id=ann").await;
    server.logs("device socket opened").await;
    server.close_log();
    // Each of these logs a line.
    for _ in 0..10 {
        server.get("/nowhere").await.refusal(404);
    }
    assert_stops_politely(server, tab).await;
}

/// More than the pipe and the lines that wait can hold.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn when_its_reader_is_stuck_lines_are_dropped_and_counted() {
    use crate::raw::Raw;

    let server = Server::start_with(["--log", "debug"]).await;
    let tab = server.open("/device-ws?id=ann").await;
    let mut raw = Raw::connect(&server).await;
    for _ in 0..8_000 {
        assert_eq!(raw.handshake(&server, "/device-ws").await, 400);
    }
    let metrics = server.get("/metrics").await.body;
    let dropped = metrics.lines().find_map(|line| line.strip_prefix("socket_registry_log_lines_dropped_total "));
    let dropped: u64 = dropped.expect("they are counted").parse().expect("a number");
    assert!((1..8_100).contains(&dropped), "{dropped}");
    assert_stops_politely(server, tab).await;
}
