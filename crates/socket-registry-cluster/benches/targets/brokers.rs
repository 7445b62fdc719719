//! Several nodes over a real broker.

use crate::marks::{LAST, registry, shuffle};
use crate::peer::{MOST, NAMESPACE, Peer};
use crate::server::Server;
use crate::table::{Table, Unit};
use crate::{median, quantile};
use futures_util::StreamExt;
use socket_registry::{Registry, Socket};
use socket_registry_cluster::broker::{Broker, Deliveries, Delivery, Interest, Message};
use socket_registry_cluster::{Cluster, Options, Publisher};
use std::collections::HashSet;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::time::{interval, sleep, timeout};

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Users that are marked around an outage.
const USERS: u64 = 2000;
const MEMBERS: usize = 4;

pub(crate) async fn run<B: Broker>(table: &mut Table, server: &mut Server, connect: impl AsyncFn() -> B) {
    let name = format!("{:?}", server.kind());
    latency(table, &name, &connect).await;
    throughput(table, &name, &connect).await;
    replay(table, &name, server, &connect).await;
    idle(table, &name, &connect).await;
}

fn options() -> Options {
    Options::new(NAMESPACE)
}

async fn joined<B: Broker>(broker: B, registry: Registry<u64>, options: Options) -> Cluster<u64> {
    let cluster = Cluster::start(registry, broker, options).unwrap();
    timeout(PATIENCE, cluster.joined()).await.unwrap().unwrap();
    cluster
}

async fn next(deliveries: &mut Deliveries) -> Message {
    loop {
        if let Delivery::Message(message) = deliveries.next().await.unwrap() {
            return message;
        }
    }
}

