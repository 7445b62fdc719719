//! Marks within the process: on the node that makes them, and on one that hears of them.

use crate::median;
use crate::peer::{MOST, NAMESPACE, Peer};
use crate::table::{Table, Unit};
use socket_registry::{Registry, Socket};
use socket_registry_cluster::broker::{Broker, Memory};
use socket_registry_cluster::{Cluster, Options};
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

const SOCKETS: u64 = 100_000;
/// The key whose socket tells that all before it is done.
pub(crate) const LAST: u64 = u64::MAX;

pub(crate) fn run(table: &mut Table) {
    own(table);
    remote(table, "present", (0..SOCKETS).collect());
    remote(table, "absent", (1 << 40..(1 << 40) + SOCKETS).collect());
}

/// As a server has it: sized for its sockets, and for a few more.
pub(crate) fn registry() -> Registry<u64> {
    Registry::builder().max_sockets(SOCKETS as usize + 1).build().unwrap()
}

fn sockets(registry: &Registry<u64>) -> Vec<Socket<u64>> {
    (0..SOCKETS).map(|key| registry.register(key).unwrap()).collect()
}

/// In an order that no cache foresees.
pub(crate) fn shuffle(keys: &mut [u64]) {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..keys.len()).rev() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        keys.swap(last, (random % (last as u64 + 1)) as usize);
    }
}

/// Then marks have something to do again.
fn take_all(sockets: &[Socket<u64>]) {
    sockets.iter().for_each(|socket| _ = socket.take_due());
}

/// Nanoseconds for each of `count`.
fn timed(count: usize, work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_nanos() as f64 / count as f64
}

/// Bursts of 1,000 marks, with the driver on another thread, which has its work done in between.
fn own(table: &mut Table) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _guard = runtime.enter();
    let cluster = Cluster::start(registry(), Memory::new().connect(), Options::new(NAMESPACE)).unwrap();
    runtime.block_on(cluster.joined()).unwrap();
    let registry = cluster.registry();
    let sockets = sockets(registry);
    let mut keys: Vec<u64> = (0..SOCKETS).collect();
    shuffle(&mut keys);
    let (mut plain, mut clustered) = (Vec::new(), Vec::new());
    for burst in keys.chunks_exact(2000).cycle().take(400) {
        let (first, second) = burst.split_at(1000);
        for (is_plain, keys) in [(true, first), (false, second)] {
            take_all(&sockets);
            if is_plain {
                plain.push(timed(keys.len(), || keys.iter().for_each(|key| _ = black_box(registry.mark(key)))));
            } else {
                clustered.push(timed(keys.len(), || keys.iter().for_each(|key| _ = black_box(cluster.mark(key)))));
            }
            thread::sleep(Duration::from_millis(3));
        }
    }
    let (plain, clustered) = (median(plain), median(clustered));
    let figures = format!("2 x `registry.mark` ({plain:.1} ns) and 100 ns");
    table.at_most("`cluster.mark`", figures, clustered, 2.0 * plain + 100.0, Unit::Nanoseconds);
}

/// A node hears marks in full messages, from the queue of its subscription to the last socket, in
/// one thread; against `mark_many` of the same keys, as many at a time.
fn remote(table: &mut Table, which: &str, mut keys: Vec<u64>) {
    shuffle(&mut keys);
    keys.truncate(64 * MOST);
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let memory = Memory::new();
        let (ours, theirs) = (memory.connect(), memory.connect());
        let cluster = Cluster::start(registry(), ours, Options::new(NAMESPACE)).unwrap();
        cluster.joined().await.unwrap();
        let registry = cluster.registry();
        let (sockets, mut last) = (sockets(registry), registry.register(LAST).unwrap());
        let mut peer = Peer::new(1);
        let (mut local, mut heard) = (Vec::new(), Vec::new());
        for _ in 0..41 {
            take_all(&sockets);
            local.push(timed(keys.len(), || keys.chunks(MOST).for_each(|keys| _ = registry.mark_many(keys))));
            take_all(&sockets);
            let mut batch: Vec<_> = keys.chunks(MOST).map(|keys| peer.marks(keys)).collect();
            batch.push(peer.marks(&[LAST]));
            let begin = Instant::now();
            theirs.publish(batch).await.unwrap();
            last.due().await.unwrap();
            heard.push(begin.elapsed().as_nanos() as f64 / keys.len() as f64);
        }
        let (local, heard) = (median(local), median(heard));
        let figures = format!("{heard:.0} ns, `mark_many` {local:.0} ns");
        table.at_most(format!("a remote mark, key {which}"), figures, heard / local, 3.0, Unit::Times);
    });
}
