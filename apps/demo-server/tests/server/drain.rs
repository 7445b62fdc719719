//! A server that is asked to stop lets its clients go a batch at a time.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::harness::{Client, Server, within};

async fn tabs<const N: usize>(server: &Server) -> [Client; N] {
    let mut tabs = Vec::new();
    for n in 0..N {
        tabs.push(server.open(&format!("/device-ws?id=user-{n}")).await);
    }
    tabs.try_into().unwrap_or_else(|_| panic!("as many as were opened"))
}

async fn assert_exits(server: &mut Server) {
    let status = within("the exit", server.process.wait()).await.expect("a status");
    assert!(status.success(), "{status}");
}

async fn frame_of_either(Client(one): &mut Client, Client(other): &mut Client) -> Message {
    let frame = async {
        tokio::select! {
            Some(frame) = one.next() => frame,
            Some(frame) = other.next() => frame,
        }
    };
    within("a frame", frame).await.expect("a frame")
}

/// The listener is told to close when the sockets are, and may do it a little later.
async fn assert_lets_nobody_in(server: &Server) {
    let refused = async { while TcpStream::connect(&server.host).await.is_ok() {} };
    within("nobody to be let in", refused).await;
}

#[tokio::test]
async fn batch_by_batch_with_pauses_between_them() {
    let mut server = Server::start_with(["--drain-batch", "2", "--drain-every", "1"]).await;
    let [mut a, mut b, mut c, mut d, mut e] = tabs(&server).await;
    let asked = Instant::now();
    server.signal("-TERM").await;
    let dismissed = async |tab: &mut Client| {
        assert_eq!(tab.dismissed().await.code, CloseCode::Away);
        asked.elapsed()
    };
    let times =
        tokio::join!(dismissed(&mut a), dismissed(&mut b), dismissed(&mut c), dismissed(&mut d), dismissed(&mut e));
    let mut times: [Duration; 5] = times.into();
    times.sort();
    // A pause is never shorter than it should be; how much longer it is depends on the machine.
    assert!(times[2] >= Duration::from_secs(1) && times[4] >= Duration::from_secs(2), "{times:?}");
    for told in ["told=2", "told=2", "told=1"] {
        server.logs(&format!("sockets are closed {told}")).await;
    }
    assert_exits(&mut server).await;
}

/// Not after the last batch, even if it is a full one.
#[tokio::test]
async fn no_pause_when_nobody_is_left() {
    for batch in ["2", "3"] {
        let mut server = Server::start_with(["--drain-batch", batch, "--drain-every", "3600"]).await;
        let tabs: [Client; 2] = tabs(&server).await;
        let mut users = [server.open("/active-users").await, server.open("/active-users").await];
        for user in &mut users {
            user.count(2).await;
        }
        server.signal("-TERM").await;
        for mut client in tabs.into_iter().chain(users) {
            assert_eq!(client.dismissed().await.code, CloseCode::Away);
        }
        assert_exits(&mut server).await;
    }
}

/// Those who are not told yet are served on, no client else is let in, and a second signal ends it.
#[tokio::test]
async fn a_second_signal_during_the_pause() {
    let options = ["--drain-batch", "1", "--drain-every", "3600", "--ping-every", "0.1"];
    for signals in [["-TERM", "-INT"], ["-INT", "-TERM"]] {
        let mut server = Server::start_with(options).await;
        let [mut one, mut other] = tabs(&server).await;
        server.signal(signals[0]).await;
        server.logs("sockets are closed told=1").await;
        assert_lets_nobody_in(&server).await;

        // One of them is closed, and then the other one is still asked whether it is there.
        let (mut told, mut pings) = (false, 0);
        while !told || pings < 3 {
            match frame_of_either(&mut one, &mut other).await {
                Message::Ping(_) => pings += usize::from(told),
                Message::Close(_) => told = true,
                other => panic!("{other:?}"),
            }
        }
        server.signal(signals[1]).await;
        server.logs("stopping immediately").await;
        assert_exits(&mut server).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_does_not_leave_is_counted_and_left_behind() {
    use crate::raw::Raw;

    let mut server = Server::start_with(["--drain-within", "0.2"]).await;
    let _deaf = [Raw::upgraded(&server, "/device-ws?id=ann").await, Raw::upgraded(&server, "/active-users").await];
    let mut polite = server.open("/device-ws?id=bob").await;
    server.signal("-TERM").await;
    assert_eq!(polite.dismissed().await.code, CloseCode::Away);
    drop(polite);
    server.logs("some clients did not leave in time sockets=2").await;
    assert_exits(&mut server).await;
}

/// A load balancer learns it from /healthz, and sends on until then.
#[tokio::test]
async fn during_the_notice_everything_goes_on_but_the_health() {
    let mut server = Server::start_with(["--drain-notice", "3600"]).await;
    let mut tab = server.open("/device-ws?id=ann").await;
    assert_eq!(server.get("/healthz").await.status, 200);
    server.signal("-TERM").await;
    server.logs("stopping").await;
    let health = server.get("/healthz").await;
    assert_eq!((health.status, &*health.body), (503, "stopping"));
    // Clients that still come are served, old and new.
    let mut late = server.open("/device-ws?id=ann").await;
    assert_eq!(server.add_device("ann", "Phone").await, 2);
    for tab in [&mut tab, &mut late] {
        assert_eq!(tab.text().await, "update");
    }
}

#[tokio::test]
async fn after_the_notice_sockets_are_closed_and_nobody_is_let_in() {
    // The second socket keeps the server there for a while.
    let options = ["--drain-notice", "0.5", "--drain-batch", "1", "--drain-every", "3600"];
    let mut server = Server::start_with(options).await;
    let [mut one, mut other] = tabs(&server).await;
    let asked = Instant::now();
    server.signal("-TERM").await;
    let told = frame_of_either(&mut one, &mut other).await;
    assert!(matches!(&told, Message::Close(Some(frame)) if frame.code == CloseCode::Away), "{told:?}");
    assert!(asked.elapsed() >= Duration::from_millis(500), "{:?}", asked.elapsed());
    assert_lets_nobody_in(&server).await;
    server.signal("-TERM").await;
    assert_exits(&mut server).await;
}
