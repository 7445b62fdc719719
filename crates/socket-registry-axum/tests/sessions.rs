//! Sessions as real clients see them, on axum's own server.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::Event;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use socket_registry::{Closed, RegisterError, Registry, Topics};
use socket_registry_axum::{Drain, Metrics, Sessions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, Error, Message as Frame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(20);
const KEY: u64 = 42;

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A running server, and the host that it listens on.
struct Server {
    host: String,
    drain: Drain,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start<M: Send + Sync + 'static>(sessions: &Sessions<u64, M>, router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let host = listener.local_addr().expect("an address").to_string();
        let drain = Drain::new().of(sessions);
        let server = axum::serve(listener, router).with_graceful_shutdown(drain.closing());
        Self { host, drain, task: tokio::spawn(server.into_future()) }
    }

    async fn open(&self) -> Client {
        within("the handshake", connect_async(format!("ws://{}/", self.host))).await.expect("it is accepted").0
    }

    async fn refusal(&self) -> tungstenite::handshake::client::Response {
        match within("the refusal", connect_async(format!("ws://{}/", self.host))).await {
            Err(Error::Http(response)) => *response,
            other => panic!("not refused: {other:?}"),
        }
    }
}

/// Every socket of the key 42 hears `update`.
async fn updates<M: Default + Send + Sync + 'static>(sessions: &Sessions<u64, M>) -> Server {
    let route = {
        let sessions = sessions.clone();
        get(async move |ws: WebSocketUpgrade| sessions.upgrade(ws, KEY, |_| ready(Message::text("update"))).await)
    };
    Server::start(sessions, Router::new().route("/", route)).await
}

async fn next(client: &mut Client) -> Frame {
    within("a frame", client.next()).await.expect("a frame").expect("the server speaks WebSocket")
}

async fn close_code(client: &mut Client) -> u16 {
    match next(client).await {
        Frame::Close(Some(frame)) => frame.code.into(),
        other => panic!("expected a close frame, got {other:?}"),
    }
}

#[tokio::test]
async fn every_socket_of_a_key_hears_an_update_and_its_log_out() {
    let sessions: Sessions<u64> = Sessions::new(Registry::new());
    let server = updates(&sessions).await;
    let mut clients = [server.open().await, server.open().await];
    assert_eq!(sessions.registry().mark(&KEY), 2);
    for client in &mut clients {
        assert_eq!(next(client).await, Frame::text("update"));
    }
    assert_eq!(sessions.registry().disconnect(&KEY, socket_registry::CloseReason::LOGGED_OUT), 2);
    for client in &mut clients {
        assert_eq!(close_code(client).await, 4001);
    }
    within("the sockets to be removed", sessions.registry().drained()).await;
}

#[tokio::test]
async fn a_client_for_which_there_is_no_room_is_told_before_the_upgrade() {
    let registry = Registry::builder().max_sockets(2).max_sockets_per_key(1).build().expect("possible limits");
    let sessions: Sessions<u64> = Sessions::new(registry);
    let server = updates(&sessions).await;
    let _first = server.open().await;
    let full_key = server.refusal().await;
    assert_eq!((full_key.status().as_u16(), full_key.headers()["retry-after"].as_bytes()), (429, &b"5"[..]));
    let _other = sessions.registry().register(7).expect("there is room for one");
    let full = server.refusal().await;
    assert_eq!((full.status().as_u16(), full.headers()["retry-after"].as_bytes()), (503, &b"5"[..]));
    sessions.registry().close();
    assert_eq!(server.refusal().await.status(), 503);
}

#[tokio::test]
async fn many_changes_in_the_pause_are_one_update_when_it_is_over() {
    let pause = Duration::from_secs(2);
    let sessions: Sessions<u64> = Sessions::builder(Registry::new()).min_interval(pause).build();
    let server = updates(&sessions).await;
    let mut client = server.open().await;
    let start = Instant::now();
    sessions.registry().mark(&KEY);
    assert_eq!(next(&mut client).await, Frame::text("update"));
    for _ in 0..100 {
        sessions.registry().mark(&KEY);
    }
    assert_eq!(next(&mut client).await, Frame::text("update"));
    assert!(start.elapsed() >= pause, "{:?}", start.elapsed());
    client.close(None).await.expect("it is open");
    assert!(matches!(next(&mut client).await, Frame::Close(_)), "an update too many");
}

