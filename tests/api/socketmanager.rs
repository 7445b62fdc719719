//! What `docs/FROM_SOCKETMANAGER.md` says to those who come from the Go package, held to: a test
//! for each row of its table and each flow, named after it. The code on that page runs by itself;
//! here is what tells the two packages apart.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::thread;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::Request;
use axum::routing::post;
use socket_registry::{Closed, RegisterError, Registry, Socket, Topics};
use testkit::{Wakes, block_on, reason};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, yield_now};
use tower::ServiceExt;

const PAGE: &str = include_str!("../../docs/FROM_SOCKETMANAGER.md");
const THIS: &str = include_str!("socketmanager.rs");

type Users = Registry<String>;

fn ada() -> String {
    "ada".to_owned()
}

#[test]
fn new_simple_socket_manager() {
    let registry = Users::new();
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    let limited: Users = Users::builder().max_sockets_per_key(1).build().unwrap();
    let _first = limited.register(ada()).unwrap();
    assert_eq!(limited.register(ada()).unwrap_err(), RegisterError::KeyFull);
    let _by_number = Registry::<(u32, u32)>::new().register((4, 2)).unwrap();
}

/// There, the second one replaces the first, and resets what is due.
#[test]
fn add() {
    let registry = Users::new();
    let first = registry.register(ada()).unwrap();
    registry.mark("ada");
    let second = registry.register(ada()).unwrap();
    assert_ne!(first.id(), second.id());
    assert_eq!(registry.socket_count(), 2);
    assert_eq!((first.take_due(), second.take_due()), (Topics::UPDATE, Topics::EMPTY));

    // If the newest is to win, it says so, and what the older ones were not told is not lost.
    registry.mark("ada");
    let newest = registry.register_taking_over(ada(), ()).unwrap();
    assert!(
        [&first, &second].map(Socket::close_reason) == [Some(Closed::Superseded); 2] && newest.close_reason().is_none()
    );
    assert_eq!((registry.sockets_of("ada"), newest.take_due()), (vec![newest.id()], Topics::UPDATE));
}

/// There, the first connection's clean-up removes the second.
#[test]
fn remove() {
    let registry = Users::new();
    let old = registry.register(ada()).unwrap();
    let old_id = old.id();
    let new = registry.register(ada()).unwrap();
    drop(old);
    assert!(registry.is_active("ada") && registry.contains(new.id()) && !registry.contains(old_id));
    assert_eq!(registry.mark("ada"), 1);
    assert_eq!(new.take_due(), Topics::UPDATE);

    let panicking = registry.register(ada()).unwrap();
    let task = thread::spawn(move || std::panic::resume_unwind(Box::new(panicking.id())));
    let id = *task.join().unwrap_err().downcast().unwrap();
    assert!(!registry.contains(id), "a task that panics leaves no socket behind");
    assert_eq!(registry.sockets_of("ada"), [new.id()]);
}

#[test]
fn is_active() {
    let registry = Users::new();
    assert!(!registry.is_active("ada"));
    let tabs = [ada(), ada()].map(|user| registry.register(user).unwrap());
    for tab in tabs {
        assert!(registry.is_active("ada") && !registry.is_active("grace"));
        drop(tab);
    }
    assert!(!registry.is_active("ada"));
}

/// There is no copy that outlives its socket, and no id that finds a later one.
#[test]
fn get_socket() {
    let registry: Users = Users::builder().max_sockets(1).build().unwrap();
    let look = |id| registry.with_socket(id, |socket| (socket.key().clone(), socket.id() == id, socket.peek_due()));
    let socket = registry.register(ada()).unwrap();
    let id = socket.id();
    assert_eq!(registry.sockets_of("ada"), [id]);
    assert_eq!(look(id), Some((ada(), true, Topics::EMPTY)));
    registry.mark("ada");
    assert_eq!(look(id), Some((ada(), true, Topics::UPDATE)));

    drop(socket);
    let _in_its_place = registry.register(ada()).unwrap();
    assert_eq!(look(id), None);
    assert!(registry.sockets_of("grace").is_empty());
}

