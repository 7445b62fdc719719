//! What the server is for: counts that follow, and updates that arrive.

use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::Message;

use crate::harness::Server;

#[tokio::test]
async fn the_count_comes_at_once_and_follows_every_change() {
    let server = Server::start().await;
    let mut first = server.open("/active-users").await;
    assert_eq!(first.text().await, r#"{"active_users":1}"#);

    let mut second = server.open("/active-users").await;
    assert_eq!(second.text().await, r#"{"active_users":2}"#);
    assert_eq!(first.text().await, r#"{"active_users":2}"#);

    second.close().await;
    assert_eq!(first.text().await, r#"{"active_users":1}"#);

    let third = server.open("/active-users").await;
    assert_eq!(first.text().await, r#"{"active_users":2}"#);
    drop(third); // without a goodbye
    assert_eq!(first.text().await, r#"{"active_users":1}"#);
}

#[tokio::test]
async fn a_rush_of_users_makes_few_frames_and_the_last_is_true() {
    let server = Server::start().await;
    let start = Instant::now();
    let mut watcher = server.open("/active-users").await;
    let rush = async {
        for _ in 0..300 {
            drop(server.open("/active-users").await);
        }
        let mut users = Vec::new();
        for _ in 0..100 {
            users.push(server.open("/active-users").await);
        }
        users
    };
    let watch = async {
        let mut counts = vec![watcher.text().await];
        while counts.last().unwrap() != r#"{"active_users":101}"# {
            counts.push(watcher.text().await);
        }
        counts
    };
    let (_users, counts) = tokio::join!(rush, watch);
    assert!(counts.windows(2).all(|pair| pair[0] != pair[1]), "{counts:?}");
    let at_most = 1 + start.elapsed().as_millis() / 100;
    assert!(counts.len() as u128 <= at_most, "{} ms: {counts:?}", start.elapsed().as_millis());
}

/// Each join and each departure would cost a mark of everybody, if they were not told of together.
#[tokio::test]
async fn a_rush_of_users_makes_few_marks() {
    let server = Server::start().await;
    let start = Instant::now();
    let mut users = Vec::new();
    for _ in 0..200 {
        users.push(server.open("/active-users").await);
    }
    users[0].count(200).await;
    let walks = start.elapsed().as_millis() as u64 / 100 + 2;
    let metrics = server.get("/metrics").await.body;
    let sample = r#"socket_registry_marks_total{registry="active_users"} "#;
    let marks = metrics.lines().find_map(|line| line.strip_prefix(sample)).expect("they are counted");
    let marks: u64 = marks.parse().expect("a number");
    assert!(marks <= walks * 200, "{marks} in {:?}", start.elapsed());
}

/// What comes between two frames would be lost if the pause were not interrupted without loss.
#[tokio::test]
async fn a_change_during_the_pause_survives_what_the_client_says_meanwhile() {
    let server = Server::start().await;
    let mut watcher = server.open("/active-users").await;
    watcher.count(1).await;
    let _second = server.open("/active-users").await;
    watcher.send(Message::text("hello")).await;
    watcher.count(2).await;
}

#[tokio::test]
async fn all_tabs_of_an_id_hear_of_its_devices_and_no_others() {
    let server = Server::start().await;
    let mut tabs = [server.open("/device-ws?id=ann").await, server.open("/device-ws?id=ann").await];
    let mut other = server.open("/device-ws?id=bob").await;

    assert_eq!(server.add_device("ann", "Phone").await, 2);
    for tab in &mut tabs {
        assert_eq!(tab.text().await, "update");
    }
    assert_eq!(server.add_device("bob", "Watch").await, 1);
    assert_eq!(other.text().await, "update");

    // No tab was told twice, or of what is not theirs: nothing stands before the end.
    other.close().await;
    for tab in tabs {
        tab.close().await;
    }
    assert_eq!(server.add_device("ann", "Tablet").await, 0);
}

#[tokio::test]
async fn a_device_is_there_to_fetch_when_the_update_arrives() {
    let server = Server::start().await;
    let mut tab = server.open("/device-ws?id=ann").await;
    for n in 1..=20 {
        server.add_device("ann", &format!("device {n}")).await;
        assert_eq!(tab.text().await, "update");
        let devices = server.get("/devices?id=ann").await.json();
        let devices = devices.as_array().expect("a list");
        assert_eq!(devices.len(), n);
        assert_eq!(devices[n - 1]["name"], format!("device {n}"));
        assert!(devices[n - 1]["added_at"].is_f64());
    }
}

/// A opens, B opens, A goes: before the mark, during it, or after it. B hears of each mark once.
#[tokio::test]
async fn reconnecting_loses_no_update() {
    let server = Server::start().await;
    let mut old = server.open("/device-ws?id=ann").await;
    for round in 0..300 {
        let mut new = server.open("/device-ws?id=ann").await;
        let name = format!("device {round}");
        let marked = match round % 3 {
            0 => {
                old.close().await;
                server.add_device("ann", &name).await
            }
            1 => {
                drop(old);
                server.add_device("ann", &name).await
            }
            _ => {
                let marked = server.add_device("ann", &name).await;
                drop(old);
                marked
            }
        };
        assert!(marked >= 1, "round {round}: nobody was marked");
        assert_eq!(new.text().await, "update");
        old = new;
    }
    old.close().await;
    let devices = server.get("/devices?id=ann").await.json();
    assert_eq!(devices.as_array().map(Vec::len), Some(300));
}

#[tokio::test]
async fn an_update_takes_milliseconds() {
    let server = Server::start().await;
    let mut tab = server.open("/device-ws?id=ann").await;
    let mut delays = Vec::new();
    for _ in 0..51 {
        let start = Instant::now();
        server.add_device("ann", "Phone").await;
        assert_eq!(tab.text().await, "update");
        delays.push(start.elapsed());
    }
    delays.sort();
    // Half of them, because a busy machine may stop for longer now and then.
    assert!(delays[25] < Duration::from_millis(500), "{delays:?}");
}

#[tokio::test]
async fn the_log_tells_the_number_of_users() {
    let mut server = Server::start().await;
    let _users = [server.open("/active-users").await, server.open("/active-users").await];
    server.logs("active users 2").await;
}