#[tokio::test]
async fn an_update_that_cannot_be_made_in_time_is_due_again_for_who_takes_over() {
    let sessions: Sessions<u64> = Sessions::builder(Registry::new()).send_within(Duration::from_secs(2)).build();
    let route = {
        let sessions = sessions.clone();
        get(async move |ws: WebSocketUpgrade| sessions.upgrade(ws, KEY, |_| pending::<Message>()).await)
    };
    let server = Server::start(&sessions, Router::new().route("/", route)).await;
    let mut stuck = server.open().await;
    sessions.registry().mark_topics(&KEY, Topics::topic(3));
    let taken = async {
        while !sessions.registry().due_of(&KEY).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    within("the session to take it", taken).await;
    let mut heir = sessions.registry().register_taking_over(KEY, ()).expect("there is room");
    assert_eq!(close_code(&mut stuck).await, 1011);
    assert_eq!(within("what was not sent", heir.due()).await, Ok(Topics::topic(3)));
}

#[tokio::test]
async fn messages_are_answered_and_too_long_ones_end_it() {
    let sessions: Sessions<u64> = Sessions::builder(Registry::new()).max_message(100).max_frames(5).build();
    let route = {
        let sessions = sessions.clone();
        get(async move |ws: WebSocketUpgrade| {
            let session = sessions.session(KEY, ()).on_message(|message| async move { vec![message.clone(), message] });
            session.upgrade(ws, |_| ready(None::<Message>)).into_response()
        })
    };
    let server = Server::start(&sessions, Router::new().route("/", route)).await;
    let mut client = server.open().await;
    client.send(Frame::text("hello")).await.expect("it is open");
    for _ in 0..2 {
        assert_eq!(next(&mut client).await, Frame::text("hello"));
    }
    client.send(Frame::text("x".repeat(101))).await.expect("it is open");
    assert_eq!(close_code(&mut client).await, 1009);

    let mut flood = server.open().await;
    for _ in 0..6 {
        flood.send(Frame::Ping(Default::default())).await.expect("it is open");
    }
    while let Frame::Pong(_) = next(&mut flood).await {}
}

#[tokio::test]
async fn a_client_of_a_page_that_never_answers_is_given_up() {
    let second = Duration::from_millis(100);
    let sessions: Sessions<u64> = Sessions::builder(Registry::new()).ping_every(second).pong_within(second).build();
    let server = updates(&sessions).await;
    let mut counts = sessions.registry().watch_counts();
    // Answers are sent by reading, and this one never reads.
    let _silent = server.open().await;
    within("the silent one to be removed", sessions.registry().drained()).await;
    assert!(counts.take_changed(), "it was never there");
}

#[tokio::test]
async fn the_drain_says_goodbye_to_sockets_and_streams_and_the_server_ends() {
    let sessions: Sessions<u64> = Sessions::new(Registry::new());
    let (ws, sse) = (sessions.clone(), sessions.clone());
    let router = Router::new()
        .route("/", get(async move |up: WebSocketUpgrade| ws.upgrade(up, KEY, |_| ready(None::<Message>)).await))
        .route(
            "/events",
            get(async move |headers: HeaderMap| {
                sse.events(&headers, KEY, |_| ready(Event::default().data("new"))).await
            }),
        );
    let server = Server::start(&sessions, router).await;
    let mut client = server.open().await;
    let mut stream = TcpStream::connect(&server.host).await.expect("it listens");
    let request = format!("GET /events HTTP/1.0\r\nHost: {}\r\n\r\n", server.host);
    stream.write_all(request.as_bytes()).await.expect("it is taken");
    within("the stream to be registered", async {
        while sessions.registry().socket_count() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    sessions.registry().mark(&KEY);

    let said = async {
        let mut said = String::new();
        stream.read_to_string(&mut said).await.expect("text");
        said
    };
    let (left, code, said) =
        within("the end", async { tokio::join!(server.drain.run(), close_code(&mut client), said) }).await;
    assert_eq!((left, code), (0, 1001));
    assert!(server.drain.is_stopping());
    assert!(said.contains("cache-control: no-cache, no-transform\r\n"), "{said}");
    assert_eq!(said.matches("cache-control").count(), 1, "{said}");
    assert!(said.contains("retry: ") && said.ends_with("data: new\n\n"), "{said}");
    within("the server to end", server.task).await.expect("no panic").expect("no error");
}

#[derive(Default)]
struct Tally([AtomicUsize; 6]);

impl Tally {
    fn add(&self, index: usize) {
        self.0[index].fetch_add(1, Ordering::Relaxed);
    }
}

struct Shared(Arc<Tally>);

impl Metrics<()> for Shared {
    fn registered(&self) {
        self.0.add(0);
    }
    fn refused(&self, error: RegisterError) {
        assert_eq!(error, RegisterError::KeyFull);
        self.0.add(1);
    }
    fn due(&self, (): &()) {
        self.0.add(2);
    }
    fn sent(&self, (): &()) {
        self.0.add(3);
    }
    fn closed(&self, reason: Closed) {
        assert_eq!(reason, Closed::Disconnected(socket_registry::CloseReason::LOGGED_OUT));
        self.0.add(4);
    }
    fn removed(&self) {
        self.0.add(5);
    }
}

#[tokio::test]
async fn what_happens_is_counted() {
    let registry = Registry::builder().max_sockets_per_key(1).build().expect("possible limits");
    let tally = Arc::new(Tally::default());
    let sessions: Sessions<u64> = Sessions::builder(registry).metrics(Shared(Arc::clone(&tally))).build();
    let server = updates(&sessions).await;
    let mut client = server.open().await;
    server.refusal().await;
    sessions.registry().mark(&KEY);
    next(&mut client).await;
    sessions.registry().disconnect(&KEY, socket_registry::CloseReason::LOGGED_OUT);
    close_code(&mut client).await;
    let counted = async {
        while tally.0.iter().any(|count| count.load(Ordering::Relaxed) != 1) {
            tokio::task::yield_now().await;
        }
    };
    within("each to be counted once", counted).await;
}