/// Listing them holds no thread up: sockets come and go while the list is made.
#[test]
fn get_active_sockets() {
    let registry = Registry::<u64>::new();
    let sockets: Vec<_> = (0..100).map(|n| registry.register(n / 2).unwrap()).collect();
    assert_eq!((registry.key_count(), registry.socket_count()), (50, 100));
    let mut listed = Vec::new();
    registry.for_each(|socket| {
        let _passing_by = registry.register(1_000).unwrap();
        listed.push(socket.id());
    });
    let mut live: Vec<_> = sockets.iter().map(Socket::id).collect();
    live.sort();
    listed.sort();
    assert_eq!(listed, live);
}

/// Looking takes nothing, and waiting polls nothing.
#[test]
fn update_due() {
    let registry = Users::new();
    let mut socket = registry.register(ada()).unwrap();
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert_eq!((socket.peek_due(), registry.due_of("ada")), (Topics::EMPTY, Topics::EMPTY));
    assert!(socket.poll_due(&mut cx).is_pending());
    assert_eq!(wakes.count(), 0);

    registry.mark("ada");
    assert_eq!(wakes.count(), 1);
    for _ in 0..2 {
        assert_eq!((socket.peek_due(), registry.due_of("ada")), (Topics::UPDATE, Topics::UPDATE));
    }
    assert_eq!(socket.poll_due(&mut cx), Poll::Ready(Ok(Topics::UPDATE)));
    assert!(socket.poll_due(&mut cx).is_pending(), "one mark, one update");
    assert_eq!(registry.due_of("grace"), Topics::EMPTY);
}

#[test]
fn set_update_due_true() {
    let registry = Users::new();
    assert_eq!(registry.mark("ada"), 0, "nobody is there");
    let mut tabs = [ada(), ada(), "grace".to_owned()].map(|user| registry.register(user).unwrap());
    assert!(tabs[0].peek_due().is_empty(), "and nothing was remembered");
    assert_eq!(registry.mark("ada"), 2);
    assert_eq!(tabs.each_ref().map(Socket::take_due), [Topics::UPDATE, Topics::UPDATE, Topics::EMPTY]);

    // Before the first wait is early enough.
    registry.mark("grace");
    assert_eq!(block_on(tabs[2].due()), Ok(Topics::UPDATE));
}

/// There, one tab's reset is every tab's, and takes along what was set after its look.
#[test]
fn set_update_due_false() {
    let registry = Users::new();
    let (laptop, phone) = (registry.register(ada()).unwrap(), registry.register(ada()).unwrap());
    registry.mark("ada");
    assert_eq!(laptop.take_due(), Topics::UPDATE);
    assert_eq!((laptop.peek_due(), phone.peek_due()), (Topics::EMPTY, Topics::UPDATE));
    registry.mark("ada"); // while the laptop's `update` is being written
    assert_eq!((laptop.take_due(), phone.take_due()), (Topics::UPDATE, Topics::UPDATE));
}

/// There, the next `SetUpdateDue` forgets what was set.
#[test]
fn set_arb() {
    let registry = Registry::<String, AtomicU64>::new();
    let socket = registry.register_with(ada(), AtomicU64::new(1)).unwrap();
    let id = socket.id();
    let set = |value| registry.with_socket(id, |socket| socket.metadata().store(value, Ordering::Relaxed));
    thread::scope(|scope| scope.spawn(|| assert_eq!(set(2), Some(()))).join()).unwrap();
    registry.mark("ada");
    assert_eq!((socket.take_due(), socket.metadata().load(Ordering::Relaxed)), (Topics::UPDATE, 2));
    drop(socket);
    assert_eq!(set(3), None);
}

#[test]
fn get_arb() {
    let registry = Registry::<String, &str>::new();
    let laptop = registry.register_with(ada(), "laptop").unwrap();
    let phone = registry.register_with(ada(), "phone").unwrap();
    let name = |id| registry.with_socket(id, |socket| *socket.metadata());
    assert_eq!((*laptop.metadata(), *phone.metadata()), ("laptop", "phone"));
    assert_eq!((name(laptop.id()), name(phone.id())), (Some("laptop"), Some("phone")));
    let gone = laptop.id();
    drop(laptop);
    assert_eq!((name(gone), name(phone.id())), (None, Some("phone")));
}

