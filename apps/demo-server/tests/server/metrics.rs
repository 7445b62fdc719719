//! What the server counts, and what it writes into its log.

use std::collections::HashMap;

use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Server, within};

/// Every sample by its name and labels.
async fn samples(server: &Server) -> HashMap<String, f64> {
    let answer = server.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers.contains("content-type: text/plain; version=0.0.4"), "{}", answer.headers);
    let lines = answer.body.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        (name.to_owned(), value.parse().expect("a number"))
    };
    lines.map(sample).collect()
}

/// `socket_registry_NAME{LABEL}`, 0 where there was none so far.
async fn sample(server: &Server, name: &str, label: &str) -> f64 {
    let name = format!("socket_registry_{name}{{{label}}}");
    samples(server).await.get(&name).copied().unwrap_or_default()
}

async fn device_sample(server: &Server, name: &str) -> f64 {
    sample(server, name, r#"registry="devices""#).await
}

#[tokio::test]
async fn what_happens_is_counted() {
    let server = Server::start().await;
    let names = ["registrations_total", "removals_total", "marks_total", "updates_sent_total", "send_failures_total"];
    let all = samples(&server).await;
    for name in names.iter().chain(&["sockets", "keys", "coalesced_marks_total", "mark_to_send_seconds_count"]) {
        for registry in ["active_users", "devices"] {
            let name = format!(r#"socket_registry_{name}{{registry="{registry}"}}"#);
            assert_eq!(all.get(&name), Some(&0.0), "{name}");
        }
    }

    let mut tabs = [server.open("/device-ws?id=ann").await, server.open("/device-ws?id=ann").await];
    let other = server.open("/device-ws?id=bob").await;
    for n in 1..=3 {
        server.add_device("ann", &format!("device {n}")).await;
        for tab in &mut tabs {
            assert_eq!(tab.text().await, "update");
        }
    }
    other.close().await;
    assert_eq!(device_sample(&server, "sockets").await, 2.0);
    assert_eq!(device_sample(&server, "keys").await, 1.0);
    assert_eq!(device_sample(&server, "registrations_total").await, 3.0);
    assert_eq!(device_sample(&server, "removals_total").await, 1.0);
    assert_eq!(device_sample(&server, "marks_total").await, 6.0);
    // The client may have an update before the server has counted it.
    for name in ["updates_sent_total", "mark_to_send_seconds_count"] {
        within(name, async { while device_sample(&server, name).await != 6.0 {} }).await;
    }
    let seconds = device_sample(&server, "mark_to_send_seconds_sum").await;
    assert!(0.0 < seconds && seconds < 6.0, "{seconds}");
    let buckets = samples(&server).await;
    let within_10_s = r#"socket_registry_mark_to_send_seconds_bucket{registry="devices",le="10"}"#;
    assert_eq!(buckets.get(within_10_s), Some(&6.0));
}

#[tokio::test]
async fn refusals_are_counted_by_reason() {
    let server = Server::start_with(["--max-sockets", "2", "--max-sockets-per-id", "1"]).await;
    let _tab = server.open("/device-ws?id=ann").await;
    assert!(server.try_open("/device-ws?id=ann", &[]).await.is_err());
    let _other = server.open("/device-ws?id=bob").await;
    assert!(server.try_open("/device-ws?id=cem", &[]).await.is_err());
    assert!(server.try_open("/active-users", &[("origin", "http://evil.example")]).await.is_err());
    server.get("/devices").await.refusal(400);
    server.get("/nowhere").await.refusal(404);
    server.get("/nowhere/else").await.refusal(404);
    server.get("/active-users").await.refusal(400);

    for (reason, times) in [
        ("id_full", 1.0),
        ("server_full", 1.0),
        ("foreign_origin", 1.0),
        ("bad_request", 1.0),
        ("not_found", 2.0),
        ("no_websocket", 1.0),
    ] {
        assert_eq!(sample(&server, "refusals_total", &format!(r#"reason="{reason}""#)).await, times, "{reason}");
    }
}

/// The rules of Prometheus for names: base units, `_total` for what only grows, a help and a type
/// for each.
#[tokio::test]
async fn names_follow_the_conventions() {
    let server = Server::start().await;
    let text = server.get("/metrics").await.body;
    let types: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    assert!(types.len() >= 9, "{types:?}");
    for (name, kind) in types {
        assert!(text.contains(&format!("# HELP {name} ")), "{name}: no help");
        assert!(name.starts_with("socket_registry_"), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}: {kind}");
        assert_eq!(name.ends_with("_seconds"), kind == "histogram", "{name}: {kind}");
    }
}

/// A panel that asks for what is not counted stays empty, unnoticed.
#[tokio::test]
async fn the_dashboard_asks_for_what_there_is() {
    let server = Server::start().await;
    server.get("/nowhere").await.refusal(404);
    let text = server.get("/metrics").await.body;
    let dashboard = include_str!("../../src/dashboard.json");
    let dashboard: serde_json::Value = serde_json::from_str(dashboard).expect("JSON");
    let mut asked = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().expect("targets") {
            let query = target["expr"].as_str().expect("a query");
            let words = query.split(|c: char| !c.is_alphanumeric() && c != '_');
            asked.extend(words.filter(|word| word.starts_with("socket_registry_")).map(str::to_owned));
        }
    }
    for name in &asked {
        let found =
            text.lines().any(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")));
        assert!(found, "the dashboard asks for {name}, which is not in:\n{text}");
    }
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().expect("a name");
        assert!(asked.iter().any(|asked| asked.starts_with(name)), "no panel shows {name}");
    }
}

#[tokio::test]
async fn what_clients_say_is_escaped_in_the_log() {
    let mut server = Server::start_with(["--log", "debug"]).await;
    // A quote, a letter beyond ASCII, and what looks like another field.
    let mut tab = server.open("/device-ws?id=%22%20user%3Droot%C3%A9").await;
    tab.send(Message::text("evil text of a client")).await;
    server.get("/evil-path?evil=query").await.refusal(404);
    tab.close().await;
    let mut log = String::new();
    let told = async {
        while !log.contains("device socket closed") {
            log += &server.log.next_line().await.expect("the log is text").expect("the log goes on");
            log.push('\n');
        }
    };
    within("the end of the socket in the log", told).await;
    assert!(log.contains(r#"user="\" user=root\u{e9}""#), "{log}");
    assert!(log.contains(r#"refused status=404 reason="not_found""#), "{log}");
    assert!(log.is_ascii() && !log.contains("evil"), "{log}");
}
