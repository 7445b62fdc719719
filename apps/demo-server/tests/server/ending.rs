//! How connections end when the client says no goodbye, and when the server does.

use futures_util::StreamExt;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Client, Server, within};

const IMPATIENT: [&str; 4] = ["--ping-every", "0.2", "--pong-within", "4"];

#[tokio::test]
async fn who_does_not_answer_pings_is_removed() {
    let server = Server::start_with(IMPATIENT).await;
    let mut watcher = server.open("/active-users").await;
    watcher.count(1).await;
    // Answers are sent by reading, and these are never read.
    let _silent_user = server.open("/active-users").await;
    let _silent_tab = server.open("/device-ws?id=ann").await;
    watcher.count(2).await;
    watcher.count(1).await;

    let gone = async { while server.get("/stats").await.json()["device_sockets"] != 0 {} };
    within("the silent tab to be removed", gone).await;
}

#[tokio::test]
async fn who_answers_pings_stays() {
    let server = Server::start_with(IMPATIENT).await;
    let Client(mut tab) = server.open("/device-ws?id=ann").await;
    for _ in 0..5 {
        let ping = within("a ping", tab.next()).await;
        assert!(matches!(ping, Some(Ok(Message::Ping(_)))), "{ping:?}");
    }
    assert_eq!(server.add_device("ann", "Phone").await, 1);
    assert_eq!(Client(tab).text().await, "update");
}

#[cfg(unix)]
#[tokio::test]
async fn asked_to_stop_it_says_goodbye_and_exits() {
    use tokio::net::TcpStream;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start().await;
        let mut user = server.open("/active-users").await;
        user.count(1).await;
        let mut tabs = [server.open("/device-ws?id=ann").await, server.open("/device-ws?id=bob").await];
        let _deaf = server.open("/device-ws?id=cem").await;
        let _idle = TcpStream::connect(&server.host).await.expect("the server accepts");

        server.signal(signal).await;

        assert_eq!(user.dismissed().await.code, CloseCode::Away);
        for tab in &mut tabs {
            assert_eq!(tab.dismissed().await.code, CloseCode::Away);
        }
        let status = within("the exit", server.process.wait()).await.expect("a status");
        assert!(status.success(), "{signal}: {status}");
    }
}