/// Where names are known at run time only. There, reading the map while it is written to ends the
/// process.
#[test]
fn get_arbs() {
    const VALUES: usize = 1_000;
    let registry = Registry::<String, Mutex<HashMap<String, usize>>>::new();
    let socket = registry.register(ada()).unwrap();
    let all = || registry.with_socket(socket.id(), |socket| socket.metadata().lock().unwrap().clone()).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 0..VALUES {
                socket.metadata().lock().unwrap().insert(n.to_string(), n);
            }
        });
        while !writer.is_finished() {
            assert!(all().iter().all(|(name, n)| *name == n.to_string()));
        }
    });
    assert_eq!(all().len(), VALUES);
}

async fn call(app: &Router, path: &str) -> String {
    let response = app.clone().oneshot(Request::post(path).body(Body::empty()).unwrap()).await.unwrap();
    let body = to_bytes(response.into_body(), 1024).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

/// What one handler registers, another one marks, and so does a task that holds a clone.
#[tokio::test]
async fn with_context() {
    let registry = Users::new();
    let socket = registry.register(ada()).unwrap();
    let app = Router::new()
        .route("/mark", post(async |State(users): State<Users>| users.mark("ada").to_string()))
        .route("/count", post(async |State(users): State<Users>| users.key_count().to_string()))
        .with_state(registry.clone());
    assert_eq!((call(&app, "/mark").await, call(&app, "/count").await), ("1".to_owned(), "1".to_owned()));
    assert_eq!(socket.take_due(), Topics::UPDATE);
    assert_eq!(tokio::spawn(async move { registry.mark("ada") }).await.unwrap(), 1);
}

/// Registries are told apart by their types, so a server may have several.
#[cfg(feature = "axum")]
#[tokio::test]
async fn get_socket_manager_from_context() {
    use axum::Extension;
    let (users, rooms) = (Users::new(), Registry::<u64>::new());
    let _sockets = (users.register(ada()).unwrap(), rooms.register(1).unwrap(), rooms.register(2).unwrap());
    let app = Router::new()
        .route("/users", post(async |users: Users| users.key_count().to_string()))
        .route("/rooms", post(async |rooms: Registry<u64>| rooms.key_count().to_string()))
        .layer(Extension(users))
        .layer(Extension(rooms))
        .route("/outside", post(async |users: Users| users.key_count().to_string()));
    assert_eq!((call(&app, "/users").await, call(&app, "/rooms").await), ("1".to_owned(), "2".to_owned()));
    assert_eq!(call(&app, "/outside").await, "socket registry is not in the request's extensions");
}

/// A connection on channels: what the page hears, and a line that it can hang up.
struct Page {
    hears: mpsc::Receiver<&'static str>,
    line: mpsc::Sender<()>,
    task: JoinHandle<Option<Closed>>,
}

impl Page {
    fn open(registry: &Users) -> Self {
        let mut socket = registry.register(ada()).unwrap();
        let (tell, hears) = mpsc::channel(1);
        let (line, mut frames) = mpsc::channel::<()>(1);
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    due = socket.due() => match due {
                        Ok(_) => tell.send("update").await.unwrap(),
                        Err(closed) => return Some(closed),
                    },
                    _ = frames.recv() => return None,
                }
            }
        });
        Self { hears, line, task }
    }

    /// Until the task is over, and with it the socket.
    async fn close(self) -> Option<&'static str> {
        let Self { mut hears, line, task } = self;
        drop(line);
        task.await.unwrap();
        hears.recv().await
    }
}

