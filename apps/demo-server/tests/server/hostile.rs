//! Clients that mean harm. The server closes each, keeps little memory for it, and other clients do
//! not notice.

use crate::harness::{Client, Server, within};
use crate::raw::{Raw, frame};

const PROTOCOL: u16 = 1002;
const INVALID: u16 = 1007;
const POLICY: u16 = 1008;
const SIZE: u16 = 1009;

/// What the whole server may grow by, however hard one client tries.
const GROWTH_KIB: u64 = 16 << 10;

/// A client that has nothing to do with it.
struct Bystander(Client);

impl Bystander {
    async fn new(server: &Server) -> Self {
        Self(server.open("/device-ws?id=bystander").await)
    }

    /// Asserts that updates still arrive.
    async fn is_served(&mut self, server: &Server) {
        assert_eq!(server.add_device("bystander", "Phone").await, 1);
        assert_eq!(self.0.text().await, "update");
    }
}

/// Asserts that what clients sent since `before` is not kept.
fn assert_grew_little(server: &Server, before: u64) {
    let after = server.memory_kib();
    assert!(after < before + GROWTH_KIB, "{before} KiB, then {after} KiB");
}

/// Sends the bytes so many times, and asserts that the server does not take all of that.
async fn assert_cut_off(raw: &mut Raw, bytes: &[u8], times: usize) {
    for _ in 0..times {
        if raw.try_write(bytes).await.is_err() {
            return;
        }
    }
    panic!("all of it was taken");
}

/// The header of a masked frame of that length.
fn header(first: u8, length: u64) -> Vec<u8> {
    [&[first, 0xFF][..], &length.to_be_bytes(), &[0; 4]].concat()
}

#[tokio::test]
async fn frames_against_the_rules() {
    let server = Server::start().await;
    let mut bystander = Bystander::new(&server).await;
    let sign = "\u{1F980}".as_bytes();
    for (what, bytes, code) in [
        ("64 MiB", header(0x82, 64 << 20), SIZE),
        ("64 MiB in a later part", [frame(0x02, b"x"), header(0x80, 64 << 20)].concat(), SIZE),
        ("half of all there is", header(0x82, u64::MAX >> 1), SIZE),
        ("all there is", header(0x82, u64::MAX), SIZE),
        ("first reserved bit", frame(0xC1, b"x"), PROTOCOL),
        ("second reserved bit", frame(0xA1, b"x"), PROTOCOL),
        ("third reserved bit", frame(0x91, b"x"), PROTOCOL),
        ("unmasked", b"\x81\x01x".to_vec(), PROTOCOL),
        ("unknown kind of data", frame(0x83, b"x"), PROTOCOL),
        ("unknown kind of control", frame(0x8B, b"x"), PROTOCOL),
        ("ping in parts", frame(0x09, b"x"), PROTOCOL),
        ("ping that is too long", [&[0x89, 0xFE, 0, 126, 0, 0, 0, 0][..], &[0; 126]].concat(), PROTOCOL),
        ("the rest of nothing", frame(0x80, b"x"), PROTOCOL),
        ("a beginning in the middle", [frame(0x01, b"x"), frame(0x01, b"x")].concat(), PROTOCOL),
        ("not UTF-8", frame(0x81, b"\xFF"), INVALID),
        ("half a sign", frame(0x81, &sign[..2]), INVALID),
        ("not UTF-8 in parts", [frame(0x01, &sign[..2]), frame(0x80, b"x")].concat(), INVALID),
    ] {
        for path in ["/active-users", "/device-ws?id=ann"] {
            let mut raw = Raw::upgraded(&server, path).await;
            raw.write(&bytes).await;
            assert_eq!(raw.close_code().await, Some(code), "{what} on {path}");
            raw.ended().await;
        }
    }
    bystander.is_served(&server).await;
    let stats = server.get("/stats").await.json();
    assert_eq!((&stats["active_users"], &stats["device_sockets"]), (&0.into(), &1.into()), "{stats}");
}

#[tokio::test]
async fn a_frame_of_64_mib_that_does_come() {
    let server = Server::start().await;
    let mut bystander = Bystander::new(&server).await;
    let before = server.memory_kib();
    let mut raw = Raw::upgraded(&server, "/device-ws?id=ann").await;
    raw.write(&header(0x82, 64 << 20)).await;
    let megabyte = vec![0; 1 << 20];
    assert_cut_off(&mut raw, &megabyte, 64).await;
    assert_grew_little(&server, before);
    bystander.is_served(&server).await;
}

