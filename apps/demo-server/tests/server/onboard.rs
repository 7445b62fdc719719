//! The link of the QR code: looked at, and its button pressed.

use crate::harness::{Answer, Server};

/// The value of the button on the page behind that link.
async fn invitation(server: &Server, link: &str) -> String {
    let page = server.get(link).await;
    assert_eq!(page.status, 200, "{page:?}");
    let (_, value) = page.body.split_once(r#"name="invitation" value=""#).expect("a button");
    value.split('"').next().expect("a value").to_owned()
}

async fn post(server: &Server, link: &str, invitation: &str) -> Answer {
    let body = format!("invitation={invitation}");
    server.request("POST", link, &[("Content-Type", "application/x-www-form-urlencoded")], body.as_bytes()).await
}

/// Opens the page and presses its button.
pub(crate) async fn press(server: &Server, link: &str) -> Answer {
    post(server, link, &invitation(server, link).await).await
}

async fn assert_no_devices(server: &Server, id: &str) {
    assert_eq!(server.get(&format!("/devices?id={id}")).await.body, "[]");
}

#[tokio::test]
async fn the_button_adds_the_device_and_works_once() {
    let server = Server::start().await;
    let mut tab = server.open("/device-ws?id=%3Cann%3E").await;
    let link = "/onboard?id=%3Cann%3E&name=%3Cscript%3E%22%27%26+%C3%A9";
    let page = server.get(link).await;
    let invitation = invitation(&server, link).await;
    let added = post(&server, link, &invitation).await;
    assert_eq!(added.status, 200, "{added:?}");
    assert_eq!(tab.text().await, "update");
    for page in [page, added] {
        assert!(page.body.contains("&lt;script&gt;&quot;&#39;&amp; é"), "{}", page.body);
        assert!(page.body.contains("&lt;ann&gt;"), "{}", page.body);
        assert!(!page.body.contains("<script") && !page.body.contains("<ann"), "{}", page.body);
    }
    let devices = server.get("/devices?id=%3Cann%3E").await.json();
    assert_eq!(devices[0]["name"], "<script>\"'& é");

    // A reload of the answer sends it again.
    assert!(post(&server, link, &invitation).await.refusal(409).contains("used already"));
    assert_eq!(server.get("/devices?id=%3Cann%3E").await.json().as_array().map(Vec::len), Some(1));
    assert_eq!(press(&server, link).await.status, 200, "the next page has a button of its own");
}

/// What a chat's preview, a browser's prefetch and a reload do.
#[tokio::test]
async fn who_looks_at_the_link_adds_nothing() {
    let server = Server::start().await;
    for _ in 0..3 {
        assert_eq!(server.get("/onboard?id=ann&name=Phone").await.status, 200);
        let head = server.request("HEAD", "/onboard?id=ann&name=Phone", &[], b"").await;
        assert_eq!((head.status, &*head.body), (200, ""));
    }
    assert_no_devices(&server, "ann").await;
}

#[tokio::test]
async fn a_button_is_for_its_user_and_its_device() {
    let server = Server::start().await;
    let good = invitation(&server, "/onboard?id=ann&name=Phone").await;
    let other = Server::start().await;
    let elsewhere = invitation(&other, "/onboard?id=ann&name=Phone").await;
    let last = good.chars().last().map(|last| if last == '0' { '1' } else { '0' }).expect("a signature");
    let forged = format!("{}{last}", &good[..good.len() - 1]);
    for (link, invitation) in [
        ("/onboard?id=bob&name=Phone", &*good),
        ("/onboard?id=ann&name=Watch", &good),
        ("/onboard?id=annP&name=hone", &good),
        ("/onboard?id=ann&name=Phone", &elsewhere),
        ("/onboard?id=ann&name=Phone", &forged),
        ("/onboard?id=ann&name=Phone", ""),
        ("/onboard?id=ann&name=Phone", "a.b.c"),
        ("/onboard?id=ann&name=Phone", &good[..good.len() - 1]),
    ] {
        post(&server, link, invitation).await.refusal(403);
    }
    for id in ["ann", "bob", "annP"] {
        assert_no_devices(&server, id).await;
    }
    let evil = [("Origin", "http://evil.example")];
    let body = format!("invitation={good}");
    server.request("POST", "/onboard?id=ann&name=Phone", &evil, body.as_bytes()).await.refusal(403);
    assert_eq!(post(&server, "/onboard?id=ann&name=Phone", &good).await.status, 200);
}

/// HEAD says what GET would, and opens nothing.
#[tokio::test]
async fn a_head_of_the_events_shows_nobody_online() {
    let server = Server::start().await;
    let head = server.request("HEAD", "/device-events?id=ann", &[], b"").await;
    assert_eq!((head.status, &*head.body), (200, ""));
    assert!(head.headers.contains("content-type: text/event-stream"), "{head:?}");
    server.request("HEAD", "/device-events", &[], b"").await; // no id
    server.request("HEAD", "/device-ws?id=ann", &[], b"").await;
    let metrics = server.get("/metrics").await.body;
    assert!(metrics.contains(r#"socket_registry_registrations_total{registry="devices"} 0"#), "{metrics}");
}