/// One mark at a time, against one message at a time that comes back to its publisher.
async fn latency<B: Broker>(table: &mut Table, name: &str, connect: &impl AsyncFn() -> B) {
    let here = joined(connect().await, Registry::new(), options()).await;
    let there = joined(connect().await, Registry::new(), options()).await;
    let mut socket = there.registry().register(1).unwrap();
    let probe = connect().await;
    let mut deliveries = probe.subscribe(vec![Interest::Subject("probe".to_owned())]);
    let message = || Message { subject: "probe".to_owned(), payload: vec![0; 34].into() };
    // Until the subscription is there.
    while timeout(Duration::from_millis(20), next(&mut deliveries)).await.is_err() {
        probe.publish(vec![message()]).await.unwrap();
    }
    while timeout(Duration::from_millis(200), next(&mut deliveries)).await.is_ok() {}
    let (mut trips, mut marks) = (Vec::new(), Vec::new());
    for _ in 0..3000 {
        sleep(Duration::from_millis(2)).await;
        let begin = Instant::now();
        let trip = async {
            next(&mut deliveries).await;
            begin.elapsed()
        };
        let (published, trip) = tokio::join!(probe.publish(vec![message()]), trip);
        published.unwrap();
        trips.push(trip.as_secs_f64() * 1e6);
        sleep(Duration::from_millis(2)).await;
        let begin = Instant::now();
        here.mark(&1);
        timeout(PATIENCE, socket.due()).await.unwrap().unwrap();
        marks.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    let trip = quantile(&mut trips, 0.5);
    for (part, limit) in [(0.5, 2.5), (0.99, 10.0)] {
        let mark = quantile(&mut marks, part);
        let subject = format!("{name}: mark to socket, p{:.0}", part * 100.0);
        let figures = format!("{mark:.0} us, round trip {trip:.0} us");
        table.at_most(subject, figures, mark / trip, limit, Unit::Times);
    }
    here.leave().await;
    there.leave().await;
}

/// Marks as a publisher sends them, against one in each message.
async fn throughput<B: Broker>(table: &mut Table, name: &str, connect: &impl AsyncFn() -> B) {
    const MARKS: usize = 32 * MOST;
    /// So many messages fit into half of a subscription's queue.
    const WINDOW: usize = 4096;
    let server = joined(connect().await, registry(), options()).await;
    let mut last = server.registry().register(LAST).unwrap();
    let publisher = Publisher::<u64>::start(connect().await, options()).unwrap();
    timeout(PATIENCE, publisher.joined()).await.unwrap().unwrap();
    let (hand, mut peer) = (connect().await, Peer::new(1));
    let mut keys: Vec<u64> = (0..MARKS as u64).collect();
    shuffle(&mut keys);
    let (mut gathered, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        let begin = Instant::now();
        for keys in keys.chunks(64) {
            publisher.mark_many(keys);
        }
        timeout(PATIENCE, publisher.settled()).await.unwrap().unwrap();
        gathered.push(MARKS as f64 / begin.elapsed().as_secs_f64());
        let batches = keys.chunks(WINDOW).map(|keys| {
            let mut batch: Vec<_> = keys.chunks(1).map(|key| peer.marks(key)).collect();
            batch.push(peer.marks(&[LAST]));
            batch
        });
        let batches: Vec<_> = batches.collect();
        let begin = Instant::now();
        for batch in batches {
            hand.publish(batch).await.unwrap();
            timeout(PATIENCE, last.due()).await.unwrap().unwrap();
        }
        alone.push(MARKS as f64 / begin.elapsed().as_secs_f64());
    }
    let (gathered, alone) = (median(gathered), median(alone));
    let figures = format!("{:.0} k/s, one a message {:.0} k/s", gathered / 1e3, alone / 1e3);
    table.at_least(format!("{name}: marks gathered"), figures, gathered / alone, 5.0, Unit::Times);
    publisher.leave().await;
    server.leave().await;
}

/// The broker is killed for 2 s amid marks, one for each user.
async fn replay<B: Broker>(table: &mut Table, name: &str, server: &mut Server, connect: &impl AsyncFn() -> B) {
    let spread = Duration::from_secs(2);
    let here = joined(connect().await, Registry::new(), options().spread(spread)).await;
    let there = joined(connect().await, Registry::new(), options().spread(spread)).await;
    let fetched = Arc::new(Mutex::new(Vec::new()));
    for user in 0..USERS {
        tokio::spawn(serve(there.registry().register(user).unwrap(), fetched.clone()));
    }
    let marking = tokio::spawn({
        let here = here.clone();
        async move {
            let mut ticks = interval(Duration::from_millis(2));
            for user in 0..USERS {
                ticks.tick().await;
                here.mark(&user);
            }
        }
    });
    sleep(Duration::from_secs(1)).await;
    server.kill();
    sleep(Duration::from_secs(2)).await;
    server.restart();
    marking.await.unwrap();
    timeout(PATIENCE, here.settled()).await.unwrap().unwrap();
    // Repairs by lanes would come within this time.
    sleep(spread * 2 + Duration::from_secs(3)).await;
    let fetched = fetched.lock().unwrap();
    let users = fetched.iter().collect::<HashSet<_>>().len();
    assert_eq!(users as u64, USERS, "every user has fetched");
    let figures = format!("{}, {USERS} users marked", fetched.len());
    let ratio = fetched.len() as f64 / USERS as f64;
    table.at_most(format!("{name}: fetches, broker away 2 s"), figures, ratio, 1.05, Unit::Times);
}

/// A connection, which notes each fetch.
async fn serve(mut socket: Socket<u64>, fetched: Arc<Mutex<Vec<u64>>>) {
    while socket.due().await.is_ok() {
        fetched.lock().unwrap().push(*socket.key());
    }
}

/// Nodes with nothing to do but beats, all in this process.
async fn idle<B: Broker>(table: &mut Table, name: &str, connect: &impl AsyncFn() -> B) {
    let subject = format!("{name}: an idle node");
    let mut members = Vec::new();
    for _ in 0..MEMBERS {
        members.push(joined(connect().await, Registry::new(), options()).await);
    }
    sleep(Duration::from_secs(2)).await;
    let (before, time) = (cpu_seconds(), Duration::from_secs(30));
    sleep(time).await;
    let Some((before, after)) = before.zip(cpu_seconds()) else {
        return table.leave_out(&subject, "no /proc");
    };
    let percent = (after - before) / time.as_secs_f64() / MEMBERS as f64 * 100.0;
    table.at_most(subject, format!("of a core; {MEMBERS} members"), percent, 0.5, Unit::Percent);
    for member in members {
        member.leave().await;
    }
}

/// The time that the threads of this process have computed.
fn cpu_seconds() -> Option<f64> {
    let threads = fs::read_dir("/proc/self/task").ok()?;
    let nanoseconds = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    Some(threads.flatten().filter_map(nanoseconds).sum::<f64>() / 1e9)
}
