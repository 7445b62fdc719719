//! A process with one node, for the faults: this test binary, started once more. It takes commands
//! on stdin, one a line, and answers each with a line that begins with `> `.

use crate::disguise::{Disguise, Disguised};
use crate::totals;
use socket_registry::{CloseReason, Registry, Socket};
use socket_registry_cluster::broker::{Broker, Nats, Redis};
use socket_registry_cluster::{Cluster, Health, Options, Publisher};
use std::env;
use std::fmt::Display;
use std::io::{BufRead, Write, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;

/// Where a child finds its orders: kind of broker, address, role, disguise.
pub(crate) const ORDERS: &str = "SOCKET_REGISTRY_CLUSTER_NODE";
/// The users, each with one socket on each server.
pub(crate) const USERS: u64 = 2_000;
pub(crate) const BEAT: Duration = Duration::from_secs(1);
pub(crate) const TTL: Duration = Duration::from_secs(5);
pub(crate) const SPREAD: Duration = Duration::from_secs(2);

#[test]
#[ignore = "a process of the tests of faults, which start it"]
fn process() {
    let Ok(orders) = env::var(ORDERS) else { return };
    let words = Vec::from_iter(orders.split(' '));
    let [kind, url, role, disguise] = words[..] else { panic!("orders: {orders}") };
    let disguise: Disguise = disguise.parse().unwrap();
    totals::record();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        match kind {
            "Nats" => run(Disguised { broker: Nats::connect(url).await.unwrap(), disguise }, role).await,
            _ => run(Disguised { broker: Redis::new(url).unwrap(), disguise }, role).await,
        }
    });
}

/// When something happened last to each user, in nanoseconds of the wall clock.
struct Times([AtomicU64; USERS as usize]);

impl Times {
    fn new() -> Arc<Self> {
        Arc::new(Self([const { AtomicU64::new(0) }; USERS as usize]))
    }

    fn note(&self, user: u64) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        self.0[user as usize].store(now as u64, Ordering::SeqCst);
    }

    fn print(&self) -> String {
        Vec::from_iter(self.0.iter().map(|time| time.load(Ordering::SeqCst).to_string())).join(" ")
    }
}

/// Either kind of node.
#[derive(Clone)]
enum Node {
    Server(Cluster<u64>),
    Worker(Publisher<u64>),
}

impl Node {
    fn mark(&self, user: u64) {
        match self {
            Self::Server(cluster) => _ = cluster.mark(&user),
            Self::Worker(publisher) => publisher.mark(&user),
        }
    }

    fn disconnect(&self, user: u64) {
        match self {
            Self::Server(cluster) => _ = cluster.disconnect(&user, CloseReason::LOGGED_OUT),
            Self::Worker(publisher) => publisher.disconnect(&user, CloseReason::LOGGED_OUT),
        }
    }

    fn health(&self) -> Health {
        match self {
            Self::Server(cluster) => cluster.health(),
            Self::Worker(publisher) => publisher.health(),
        }
    }

    fn registry(&self) -> &Registry<u64> {
        match self {
            Self::Server(cluster) => cluster.registry(),
            Self::Worker(_) => panic!("a worker has no sockets"),
        }
    }

    async fn joined(&self) -> bool {
        match self {
            Self::Server(cluster) => cluster.joined().await.is_ok(),
            Self::Worker(publisher) => publisher.joined().await.is_ok(),
        }
    }

    async fn settled(&self) -> bool {
        match self {
            Self::Server(cluster) => cluster.settled().await.is_ok(),
            Self::Worker(publisher) => publisher.settled().await.is_ok(),
        }
    }

    async fn leave(&self) {
        match self {
            Self::Server(cluster) => cluster.leave().await,
            Self::Worker(publisher) => publisher.leave().await,
        }
    }
}

async fn run(broker: impl Broker, role: &str) {
    let options = Options::new("faults").beat(BEAT).ttl(TTL).spread(SPREAD);
    let node = match role {
        "server" => Node::Server(Cluster::start(Registry::new(), broker, options).unwrap()),
        _ => Node::Worker(Publisher::start(broker, options).unwrap()),
    };
    let (marked, fetched, fetches) = (Times::new(), Times::new(), Arc::new(AtomicU64::new(0)));
    let mut marking = tokio::spawn(async {});
    let mut commands = lines();
    while let Some(line) = commands.recv().await {
        match Vec::from_iter(line.split(' '))[..] {
            ["joined"] => answer(in_time(node.joined()).await),
            ["settled"] => answer(in_time(node.settled()).await),
            ["leave"] => {
                node.leave().await;
                answer("left");
            }
            // Opens the listener: each user connects.
            ["open"] => {
                for user in 0..USERS {
                    let socket = node.registry().register(user).unwrap();
                    tokio::spawn(serve(socket, fetched.clone(), fetches.clone()));
                }
                answer("open");
            }
            ["mark", from, to, per_second] => {
                let (from, to) = (number(from), number(to));
                marking = tokio::spawn(mark(node.clone(), marked.clone(), from, to, number(per_second)));
                answer("marking");
            }
            ["idle"] => answer((&mut marking).await.is_ok()),
            ["marked"] => answer(marked.print()),
            ["fetched"] => answer(fetched.print()),
            ["fetches"] => answer(fetches.load(Ordering::SeqCst)),
            ["peers"] => answer(node.health().peers),
            ["hearing"] => answer(node.health().hearing),
            ["sockets"] => answer(node.registry().socket_count()),
            ["total", ref name @ ..] => answer(totals::total(&name.join(" "))),
            // Users without a socket, as fast as it goes.
            ["strangers", count] => {
                (USERS..USERS + number(count)).for_each(|user| node.mark(user));
                answer("marked");
            }
            ["take", user] => {
                let Node::Server(cluster) = &node else { panic!("a worker has no sockets") };
                let mut single = cluster.register_taking_over(number(user), ()).unwrap();
                tokio::spawn(async move { single.closed().await });
                answer("taken");
            }
            ["disconnect", user] => {
                node.disconnect(number(user));
                answer("told");
            }
            _ => panic!("command {line:?}"),
        }
    }
}

/// Whether it became true before a test would have failed anyway.
async fn in_time(becomes: impl Future<Output = bool>) -> bool {
    tokio::time::timeout(Duration::from_secs(60), becomes).await.unwrap_or(false)
}

/// A connection: it fetches when something is due, until it is closed.
async fn serve(mut socket: Socket<u64>, fetched: Arc<Times>, fetches: Arc<AtomicU64>) {
    let user = *socket.key();
    while socket.due().await.is_ok() {
        fetches.fetch_add(1, Ordering::SeqCst);
        fetched.note(user);
    }
}

/// Marks these users, round and round until each had its turn, at this rate.
async fn mark(node: Node, marked: Arc<Times>, from: u64, to: u64, per_second: u64) {
    let begin = tokio::time::Instant::now();
    for count in from..to {
        let user = count % USERS;
        marked.note(user);
        node.mark(user);
        let due = begin + Duration::from_nanos((count - from + 1) * 1_000_000_000 / per_second);
        if due > tokio::time::Instant::now() + Duration::from_millis(1) {
            tokio::time::sleep_until(due).await;
        }
    }
}

fn answer(value: impl Display) {
    println!("> {value}");
    stdout().flush().unwrap();
}

fn number(text: &str) -> u64 {
    text.parse().unwrap()
}

/// The lines of stdin. Their end is the parent's.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in stdin().lock().lines() {
            if sender.blocking_send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    receiver
}