#[tokio::test]
async fn a_million_empty_parts_of_a_message() {
    let server = Server::start().await;
    let mut bystander = Bystander::new(&server).await;
    let before = server.memory_kib();
    let mut raw = Raw::upgraded(&server, "/device-ws?id=ann").await;
    raw.write(&frame(0x01, b"")).await;
    let thousand = frame(0x00, b"").repeat(1_000);
    for thousands in 1..=1_000 {
        raw.write(&thousand).await;
        if thousands % 250 == 0 {
            bystander.is_served(&server).await;
        }
    }
    // The message ends, and was one like any other.
    raw.write(&frame(0x80, b"")).await;
    raw.write(&frame(0x88, &1000_u16.to_be_bytes())).await;
    assert_eq!(raw.close_code().await, Some(1000));
    assert_grew_little(&server, before);
}

#[tokio::test]
async fn a_flood_of_pings() {
    let server = Server::start().await;
    let mut bystander = Bystander::new(&server).await;
    let before = server.memory_kib();
    let pings = frame(0x89, &[b'x'; 125]).repeat(100);

    // Who reads the answers is told why it has to go.
    let mut raw = Raw::upgraded(&server, "/device-ws?id=ann").await;
    for _ in 0..10 {
        raw.write(&pings).await;
    }
    raw.write(&frame(0x89, b"one too many")).await;
    assert_eq!(raw.close_code().await, Some(POLICY));

    // Who does not read them has to go as well.
    let mut raw = Raw::upgraded(&server, "/active-users").await;
    assert_cut_off(&mut raw, &pings, 10_000).await;
    assert_grew_little(&server, before);
    bystander.is_served(&server).await;
}

#[tokio::test]
async fn who_never_reads() {
    let server = Server::start_with(["--ping-every", "1", "--pong-within", "8"]).await;
    let mut deaf = Raw::upgraded(&server, "/device-ws?id=deaf").await;
    let mut bystander = Bystander::new(&server).await;
    let before = server.memory_kib();
    for _ in 0..500 {
        server.add_device("deaf", "Phone").await;
    }
    bystander.is_served(&server).await;
    let metrics = async || server.get("/metrics").await.body;
    let removed = r#"socket_registry_removals_total{registry="devices"} 1"#;
    // The bystander stays because it reads, which answers the server's pings.
    let gone = async { while !metrics().await.contains(removed) {} };
    tokio::select! {
        () = within("the deaf one to be removed", gone) => {}
        text = bystander.0.text() => panic!("an update that was not due: {text}"),
    }
    bystander.is_served(&server).await;
    assert_grew_little(&server, before);
    deaf.ended().await;
}

/// Asks and asks, and takes no answer: no pong tells of that, the kernel does.
#[tokio::test]
async fn who_never_reads_its_answers() {
    let server = Server::start_with(["--pong-within", "1"]).await;
    let before = server.memory_kib();
    let mut raw = Raw::connect(&server).await;
    let requests = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", server.host).repeat(100);
    assert_cut_off(&mut raw, requests.as_bytes(), 10_000).await;
    assert_grew_little(&server, before);
    Bystander::new(&server).await.is_served(&server).await;
}

#[tokio::test]
async fn a_header_of_20_mb() {
    let server = Server::start().await;
    let mut bystander = Bystander::new(&server).await;
    let before = server.memory_kib();
    let mut raw = Raw::connect(&server).await;
    let start = format!("GET /device-ws?id=ann HTTP/1.1\r\nHost: {}\r\nX-Long: ", server.host);
    raw.write(start.as_bytes()).await;
    raw.write(&[b'x'; 16 << 10]).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 431 "));

    let mut raw = Raw::connect(&server).await;
    raw.write(start.as_bytes()).await;
    let megabyte = vec![b'x'; 1 << 20];
    assert_cut_off(&mut raw, &megabyte, 20).await;
    assert_grew_little(&server, before);
    bystander.is_served(&server).await;
}

#[tokio::test]
async fn one_id_that_opens_ten_thousand_sockets() {
    let server = Server::start().await;
    let mut bystander = Bystander::new(&server).await;
    let before = server.memory_kib();
    let mut open = Vec::new();
    let mut refused = 0;
    let mut raw = Raw::connect(&server).await;
    for _ in 0..10_000 {
        match raw.handshake(&server, "/device-ws?id=ann").await {
            101 => open.push(std::mem::replace(&mut raw, Raw::connect(&server).await)),
            429 => refused += 1, // the same connection will do for the next attempt
            status => panic!("answered with {status}"),
        }
    }
    assert_eq!((open.len(), refused), (100, 9_900));
    bystander.is_served(&server).await;
    assert_grew_little(&server, before);
}
