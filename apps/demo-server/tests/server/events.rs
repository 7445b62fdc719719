//! Server-Sent Events: the same updates, without a WebSocket.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

use crate::harness::{Server, within};

pub(crate) struct Events(Lines<BufReader<TcpStream>>);

/// What stands between two empty lines, without the heartbeats.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Event {
    name: String,
    data: String,
    id: String,
}

impl Event {
    /// What a client is told that should not come back.
    pub(crate) fn dismissed(data: &str) -> Self {
        Self { name: "dismissed".to_owned(), data: data.to_owned(), id: "over".to_owned() }
    }
}

impl Events {
    pub(crate) async fn open(server: &Server, id: &str, last: Option<&str>) -> Self {
        Self::open_with(server, &format!("id={id}"), last).await
    }

    pub(crate) async fn open_with(server: &Server, query: &str, last: Option<&str>) -> Self {
        let mut tcp = TcpStream::connect(&server.host).await.expect("the server accepts");
        // To HTTP/1.0 the stream is sent as it is, without chunks around it.
        let last = last.map(|last| format!("Last-Event-ID: {last}\r\n")).unwrap_or_default();
        let request = format!("GET /device-events?{query} HTTP/1.0\r\nHost: {}\r\n{last}\r\n", server.host);
        tcp.write_all(request.as_bytes()).await.expect("the request is taken");
        let mut events = Self(BufReader::new(tcp).lines());
        let mut head = String::new();
        while let Some(line) = events.line().await.filter(|line| !line.is_empty()) {
            head += &line.to_ascii_lowercase();
            head.push('\n');
        }
        assert!(head.starts_with("http/1.0 200"), "{head}");
        for header in
            ["content-type: text/event-stream\n", "cache-control: no-cache, no-transform\n", "x-accel-buffering: no\n"]
        {
            assert!(head.contains(header), "{header} is missing in {head}");
        }
        events
    }

    /// `None` at the end.
    async fn line(&mut self) -> Option<String> {
        within("a line", self.0.next_line()).await.expect("the stream is text")
    }

    /// `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("data", data)) => event.data = data.to_owned(),
                Some(("id", id)) => event.id = id.to_owned(),
                Some(("retry", milliseconds)) => {
                    let milliseconds: u32 = milliseconds.parse().expect("a number");
                    assert!((2_000..=4_000).contains(&milliseconds), "{milliseconds}");
                }
                _ if event.name == "ping" => event = Event::default(),
                _ if line.is_empty() && event != Event::default() => return Some(event),
                _ => assert!(line.is_empty(), "{line}"),
            }
        }
    }

    /// The id of the update that comes next.
    pub(crate) async fn update(&mut self) -> String {
        let event = self.next().await.expect("an event");
        assert_eq!((&*event.name, &*event.data), ("update", "update"));
        event.id
    }

    /// The id that comes first where nothing was missed.
    pub(crate) async fn nothing_missed(&mut self) -> String {
        let event = self.next().await.expect("an event");
        assert_eq!((&*event.name, &*event.data), ("", ""), "an update that was not due");
        event.id
    }
}

#[tokio::test]
async fn both_kinds_of_sockets_hear_of_a_device() {
    let server = Server::start().await;
    let mut events = Events::open(&server, "ann", None).await;
    let mut tab = server.open("/device-ws?id=ann").await;
    let mut other = Events::open(&server, "bob", None).await;
    let before = events.nothing_missed().await;

    assert_eq!(server.add_device("ann", "Phone").await, 2);
    assert_eq!(tab.text().await, "update");
    let after = events.update().await;
    assert_ne!(before, after);
    assert_eq!(server.get("/devices?id=ann").await.json().as_array().map(Vec::len), Some(1));

    // Not of what is not theirs: their own device is the first they hear of.
    other.nothing_missed().await;
    server.add_device("bob", "Watch").await;
    other.update().await;
    assert_eq!(server.get("/stats").await.json()["device_sockets"], 3);
}

#[tokio::test]
async fn what_changed_meanwhile_is_told_at_once() {
    let server = Server::start().await;
    let mut events = Events::open(&server, "ann", None).await;
    let seen = events.nothing_missed().await;
    drop(events);

    let mut nothing_new = Events::open(&server, "ann", Some(&seen)).await;
    assert_eq!(nothing_new.nothing_missed().await, seen);
    server.add_device("ann", "Phone").await;
    let now = nothing_new.update().await;
    for last in [&seen, "of another server", "0", "-1", "\u{1F980}"] {
        assert_eq!(Events::open(&server, "ann", Some(last)).await.update().await, now, "{last}");
    }
    assert_eq!(Events::open(&server, "ann", Some(&now)).await.nothing_missed().await, now);
}

#[tokio::test]
async fn heartbeats_keep_it_open_and_who_leaves_is_removed() {
    let server = Server::start_with(["--ping-every", "0.05", "--max-sockets-per-id", "1"]).await;
    let mut events = Events::open(&server, "ann", None).await;
    events.nothing_missed().await;
    let mut heartbeats = 0;
    while heartbeats < 3 {
        heartbeats += usize::from(events.line().await.expect("the stream goes on") == "event: ping");
    }
    let refused = server.get("/device-events?id=ann").await;
    assert!(refused.refusal(429).starts_with("this id"), "{refused:?}");
    let refused = server.try_open("/device-ws?id=ann", &[]).await.err().expect("the limit is one");
    assert!(refused.refusal(429).starts_with("this id"), "{refused:?}");

    drop(events);
    let gone = async { while server.get("/stats").await.json()["device_sockets"] != 0 {} };
    within("the one who left to be removed", gone).await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_stream_ends_when_the_server_stops() {
    let mut server = Server::start().await;
    let mut events = Events::open(&server, "ann", None).await;
    events.nothing_missed().await;
    server.signal("-TERM").await;
    assert_eq!(events.next().await, None);
    let status = within("the exit", server.process.wait()).await.expect("a status");
    assert!(status.success(), "{status}");
}

/// An `EventSource` always comes back, and names the last event that it has seen. Only 204 stops
/// it.
#[tokio::test]
async fn who_was_dismissed_and_comes_back_is_stopped() {
    let server = Server::start().await;
    let mut events = Events::open(&server, "ann", None).await;
    events.nothing_missed().await;
    server.request("DELETE", "/devices-sockets?id=ann", &[], b"").await;
    assert_eq!(events.next().await, Some(Event::dismissed("4001 logged out")));
    assert_eq!(events.next().await, None);
    let back = server.request("GET", "/device-events?id=ann", &[("Last-Event-ID", "over")], b"").await;
    assert_eq!((back.status, &*back.body), (204, ""));
    assert_eq!(server.get("/stats").await.json()["device_sockets"], 0);
    // A page that was opened anew has no last event.
    Events::open(&server, "ann", None).await.nothing_missed().await;
}

#[tokio::test]
async fn a_page_sees_the_pings_of_a_websocket_if_it_wants() {
    use tokio_tungstenite::tungstenite::Message;

    let server = Server::start_with(["--ping-every", "1"]).await;
    let mut plain = server.open("/device-ws?id=ann").await;
    for path in ["/device-ws?id=ann&pings=1", "/active-users?pings=1"] {
        let mut tab = server.open(path).await;
        while tab.text().await != r#"{"ping":1}"# {}
    }
    // It had pings as well by now, without a text.
    plain.send(Message::Close(None)).await;
    assert!(plain.next_text().await.is_none());
    let refused = server.try_open("/device-ws?id=ann&pings=yes", &[]).await.err();
    refused.expect("not a flag").refusal(400);
}
