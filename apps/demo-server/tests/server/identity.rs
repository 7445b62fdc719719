//! Who is believed to be whom.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio_tungstenite::tungstenite::Message;

use crate::events::{Event, Events};
use crate::harness::{Client, PROGRAM, Server, within};
use crate::onboard;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// `{"alg":"none","typ":"JWT"}`
const ALG_NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

/// A file for one test, under the directory that cargo keeps for tests.
fn secret_file(test: &str, secret: &str) -> PathBuf {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("secret-{test}"));
    std::fs::write(&file, secret).expect("the file is written");
    file
}

async fn server(test: &str) -> Server {
    let file = secret_file(test, &format!("{SECRET}\n"));
    Server::start_with(["--auth-secret".as_ref(), file.as_os_str()]).await
}

/// Seconds since the Unix epoch, that many from now.
fn seconds(from_now: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    now.as_secs() as i64 + from_now
}

fn signed(algorithm: &str, secret: &str, claims: &Value) -> String {
    let header = json!({ "typ": "JWT", "alg": algorithm });
    let [header, claims] = [&header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let signature = match algorithm {
        "HS256" => mac::<Hmac<Sha256>>(secret, &message),
        "HS384" => mac::<Hmac<Sha384>>(secret, &message),
        _ => mac::<Hmac<Sha512>>(secret, &message),
    };
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn mac<M: Mac + KeyInit>(secret: &str, message: &str) -> Vec<u8> {
    let mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
    mac.chain_update(message).finalize().into_bytes().to_vec()
}

fn token_of(user: &str) -> String {
    signed("HS256", SECRET, &json!({ "sub": user, "exp": seconds(600) }))
}

/// Asserts that this credential opens nothing: not over HTTP, not as events, not as a WebSocket.
async fn assert_refused(server: &Server, query: &str, headers: &[(&'static str, &str)], error: &str) {
    for path in ["/devices", "/device-events", "/onboard", "/qr.svg"] {
        let answer = server.request("GET", &format!("{path}?{query}&name=Phone"), headers, b"").await;
        assert!(answer.refusal(401).starts_with(error), "{query}: {answer:?}");
        assert!(answer.headers.contains("www-authenticate: bearer"), "{answer:?}");
    }
    let body = br#"{"name":"Phone"}"#;
    let post = server.request("POST", &format!("/devices?{query}"), headers, body).await;
    assert!(post.refusal(401).starts_with(error), "{query}: {post:?}");
    let ws = server.try_open(&format!("/device-ws?{query}"), headers).await;
    let ws = ws.err().unwrap_or_else(|| panic!("{query}: accepted"));
    assert!(ws.refusal(401).starts_with(error), "{query}: {ws:?}");
}

#[tokio::test]
async fn a_token_says_who_it_is() {
    let server = server("good").await;
    let token = token_of("änn & \"co\"");
    let mut tab = server.open(&format!("/device-ws?token={token}")).await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let mut by_header = server.try_open("/device-ws", &headers).await.expect("the header is as good");
    // What the client says it is besides does not matter.
    let post = server.request("POST", "/devices?id=bob", &headers, br#"{"name":"Phone"}"#).await;
    assert_eq!(post.json()["sockets_marked"], 2, "{post:?}");
    assert_eq!(tab.text().await, "update");
    assert_eq!(by_header.text().await, "update");
    assert_eq!(server.get(&format!("/devices?token={token}")).await.json()[0]["name"], "Phone");
    let bob = server.get(&format!("/devices?token={}", token_of("bob"))).await;
    assert_eq!(bob.body, "[]");
}

/// Who is online is told to users, how many there are to every client; and no user logs another one
/// out.
#[tokio::test]
async fn names_are_for_users_and_everybody_logs_out_themselves() {
    let server = server("online").await;
    let (ann, bob) = (token_of("ann"), token_of("bob"));
    let mut tabs = [
        server.open(&format!("/device-ws?token={ann}&single=1")).await,
        server.open(&format!("/device-ws?token={bob}&id=ann&single=1")).await,
    ];
    let expired = signed("HS256", SECRET, &json!({ "sub": "ann", "exp": seconds(-60) }));
    for query in ["", "id=ann", &format!("token={expired}")] {
        let refused = server.try_open(&format!("/active-users?online=1&{query}"), &[]).await.err();
        refused.unwrap_or_else(|| panic!("{query}: accepted")).refusal(401);
        server.request("DELETE", &format!("/devices-sockets?{query}"), &[], b"").await.refusal(401);
    }
    server.open("/active-users").await.count(1).await;
    let mut user = server.open(&format!("/active-users?online=1&token={bob}")).await;
    while user.text().await != r#"{"online":{"count":2,"ids":["ann","bob"],"sockets":[1,1]}}"# {}

    let told = server.request("DELETE", &format!("/devices-sockets?id=bob&token={ann}"), &[], b"").await;
    assert_eq!(told.json(), json!({ "sockets_told": 1 }));
    assert_eq!(u16::from(tabs[0].dismissed().await.code), 4001);
    let headers = [("authorization", &*format!("Bearer {bob}"))];
    let post = server.request("POST", "/devices", &headers, br#"{"name":"Phone"}"#).await;
    assert_eq!(post.json()["sockets_marked"], 1, "{post:?}");
    assert_eq!(tabs[1].text().await, "update");
}

#[tokio::test]
async fn links_carry_the_token() {
    let server = server("links").await;
    let token = token_of("ann");
    let mut tab = server.open(&format!("/device-ws?token={token}")).await;
    let code = server.get(&format!("/qr.svg?token={token}&name=Phone")).await;
    let link = format!("http://{}/onboard?token={token}&name=Phone", server.host);
    let expected = qrcode::QrCode::new(link).expect("the link is short enough");
    let expected = expected.render::<qrcode::render::svg::Color<'_>>().min_dimensions(240, 240).build();
    assert_eq!(code.body, expected);
    let page = onboard::press(&server, &format!("/onboard?token={token}&name=Phone")).await;
    assert!(page.body.contains(&format!("href=\"/?token={token}\"")), "{}", page.body);
    assert_eq!(tab.text().await, "update");
}

#[tokio::test]
async fn what_proves_nothing_is_refused() {
    let server = server("bad").await;
    let good = json!({ "sub": "ann", "exp": seconds(600) });
    let token = token_of("ann");
    let parts: Vec<_> = token.split('.').collect();
    let others = token_of("bob");
    let others: Vec<_> = others.split('.').collect();

    let missing = "a token is missing";
    assert_refused(&server, "", &[], missing).await;
    assert_refused(&server, "id=ann", &[], missing).await;
    assert_refused(&server, "id=ann", &[("authorization", "Basic YW5uOmFubg==")], missing).await;
    assert_refused(&server, &format!("token={token}&token={token}"), &[], missing).await;

    let expired = signed("HS256", SECRET, &json!({ "sub": "ann", "exp": seconds(-60) }));
    assert_refused(&server, &format!("token={expired}"), &[], "the token has expired").await;
    assert_refused(&server, "", &[("authorization", &format!("Bearer {expired}"))], "the token has expired").await;

    let at_secret = |secret: &str| signed("HS256", secret, &good);
    let with = |claims: Value| signed("HS256", SECRET, &claims);
    for (what, token) in [
        ("forged", at_secret("0123456789abcdef0123456789abcdeF")),
        ("the secret with the end of its line", at_secret(&format!("{SECRET}\n"))),
        ("other claims", format!("{}.{}.{}", parts[0], others[1], parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("algorithm none", format!("{ALG_NONE}.{}.", parts[1])),
        ("algorithm none, signed", format!("{ALG_NONE}.{}.{}", parts[1], parts[2])),
        ("algorithm HS384", signed("HS384", SECRET, &good)),
        ("algorithm HS512", signed("HS512", SECRET, &good)),
        ("never expires", with(json!({ "sub": "ann" }))),
        ("expires in words", with(json!({ "sub": "ann", "exp": "never" }))),
        ("not yet", with(json!({ "sub": "ann", "exp": seconds(600), "nbf": seconds(300) }))),
        ("for somebody else", with(json!({ "sub": "ann", "exp": seconds(600), "aud": "elsewhere" }))),
        ("nobody", with(json!({ "exp": seconds(600) }))),
        ("an empty id", with(json!({ "sub": "", "exp": seconds(600) }))),
        ("an id with control characters", with(json!({ "sub": "a\nb", "exp": seconds(600) }))),
        ("an id that is too long", with(json!({ "sub": "x".repeat(257), "exp": seconds(600) }))),
        ("no token at all", "ann".to_owned()),
        ("empty", String::new()),
    ] {
        let query = format!("token={token}");
        let answer = server.get(&format!("/devices?{query}")).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert_refused(&server, &query, &[], "the token does not prove anything").await;
    }
    let stats = json!({ "active_users": 0, "device_ids": 0, "device_sockets": 0 });
    assert_eq!(server.get("/stats").await.json(), stats);
    assert_eq!(server.get(&format!("/devices?token={token}")).await.body, "[]");
}

/// What a browser's script can send with a WebSocket, and what a proxy's own header does not get in
/// the way of.
#[tokio::test]
async fn a_token_comes_in_other_ways() {
    let server = server("ways").await;
    let token = token_of("ann");
    let basic = ("authorization", "Basic YW5uOmFubg==");
    let protocols = format!("bearer, {token}");
    for headers in [
        vec![("sec-websocket-protocol", protocols.as_str())],
        vec![basic, ("sec-websocket-protocol", protocols.as_str())],
    ] {
        let Client(tab) = server.try_open("/device-ws", &headers).await.expect("the subprotocol is as good");
        drop(tab);
    }
    let mut raw = raw_handshake(&server, &protocols).await;
    assert!(raw.contains("sec-websocket-protocol: bearer\r\n"), "{raw}");
    raw.make_ascii_lowercase();
    assert!(!raw.contains(&token.to_ascii_lowercase()), "the token is sent back");
    assert_eq!(server.request("GET", &format!("/devices?token={token}"), &[basic], b"").await.status, 200);
    for blanks in ["Bearer  ", "bearer ", "BEARER    "] {
        let header = [("authorization", &*format!("{blanks}{token}"))];
        assert_eq!(server.request("GET", "/devices", &header, b"").await.status, 200, "{blanks:?}");
    }
    let wrong = format!("bearer, {}", signed("HS256", "0123456789abcdef0123456789abcdeF", &json!({ "sub": "ann" })));
    let refused = server.try_open("/device-ws", &[("sec-websocket-protocol", &wrong)]).await.err();
    refused.expect("it is forged").refusal(401);
}

/// The head of the answer to a handshake with these subprotocols.
async fn raw_handshake(server: &Server, protocols: &str) -> String {
    let mut tcp = tokio::net::TcpStream::connect(&server.host).await.expect("the server accepts");
    let request = format!(
        "GET /device-ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {protocols}\r\n\r\n",
        server.host
    );
    tcp.write_all(request.as_bytes()).await.expect("the request is taken");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within("a head", tcp.read_u8()).await.expect("the whole head"));
    }
    String::from_utf8(head).expect("text")
}

#[tokio::test]
async fn tokens_stay_out_of_the_log() {
    let file = secret_file("log", SECRET);
    let mut server =
        Server::start_with(["--log".as_ref(), "trace".as_ref(), "--auth-secret".as_ref(), file.as_os_str()]).await;
    let token = token_of("ann");
    let protocols = format!("bearer, {token}");
    let tab = server.try_open("/device-ws", &[("sec-websocket-protocol", &protocols)]).await.expect("it is good");
    server.get(&format!("/nowhere?token={token}")).await.refusal(404);
    tab.close().await;
    let mut log = String::new();
    let told = async {
        while !log.contains("device socket closed") {
            log += &server.log.next_line().await.expect("the log is text").expect("the log goes on");
        }
    };
    within("the end of the socket in the log", told).await;
    assert!(log.contains("not_found") && !log.contains(&token), "{log}");
}

#[tokio::test]
async fn audience_and_issuer_can_be_asked_for() {
    let file = secret_file("audience", SECRET);
    let options = ["--auth-audience", "live", "--auth-issuer", "us", "--auth-secret"];
    let server = Server::start_with(options.iter().map(AsRef::as_ref).chain([file.as_os_str()])).await;
    let claims = |more: Value| {
        let mut claims = json!({ "sub": "ann", "exp": seconds(600), "aud": "live", "iss": "us" });
        for (name, value) in more.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        signed("HS256", SECRET, &claims)
    };
    for good in [json!({}), json!({ "aud": ["live", "other"] })] {
        assert_eq!(server.get(&format!("/devices?token={}", claims(good))).await.status, 200);
    }
    for (bad, said) in [(json!({ "aud": "elsewhere" }), "--auth-audience"), (json!({ "iss": "them" }), "--auth-issuer")]
    {
        let refusal = server.get(&format!("/devices?token={}", claims(bad))).await.refusal(401);
        assert!(refusal.contains(said), "{refusal}");
    }
    let refusal = server.get(&format!("/devices?token={}", token_of("ann"))).await.refusal(401);
    assert!(refusal.contains("is missing"), "{refusal}");
}

/// As long as the leeway and a bit more.
const SHORT: i64 = -3;

#[tokio::test]
async fn a_connection_ends_with_its_token_unless_that_is_renewed() {
    let server = server("expiry").await;
    let short = || signed("HS256", SECRET, &json!({ "sub": "ann", "exp": seconds(SHORT) }));
    let mut tab = server.open(&format!("/device-ws?token={}", short())).await;
    let mut renewed = server.open(&format!("/device-ws?token={}", short())).await;
    let mut not_renewed = server.open(&format!("/device-ws?token={}", short())).await;
    let mut user = server.open(&format!("/active-users?online=1&token={}", short())).await;
    let mut events = Events::open_with(&server, &format!("token={}", short()), None).await;
    events.nothing_missed().await;

    let renewal = |token: String| Message::text(json!({ "token": token }).to_string());
    renewed.send(renewal(token_of("ann"))).await;
    assert_eq!(renewed.text().await, r#"{"renewed":true}"#);
    not_renewed.send(renewal(token_of("bob"))).await;
    assert_eq!(not_renewed.text().await, r#"{"renewed":false}"#, "of another user");

    for tab in [&mut tab, &mut not_renewed] {
        let frame = tab.dismissed().await;
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4003, "token expired"));
    }
    while let Some(frame) = user.next_text().await {
        assert!(frame.starts_with('{'), "{frame}");
    }
    assert_eq!(events.next().await, Some(Event::dismissed("4003 token expired")));
    assert_eq!(events.next().await, None);

    let token = token_of("ann");
    let headers = [("authorization", &*format!("Bearer {token}"))];
    let post = server.request("POST", "/devices", &headers, br#"{"name":"Phone"}"#).await;
    assert_eq!(post.json()["sockets_marked"], 1, "{post:?}");
    assert_eq!(renewed.text().await, "update");
    let metrics = server.get("/metrics").await.body;
    assert!(metrics.contains(r#"told_to_go_total{registry="devices",reason="token_expired"} 3"#), "{metrics}");
}

#[tokio::test]
async fn secrets_that_protect_nothing_are_refused_at_the_start() {
    let too_short = secret_file("short", &format!("{}\n", &SECRET[1..]));
    let empty = secret_file("empty", "");
    let missing = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no-such-secret");
    for (file, error) in [
        (&too_short, "has 31 bytes, and 32 are the least: make one with `openssl rand -hex 32`"),
        (&empty, "has 0 bytes"),
        (&missing, "cannot read the secret in"),
    ] {
        let mut run = Command::new(PROGRAM);
        let run = run.args(["--listen", "127.0.0.1:0", "--auth-secret"]).arg(file).kill_on_drop(true).output();
        let run = within("the refusal", run).await.expect("the server runs");
        let log = String::from_utf8(run.stderr).expect("the log is text");
        assert!(!run.status.success() && log.contains(error), "{log}");
    }
}

#[tokio::test]
async fn without_a_secret_it_warns_that_it_believes_everybody() {
    let mut server = Server::start().await;
    let first = within("the log", server.log.next_line()).await.expect("the log is text").expect("a line");
    assert!(first.contains("WARN") && first.contains("--auth-secret"), "{first}");
}
