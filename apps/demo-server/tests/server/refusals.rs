//! Bad input: a clear answer, and nothing changed.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::harness::Server;
use crate::onboard;

async fn assert_untouched(server: &Server) {
    let expected = json!({ "active_users": 0, "device_ids": 0, "device_sockets": 0 });
    assert_eq!(server.get("/stats").await.json(), expected);
    assert_eq!(server.get("/devices?id=ann").await.body, "[]");
}

#[tokio::test]
async fn bad_ids() {
    let server = Server::start().await;
    let long = format!("id={}", "x".repeat(256));
    let long_decoded = format!("id={}", "%C3%A9".repeat(128));
    for (query, error) in [
        ("", "id is missing"),
        ("ID=ann", "id is missing"),
        ("id=", "id is empty"),
        ("id", "id is empty"),
        ("id=ann&id=bob", "id is given more than once"),
        ("id=a%00b", "id contains control characters"),
        ("id=a%0Ab", "id contains control characters"),
        ("id=a%C2%80b", "id contains control characters"),
        ("id=a%FFb", "id is not valid UTF-8"),
        ("id=a%E2%80%AEb", "id contains characters that change the direction of writing"),
        ("id=a%D8%9Cb", "id contains characters that change the direction of writing"),
        ("id=a%E2%80%8Bb", "id contains invisible characters"),
        ("id=a%EF%B8%8F", "id contains invisible characters"),
        ("id=%C2%ADa", "id contains invisible characters"),
        ("id=%C3", "id is not valid UTF-8"),
        (&long, "id is longer than 255 bytes"),
        (&long_decoded, "id is longer than 255 bytes"),
    ] {
        let get = server.get(&format!("/devices?{query}")).await;
        assert_eq!(get.refusal(400), error, "{query}");
        let body = br#"{"name":"Phone"}"#;
        let post = server.request("POST", &format!("/devices?{query}"), &[], body).await;
        assert_eq!(post.refusal(400), error, "{query}");
        let onboard = server.get(&format!("/onboard?name=Phone&{query}")).await;
        assert_eq!(onboard.refusal(400), error, "{query}");
        let events = server.get(&format!("/device-events?{query}")).await;
        assert_eq!(events.refusal(400), error, "{query}");
        let ws = server.try_open(&format!("/device-ws?{query}"), &[]).await;
        let ws = ws.err().unwrap_or_else(|| panic!("{query}: accepted"));
        assert_eq!(ws.refusal(400), error, "{query}");
    }
    assert_untouched(&server).await;
}

#[tokio::test]
async fn the_longest_id_is_good() {
    let server = Server::start().await;
    let id = "%F0%9F%A6%80".repeat(63) + "abc";
    let mut tab = server.open(&format!("/device-ws?id={id}")).await;
    assert_eq!(server.add_device(&id, "Phone").await, 1);
    assert_eq!(tab.text().await, "update");
}

/// The same name, typed on two systems.
#[tokio::test]
async fn both_spellings_of_an_id_are_one_user() {
    let server = Server::start().await;
    let (composed, decomposed) = ("%C3%A9", "e%CC%81");
    let mut tab = server.open(&format!("/device-ws?id={composed}")).await;
    assert_eq!(server.add_device(decomposed, "Phone").await, 1);
    assert_eq!(tab.text().await, "update");
    assert_eq!(server.get("/stats").await.json()["device_ids"], 1);
    // A name may hold what an emoji is made of, and nothing that turns the text around it.
    server.add_device("ann", "\u{2764}\u{fe0f}").await;
    let turned = json!({ "name": "a\u{202e}b" }).to_string();
    server.request("POST", "/devices?id=ann", &[], turned.as_bytes()).await.refusal(400);
}

/// RFC 6455, section 4.4.
#[tokio::test]
async fn another_version_of_the_protocol_is_told_which_one_there_is() {
    let server = Server::start().await;
    for path in ["/active-users", "/device-ws?id=ann"] {
        let answer =
            server.try_open(path, &[("sec-websocket-version", "8")]).await.err().expect("there is no version 8");
        answer.refusal(426);
        assert!(answer.headers.contains("sec-websocket-version: 13"), "{answer:?}");
    }
}

