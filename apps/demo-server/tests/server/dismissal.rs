//! Sockets that are closed while the server goes on: by a tab that takes over, or because their
//! user is logged out.

use serde_json::json;

use crate::events::{Event, Events};
use crate::harness::{Client, Server, within};

const LOGGED_OUT: u16 = 4001;
const SUPERSEDED: u16 = 4002;

async fn assert_dismissed(tab: &mut Client, code: u16, reason: &str) {
    let frame = tab.dismissed().await;
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (code, reason));
}

async fn assert_superseded(tab: &mut Client) {
    assert_dismissed(tab, SUPERSEDED, "another socket has taken over").await;
}

async fn disconnect(server: &Server, query: &str) -> u64 {
    let answer = server.request("DELETE", &format!("/devices-sockets?{query}"), &[], b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["sockets_told"].as_u64().expect("a count")
}

async fn assert_counted(server: &Server, reason: &str, times: u64) {
    let sample = format!(r#"socket_registry_told_to_go_total{{registry="devices",reason="{reason}"}} {times}"#);
    let text = server.get("/metrics").await.body;
    assert!(text.lines().any(|line| line == sample), "{sample} is not in:\n{text}");
}

#[tokio::test]
async fn a_single_tab_takes_over() {
    let server = Server::start_with(["--max-sockets-per-id", "2"]).await;
    let mut old = [server.open("/device-ws?id=ann").await, server.open("/device-ws?id=ann&single=0").await];
    let mut other = server.open("/device-ws?id=bob").await;

    let mut new = server.open("/device-ws?id=ann&single=1").await;
    for tab in &mut old {
        assert_superseded(tab).await;
    }
    assert_eq!(server.add_device("ann", "Phone").await, 1);
    assert_eq!(new.text().await, "update");

    // And in turn.
    let mut newer = server.open("/device-ws?single=1&id=ann").await;
    assert_superseded(&mut new).await;
    assert_eq!(server.add_device("ann", "Phone").await, 1);
    assert_eq!(newer.text().await, "update");
    assert_eq!(server.add_device("bob", "Phone").await, 1);
    assert_eq!(other.text().await, "update");
    assert_eq!(server.get("/stats").await.json()["device_sockets"], 2);
    assert_counted(&server, "superseded", 3).await;
}

#[tokio::test]
async fn what_the_old_tab_was_not_told_the_new_one_is() {
    // The pause after the first update lasts longer than the test: the second one is still to come.
    let server = Server::start_with(["--update-every", "600"]).await;
    let mut old = server.open("/device-ws?id=ann").await;
    server.add_device("ann", "Phone").await;
    assert_eq!(old.text().await, "update");
    server.add_device("ann", "Watch").await;

    let mut new = server.open("/device-ws?id=ann&single=1").await;
    assert_superseded(&mut old).await;
    assert_eq!(new.text().await, "update");
    new.close().await;
}

#[tokio::test]
async fn a_pause_makes_one_update_of_many_changes() {
    let server = Server::start_with(["--update-every", "5"]).await;
    let mut tab = server.open("/device-ws?id=ann").await;
    let mut events = Events::open(&server, "ann", None).await;
    events.nothing_missed().await;
    server.add_device("ann", "device 1").await;
    assert_eq!(tab.text().await, "update");
    events.update().await;
    let start = std::time::Instant::now();
    let mut made = 1;
    while made < 100 && start.elapsed().as_millis() < 300 {
        made += 1;
        server.add_device("ann", &format!("device {made}")).await;
    }
    assert_eq!(tab.text().await, "update");
    let last = events.update().await;
    assert!(last.ends_with(&format!("-{made}")), "{last}: it tells of the last of {made}");
    tab.close().await; // nothing stands before the end
}

#[tokio::test]
async fn who_is_logged_out_is_told_why_on_every_connection() {
    let server = Server::start().await;
    let mut tabs = [server.open("/device-ws?id=ann").await, server.open("/device-ws?id=ann").await];
    let mut events = Events::open(&server, "ann", None).await;
    events.nothing_missed().await;
    let mut other = server.open("/device-ws?id=bob").await;

    assert_eq!(disconnect(&server, "id=ann&code=4255").await, 3);
    for tab in &mut tabs {
        assert_dismissed(tab, 4255, "disconnected with code 4255").await;
    }
    let farewell = Event::dismissed("4255 disconnected with code 4255");
    assert_eq!(events.next().await, Some(farewell));
    assert_eq!(events.next().await, None);

    drop(events);
    let gone = async { while server.get("/stats").await.json()["device_sockets"] != 1 {} };
    within("the sockets to be removed", gone).await;
    assert_eq!(disconnect(&server, "id=ann").await, 0);
    assert_eq!(server.add_device("bob", "Phone").await, 1);
    assert_eq!(other.text().await, "update");

    // No client is kept from coming back.
    let mut back = server.open("/device-ws?id=ann").await;
    assert_eq!(server.add_device("ann", "Phone").await, 1);
    assert_eq!(back.text().await, "update");
    assert_eq!(disconnect(&server, "id=ann").await, 1);
    assert_dismissed(&mut back, LOGGED_OUT, "logged out").await;
    assert_counted(&server, "kicked", 4).await;
}

/// A new tab of the id also ends the streams of the old ones, and tells them not to come back.
#[tokio::test]
async fn an_event_stream_is_taken_over_as_well() {
    let server = Server::start().await;
    let mut events = Events::open(&server, "ann", None).await;
    events.nothing_missed().await;
    let _new = server.open("/device-ws?id=ann&single=1").await;
    let farewell = Event::dismissed("4002 another socket has taken over");
    assert_eq!(events.next().await, Some(farewell));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn bad_values() {
    let server = Server::start().await;
    let mut tab = server.open("/device-ws?id=ann").await;
    for (value, error) in [
        ("single=2", "single is neither 1 nor 0"),
        ("single=", "single is neither 1 nor 0"),
        ("single", "single is neither 1 nor 0"),
        ("single=true", "single is neither 1 nor 0"),
        ("single=01", "single is neither 1 nor 0"),
        ("single=1&single=1", "single is given more than once"),
        ("single=%FF", "single is not valid UTF-8"),
    ] {
        let refused = server.try_open(&format!("/device-ws?id=ann&{value}"), &[]).await;
        let refused = refused.err().unwrap_or_else(|| panic!("{value}: accepted"));
        assert_eq!(refused.refusal(400), error, "{value}");
    }
    for (query, error) in [
        ("", "id is missing"),
        ("id=ann&id=ann", "id is given more than once"),
        ("id=ann&code=3999", "code is not a number from 4000 to 4999"),
        ("id=ann&code=5000", "code is not a number from 4000 to 4999"),
        ("id=ann&code=", "code is not a number from 4000 to 4999"),
        ("id=ann&code=logout", "code is not a number from 4000 to 4999"),
        ("id=ann&code=4001&code=4002", "code is given more than once"),
    ] {
        let refused = server.request("DELETE", &format!("/devices-sockets?{query}"), &[], b"").await;
        assert_eq!(refused.refusal(400), error, "{query}");
    }
    for query in ["online=2", "online=1&online=1"] {
        let refused = server.try_open(&format!("/active-users?id=ann&{query}"), &[]).await;
        refused.err().unwrap_or_else(|| panic!("{query}: accepted")).refusal(400);
    }
    let get = server.get("/devices-sockets?id=ann").await;
    get.refusal(405);
    assert!(get.headers.contains("allow: delete"), "{get:?}");
    let origin = [("Origin", "http://evil.example")];
    server.request("DELETE", "/devices-sockets?id=ann", &origin, b"").await.refusal(403);

    assert_eq!(server.get("/stats").await.json(), json!({ "active_users": 0, "device_ids": 1, "device_sockets": 1 }));
    assert_eq!(server.add_device("ann", "Phone").await, 1);
    assert_eq!(tab.text().await, "update");
}