#[tokio::test]
async fn the_websocket_handler() {
    let registry = Users::new();
    let (old, mut other) = (Page::open(&registry), Page::open(&registry));
    let mut new = Page::open(&registry); // the user of `old` comes back before `old` is known to be gone
    assert_eq!(old.close().await, None);
    assert_eq!(registry.mark("ada"), 2);
    assert_eq!((new.hears.recv().await, other.hears.recv().await), (Some("update"), Some("update")));
    assert_eq!(other.close().await, None, "one mark, one update");

    // The page reads nothing: one update waits for it, the next one is being written, and the third
    // mark comes.
    let taken = async || {
        while !registry.due_of("ada").is_empty() {
            yield_now().await;
        }
    };
    for _ in 0..2 {
        registry.mark("ada");
        taken().await;
    }
    registry.mark("ada");
    assert_eq!(registry.due_of("ada"), Topics::UPDATE);
    for _ in 0..3 {
        assert_eq!(new.hears.recv().await, Some("update"));
    }

    // Another handler removes it, in the only way there is: by telling its owner to go.
    assert_eq!(registry.disconnect("ada", reason(7)), 1);
    assert_eq!(new.task.await.unwrap(), Some(Closed::Disconnected(reason(7))));
    assert!(!registry.is_active("ada"));

    let page = Page::open(&registry);
    page.task.abort();
    assert!(page.task.await.unwrap_err().is_cancelled() && !registry.is_active("ada"));
}

/// Who hears of a change sees it, even if all else about the data is unordered.
#[test]
fn the_http_handler() {
    const CHANGES: u64 = 1_000;
    let registry = Users::new();
    let devices = AtomicU64::new(0);
    let mut page = registry.register(ada()).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=CHANGES {
                devices.store(n, Ordering::Relaxed);
                assert_eq!(registry.mark("ada"), 1);
            }
        });
        let (mut updates, mut seen) = (0, 0);
        while seen < CHANGES {
            block_on(page.due()).unwrap();
            updates += 1;
            seen = devices.load(Ordering::Relaxed);
            assert!(updates <= seen, "{updates} updates, but only {seen} changes");
        }
    });
    drop(page);
    assert_eq!(registry.mark("ada"), 0, "the change is stored, and nobody is there to be told");
}

/// Users are counted, not tabs; and one task that waits for the counts makes everybody's due.
#[test]
fn the_counter_of_active_users() {
    let registry = Users::new();
    let users = [ada(), "grace".to_owned(), ada()];
    let [laptop, mut shows_count, phone] = users.map(|user| registry.register(user).unwrap());
    assert_eq!((registry.key_count(), registry.socket_count()), (2, 3));
    let mut counts = registry.watch_counts();
    let mut leave = |socket: Socket<String>, left: usize| {
        drop(socket);
        block_on(counts.changed());
        registry.mark_all();
        assert_eq!(counts.key_count(), left);
    };
    leave(phone, 2);
    leave(laptop, 1);
    assert_eq!(block_on(shows_count.due()), Ok(Topics::UPDATE));
    leave(shows_count, 0);
}

/// `SetUpdateDue(id, true)` and `The HTTP handler`, as names of tests.
fn test_name(name: &str) -> String {
    let Some((name, arguments)) = name.split_once('(') else {
        return name.to_lowercase().replace(' ', "_");
    };
    let spread = |c: char| if c.is_uppercase() { format!("_{}", c.to_ascii_lowercase()) } else { c.to_string() };
    let name: String = name.chars().map(spread).collect();
    let value = ["_true", "_false"].into_iter().find(|value| arguments.contains(&value[1..]));
    name[1..].to_owned() + value.unwrap_or_default()
}

#[test]
fn every_row_and_flow_of_the_document_has_its_test() {
    let (names, rest) = PAGE.split_once("## The flows of the article").expect("the heading is there");
    let (flows, _) = rest.split_once("\n## ").expect("another heading follows");
    let rows = names.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name);
    // The context is the subject of two rows.
    let flows = flows.lines().filter_map(|line| line.strip_prefix("### ")).filter(|&flow| flow != "The context");
    let tests: Vec<_> = rows.chain(flows).map(test_name).collect();
    assert_eq!(tests.len(), 14 + 3);
    let missing: Vec<_> = tests.iter().filter(|test| !THIS.contains(&format!("fn {test}()"))).collect();
    assert!(missing.is_empty(), "not there: {missing:?}");
}