#[tokio::test]
async fn bad_bodies() {
    let server = Server::start().await;
    let long_name = json!({ "name": "x".repeat(256) }).to_string();
    for body in ["", "{", "[]", "{}", "Phone", r#"{"name":7}"#, r#"{"name":""}"#, r#"{"name":"a\u0000b"}"#, &long_name]
    {
        let answer = server.request("POST", "/devices?id=ann", &[], body.as_bytes()).await;
        assert!(answer.refusal(400).contains(r#"body is not {"name":".."}"#), "{answer:?}");
    }
    let not_text = server.request("POST", "/devices?id=ann", &[], b"{\"name\":\"\xFF\"}").await;
    not_text.refusal(400);

    // White space may follow, up to the limit and not beyond.
    let padded = |length| format!("{:length$}", r#"{"name":"Phone"}"#).into_bytes();
    let too_long = server.request("POST", "/devices?id=ann", &[], &padded(4097)).await;
    too_long.refusal(413);
    assert_untouched(&server).await;
    let longest = server.request("POST", "/devices?id=ann", &[], &padded(4096)).await;
    assert_eq!(longest.status, 201);
}

#[tokio::test]
async fn unknown_routes_and_methods() {
    let server = Server::start().await;
    for path in ["/nowhere", "/devices/", "/devices/7", "/../etc/passwd", "//"] {
        server.get(path).await.refusal(404);
    }
    for (method, path) in
        [("DELETE", "/devices?id=ann"), ("POST", "/"), ("PUT", "/device-ws?id=ann"), ("BREW", "/stats")]
    {
        let answer = server.request(method, path, &[], b"").await;
        answer.refusal(405);
        assert!(answer.headers.contains("allow: get"), "{answer:?}");
    }
    server.get("/active-users").await.refusal(400); // not a WebSocket's request
    assert_untouched(&server).await;
}

#[tokio::test]
async fn pages_of_other_sites() {
    let server = Server::start().await;
    let port_changed = format!("http://{}0", server.host);
    let suffixed = format!("http://{}.evil.example", server.host);
    for origin in ["http://evil.example", "null", "", &server.host, &port_changed, &suffixed] {
        for path in ["/active-users", "/device-ws?id=ann"] {
            let ws = server.try_open(path, &[("origin", origin)]).await;
            let ws = ws.err().unwrap_or_else(|| panic!("{origin}: accepted"));
            ws.refusal(403);
        }
        let origin = [("Origin", origin)];
        let post = server.request("POST", "/devices?id=ann", &origin, br#"{"name":"Phone"}"#).await;
        post.refusal(403);
        let onboard = server.request("GET", "/onboard?id=ann&name=Phone", &origin, b"").await;
        onboard.refusal(403);
        server.request("GET", "/device-events?id=ann", &origin, b"").await.refusal(403);
    }
    // A browser names no origin for an image.
    let image = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Dest", "image")];
    server.request("GET", "/onboard?id=ann&name=Phone", &image, b"").await.refusal(403);
    assert_untouched(&server).await;

    let own = format!("http://{}", server.host.to_uppercase());
    let ws = server.try_open("/active-users", &[("origin", &own)]).await;
    assert!(ws.is_ok(), "our own page is refused");
    let link = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Dest", "document")];
    assert_eq!(server.request("GET", "/onboard?id=ann&name=Phone", &link, b"").await.status, 200);
}

#[tokio::test]
async fn a_frame_that_is_too_long() {
    let server = Server::start().await;
    for path in ["/active-users", "/device-ws?id=ann"] {
        let mut client = server.open(path).await;
        if path == "/active-users" {
            client.count(1).await;
        }
        client.send(Message::text("x".repeat(4096))).await;
        client.send(Message::text("x".repeat(4097))).await;
        assert_eq!(client.dismissed().await.code, CloseCode::Size);
    }
    // Who is dismissed is removed before the close frame leaves.
    assert_untouched(&server).await;
}

#[tokio::test]
async fn more_sockets_than_there_is_room_for() {
    let server = Server::start_with(["--max-sockets", "3", "--max-sockets-per-id", "2"]).await;
    let first = server.open("/device-ws?id=ann").await;
    let _second = server.open("/device-ws?id=ann").await;
    let refused = async |path: &str, status: u16, who: &str| {
        let answer = server.try_open(path, &[]).await.err();
        let answer = answer.unwrap_or_else(|| panic!("{path}: accepted"));
        assert!(answer.refusal(status).starts_with(who), "{answer:?}");
        assert!(answer.headers.contains("retry-after: "), "{answer:?}");
    };
    refused("/device-ws?id=ann", 429, "this id").await;
    let _third = server.open("/device-ws?id=bob").await;
    refused("/device-ws?id=cem", 503, "the server").await;

    first.close().await;
    let mut next = server.open("/device-ws?id=ann").await;
    assert_eq!(server.add_device("ann", "Phone").await, 2);
    assert_eq!(next.text().await, "update");

    let mut users = Vec::new();
    for _ in 0..3 {
        users.push(server.open("/active-users").await);
    }
    refused("/active-users", 503, "the server").await;
    users[0].count(3).await;
}

#[tokio::test]
async fn more_devices_than_there_is_room_for() {
    let server = Server::start().await;
    for _ in 0..1000 {
        server.add_device("ann", "Phone").await;
    }
    let path = "/devices?id=ann";
    let full = server.request("POST", path, &[], br#"{"name":"Phone"}"#).await;
    full.refusal(507);
    onboard::press(&server, "/onboard?id=ann&name=Phone").await.refusal(507);
    let devices = server.get(path).await.json();
    assert_eq!(devices.as_array().map(Vec::len), Some(1000));
    server.add_device("bob", "Phone").await;
}
