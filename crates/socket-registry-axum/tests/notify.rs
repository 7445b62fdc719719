//! The example: a whole server in less than 60 lines, run as its users run it.
#![cfg(unix)] // sends a signal

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Where cargo has put the example for these tests: `cargo test` builds it unless it is told which
/// targets to build.
fn program() -> PathBuf {
    let tests = std::env::current_exe().expect("the test runs").parent().expect("a folder").to_owned();
    let program = tests.parent().expect("a folder").join("examples/notify");
    assert!(program.exists(), "build it first: cargo build -p socket-registry-axum --examples");
    program
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// The body of the answer.
async fn request(host: &str, method: &str, path: &str) -> String {
    let answer = answer(host, method, path, "").await;
    answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

async fn answer(host: &str, method: &str, path: &str, headers: &str) -> String {
    let mut tcp = TcpStream::connect(host).await.expect("it listens");
    let head = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\n{headers}\r\n");
    tcp.write_all(head.as_bytes()).await.expect("it is taken");
    let mut answer = String::new();
    within("an answer", tcp.read_to_string(&mut answer)).await.expect("text");
    answer
}

#[tokio::test]
async fn it_notifies_logs_out_and_lets_everybody_go() {
    let mut server = Command::new(program())
        .arg("127.0.0.1:0")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(server.stdout.take().expect("piped")).lines();
    let line = within("its address", lines.next_line()).await.expect("text").expect("a line");
    let host = line.strip_prefix("listening on http://").expect("the address").to_owned();
    let open = async |user: &str| connect_async(format!("ws://{host}/ws/{user}")).await.expect("accepted").0;
    let (mut ada, mut second, mut bob) = (open("ada").await, open("ada").await, open("bob").await);

    assert_eq!(request(&host, "POST", "/notify/ada").await, "2");
    for tab in [&mut ada, &mut second] {
        let frame = within("an update", tab.next()).await.expect("a frame").expect("WebSocket");
        assert_eq!(frame, Message::text("update"));
    }
    assert_eq!(request(&host, "DELETE", "/sessions/ada").await, "2");
    for tab in [&mut ada, &mut second] {
        let frame = within("the end", tab.next()).await.expect("a frame").expect("WebSocket");
        assert!(matches!(&frame, Message::Close(Some(close)) if u16::from(close.code) == 4001), "{frame:?}");
    }
    let mut foreign = format!("ws://{host}/ws/ada").into_client_request().expect("a URL");
    foreign.headers_mut().insert("origin", "https://evil.example".parse().expect("a value"));
    assert!(matches!(connect_async(foreign).await, Err(Error::Http(answer)) if answer.status() == 403));
    let foreign = answer(&host, "POST", "/notify/bob", "Origin: https://evil.example\r\n").await;
    assert!(foreign.starts_with("HTTP/1.0 403"), "{foreign}");

    let pid = server.id().expect("it runs").to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.expect("there is a kill").success());
    let frame = within("the goodbye", bob.next()).await.expect("a frame").expect("WebSocket");
    assert!(matches!(&frame, Message::Close(Some(close)) if u16::from(close.code) == 1001), "{frame:?}");
    drop(bob);
    let line = within("the last line", lines.next_line()).await.expect("text");
    assert_eq!(line.as_deref(), Some("0 sockets left behind"));
    assert!(within("the exit", server.wait()).await.expect("a status").success());
}
