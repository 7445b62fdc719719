//! Who is online: what the list says, and when. The part that tells it runs here on a clock of the
//! test's, too.

use std::time::Duration;

use serde_json::{Value, json};
use socket_registry::Registry;
use socket_registry_axum::follow_online;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::harness::{Client, Server};

const GRACE: Duration = Duration::from_secs(2);
const PACE: Duration = Duration::from_millis(100);

type Told = mpsc::UnboundedReceiver<Value>;

/// The list as it is told, and what it costs: nothing, as long as no user comes or goes.
fn follow(registry: &Registry<String>) -> Told {
    let (tell, told) = mpsc::unbounded_channel();
    let (presence, counts) = (registry.presence_with_capacity(4), registry.watch_counts());
    let mut last = String::new();
    tokio::spawn(follow_online(presence, counts, GRACE, PACE, move |ids| {
        let text = demo_server::online::text(ids, |_| Some(1));
        if text != last {
            let _ = tell.send(serde_json::from_str(&text).expect("JSON"));
            last = text;
        }
    }));
    told
}

/// Each of them with one socket.
fn online(ids: &[&str]) -> Value {
    online_with(ids, &vec![1; ids.len()])
}

fn online_with(ids: &[&str], sockets: &[usize]) -> Value {
    json!({ "online": { "count": ids.len(), "ids": ids, "sockets": sockets } })
}

fn register(registry: &Registry<String>, id: &str) -> socket_registry::Socket<String> {
    registry.register(id.to_owned()).expect("there is room")
}

#[tokio::test(start_paused = true)]
async fn a_reload_is_no_news_and_an_absence_is_one_when_the_grace_is_over() {
    let registry = Registry::new();
    let mut told = follow(&registry);
    assert_eq!(told.recv().await, Some(online(&[])));
    let _bob = register(&registry, "bob");
    assert_eq!(told.recv().await, Some(online(&["bob"])));
    let ann = register(&registry, "ann");
    assert_eq!(told.recv().await, Some(online(&["ann", "bob"])));

    drop(ann);
    sleep(GRACE - Duration::from_millis(1)).await;
    let ann = register(&registry, "ann");
    assert!(timeout(Duration::from_secs(3600), told.recv()).await.is_err(), "a reload was told");

    let left = Instant::now();
    drop(ann);
    assert_eq!(told.recv().await, Some(online(&["bob"])));
    assert!((GRACE..GRACE + PACE).contains(&left.elapsed()), "{:?}", left.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_others_do_is_told_of_in_one_list() {
    let registry = Registry::new();
    let mut told = follow(&registry);
    assert_eq!(told.recv().await, Some(online(&[])));
    let (mut sockets, mut lists) = (Vec::new(), 0);
    let start = Instant::now();
    let last = loop {
        if sockets.len() < 500 {
            sockets.push(register(&registry, &format!("user {:03}", sockets.len())));
        }
        if let Ok(list) = timeout(Duration::from_millis(1), told.recv()).await {
            lists += 1;
            let list = list.expect("it goes on");
            if list["online"]["count"] == 500 {
                break list;
            }
        }
    };
    assert!(lists as u128 <= 1 + start.elapsed().as_millis() / PACE.as_millis(), "{lists} in {:?}", start.elapsed());
    let ids: Vec<_> = (0..50).map(|n| format!("user {n:03}")).collect();
    assert_eq!(last["online"]["ids"], json!(ids));
}

/// More changes at the same time than the subscription keeps: it begins again, and half a list is
/// never told.
#[tokio::test(start_paused = true)]
async fn a_crowd_at_once() {
    let registry = Registry::new();
    let mut told = follow(&registry);
    assert_eq!(told.recv().await, Some(online(&[])));
    let sockets: Vec<_> = (0..10_000).map(|n| register(&registry, &n.to_string())).collect();
    let list = told.recv().await.expect("a list");
    assert_eq!((&list["online"]["count"], list["online"]["ids"].as_array().map(Vec::len)), (&json!(10_000), Some(50)));
    drop(sockets);
    assert_eq!(told.recv().await, Some(online(&[])));
}

#[tokio::test(start_paused = true)]
async fn long_ids_make_a_shorter_list() {
    let registry = Registry::new();
    let mut told = follow(&registry);
    assert_eq!(told.recv().await, Some(online(&[])));
    let _sockets: Vec<_> = (10..40).map(|n| register(&registry, &format!("{n}{}", "\"".repeat(254)))).collect();
    let list = told.recv().await.expect("a list");
    assert_eq!((&list["online"]["count"], list["online"]["ids"].as_array().map(Vec::len)), (&json!(30), Some(7)));
    assert!(list.to_string().len() < 4096 + 100);
}

/// The next list that is told; the counts between them are passed over.
async fn next(user: &mut Client) -> Value {
    loop {
        let message: Value = serde_json::from_str(&user.text().await).expect("JSON");
        if message.get("online").is_some() {
            return message;
        }
    }
}

#[tokio::test]
async fn the_list_comes_at_once_and_follows() {
    let server = Server::start_with(["--online-grace", "0.1"]).await;
    let ann = [server.open("/device-ws?id=ann").await, server.open("/device-ws?id=ann").await];
    let mut user = server.open("/active-users?online=1&id=eve").await;
    let mut list = next(&mut user).await;
    while list != online_with(&["ann"], &[2]) {
        let earlier = [online(&[]), online(&["ann"])];
        assert!(earlier.contains(&list), "the task that keeps the list may be behind, but not wrong: {list}");
        list = next(&mut user).await;
    }
    let _bob = server.open("/device-ws?id=bob").await;
    let both = online_with(&["ann", "bob"], &[2, 1]);
    assert_eq!(next(&mut user).await, both);
    let mut late = server.open("/active-users?online=1&id=eve").await;
    assert_eq!(next(&mut late).await, both);
    let [first, second] = ann;
    first.close().await;
    assert_eq!(next(&mut user).await, online(&["ann", "bob"]));
    second.close().await;
    let mut list = next(&mut user).await;
    while list != online(&["bob"]) {
        assert_eq!(list, online_with(&["ann", "bob"], &[0, 1]), "gone, but not yet offline");
        list = next(&mut user).await;
    }

    // Who did not ask is not told.
    let mut counts = server.open("/active-users").await;
    counts.count(3).await;
    let _cem = server.open("/device-ws?id=cem").await;
    assert_eq!(next(&mut user).await, online(&["bob", "cem"]));
    drop(late);
    counts.count(2).await;
    counts.close().await;
}

#[tokio::test]
async fn who_reloads_is_there_all_the_time() {
    let server = Server::start_with(["--online-grace", "3600"]).await;
    let mut user = server.open("/active-users?online=1&id=eve").await;
    assert_eq!(next(&mut user).await, online(&[]));
    let mut ann = server.open("/device-ws?id=ann").await;
    assert_eq!(next(&mut user).await, online(&["ann"]));
    for _ in 0..20 {
        ann.close().await; // it is removed by now
        ann = server.open("/device-ws?id=ann").await;
    }
    let _bob = server.open("/device-ws?id=bob").await;
    loop {
        let list = next(&mut user).await;
        if list == online(&["ann", "bob"]) {
            break;
        }
        assert_eq!(list["online"]["ids"], json!(["ann"]), "a reload was told");
    }
}
