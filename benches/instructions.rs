//! What each operation costs in instructions, as valgrind counts them. `benches/instructions`
//! compares the counts with those in `instructions.json`.
//!
//! Every benchmark does its operation `OPERATIONS` times, and what it needs is made before and
//! dropped after the counting. The registries' seeds are random; so many operations leave little of
//! that in the mean. What ends in `_inline` and `_boxed` is counted in the two best peers.

#![allow(missing_docs, reason = "what the macros make is public, and has none")]

use benchkit::peers::{Boxed, Expert, Key, Ours, Peer, PeerSocket};
use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use socket_registry::{Registry, Socket, SocketId};
use std::{
    mem,
    ops::Range,
    pin::pin,
    task::{Context, Poll, Waker},
};

/// Sockets, and how often a benchmark does its operation: `benches/instructions` divides by it.
const OPERATIONS: usize = 10_000;
/// So many more that no shard will have more sockets than its share, and take permits from others.
const MAX_SOCKETS: usize = 16_384;
/// In one call of `mark_many`.
const MANY: usize = 1_000;

/// A registry with one socket for each of `OPERATIONS` keys.
struct Stage<K: Key> {
    registry: Registry<K>,
    sockets: Vec<Socket<K>>,
    /// Those that the operation is done with.
    keys: Vec<K>,
    /// How many of those have a socket: an operation that does nothing would be counted as a fast
    /// one.
    found: usize,
}

fn keys<K: Key>(range: Range<usize>) -> Vec<K> {
    range.map(|n| K::nth(n as u64)).collect()
}

fn idle<K: Key>() -> Stage<K> {
    let registry = Registry::builder().max_sockets(MAX_SOCKETS).build().unwrap();
    let keys = keys::<K>(0..OPERATIONS);
    let sockets = keys.iter().map(|key| registry.register(key.clone()).unwrap()).collect();
    Stage { registry, sockets, keys, found: OPERATIONS }
}

/// The operation registers keys that have no socket.
fn absent<K: Key>() -> Stage<K> {
    Stage { keys: keys(OPERATIONS..2 * OPERATIONS), found: 0, ..idle() }
}

fn due<K: Key>() -> Stage<K> {
    let stage = idle();
    stage.registry.mark_all();
    stage
}

/// Every key has had a second socket, and keeps the place of it.
fn doubled<K: Key>() -> Stage<K> {
    let stage = idle::<K>();
    for key in &stage.keys {
        drop(stage.registry.register(key.clone()).unwrap());
    }
    stage
}

fn ids() -> (Stage<u64>, Vec<SocketId>) {
    let stage = idle();
    let ids = stage.sockets.iter().map(Socket::id).collect();
    (stage, ids)
}

#[library_benchmark]
#[bench::u64(idle::<u64>())]
#[bench::u64_due(due::<u64>())]
#[bench::string(idle::<String>())]
#[bench::string_due(due::<String>())]
fn mark<K: Key>(stage: Stage<K>) -> Stage<K> {
    let marked: usize = stage.keys.iter().map(|key| stage.registry.mark(key)).sum();
    assert_eq!(marked, stage.found);
    stage
}

#[library_benchmark]
#[bench::u64(ids())]
fn mark_socket((stage, ids): (Stage<u64>, Vec<SocketId>)) -> (Stage<u64>, Vec<SocketId>) {
    let marked = ids.iter().filter(|&&id| stage.registry.mark_socket(id)).count();
    assert_eq!(marked, stage.found);
    (stage, ids)
}

// A key of many is an operation.
#[library_benchmark]
#[bench::u64(idle::<u64>())]
#[bench::string(idle::<String>())]
fn mark_many<K: Key>(stage: Stage<K>) -> Stage<K> {
    let marked: usize = stage.keys.chunks(MANY).map(|keys| stage.registry.mark_many(keys)).sum();
    assert_eq!(marked, stage.found);
    stage
}

// A socket is an operation.
#[library_benchmark]
#[bench::u64(idle())]
fn mark_all(stage: Stage<u64>) -> Stage<u64> {
    assert_eq!(stage.registry.mark_all(), stage.found);
    stage
}

#[library_benchmark]
#[bench::u64(due())]
fn take_due(stage: Stage<u64>) -> Stage<u64> {
    let taken = stage.sockets.iter().filter(|socket| !socket.take_due().is_empty()).count();
    assert_eq!(taken, stage.found);
    stage
}

#[library_benchmark]
#[bench::u64(idle())]
fn is_active(stage: Stage<u64>) -> Stage<u64> {
    let active = stage.keys.iter().filter(|key| stage.registry.is_active(*key)).count();
    assert_eq!(active, stage.found);
    stage
}

#[library_benchmark]
#[bench::u64(idle())]
fn key_count(stage: Stage<u64>) -> Stage<u64> {
    for _ in 0..OPERATIONS {
        assert_eq!(stage.registry.key_count(), stage.found);
    }
    stage
}

#[library_benchmark]
#[bench::u64(absent::<u64>())]
#[bench::u64_second(idle::<u64>())]
#[bench::u64_second_again(doubled::<u64>())]
#[bench::string(absent::<String>())]
#[bench::string_second(idle::<String>())]
#[bench::string_second_again(doubled::<String>())]
fn register_and_drop<K: Key>(mut stage: Stage<K>) -> Stage<K> {
    for key in mem::take(&mut stage.keys) {
        drop(stage.registry.register(key).unwrap());
    }
    stage
}

/// A task waits at each socket, ours or a peer's.
struct Tasks<K: Key, P: Peer<K>> {
    registry: &'static P,
    sockets: Vec<P::Socket>,
    keys: Vec<K>,
}

fn poll(socket: &mut impl PeerSocket) -> Poll<()> {
    pin!(socket.due()).poll(&mut Context::from_waker(Waker::noop()))
}

impl<K: Key, P: Peer<K>> Tasks<K, P> {
    #[inline]
    fn wait(mut self) -> Self {
        for socket in &mut self.sockets {
            assert!(poll(socket).is_pending());
        }
        self
    }

    #[inline]
    fn mark(self, found: usize) -> Self {
        let marked: usize = self.keys.iter().map(|key| self.registry.mark(key)).sum();
        assert_eq!(marked, found);
        self
    }

    #[inline]
    fn take(mut self) -> Self {
        for socket in &mut self.sockets {
            assert!(poll(socket).is_ready());
        }
        self
    }
}

fn tasks<K: Key, P: Peer<K>>() -> Tasks<K, P> {
    let registry: &'static P = Box::leak(Box::new(P::sized_for(MAX_SOCKETS)));
    let keys = keys::<K>(0..OPERATIONS);
    let sockets = keys.iter().map(|key| registry.register(key.clone())).collect();
    Tasks { registry, sockets, keys }.wait()
}

fn woken<K: Key, P: Peer<K>>() -> Tasks<K, P> {
    tasks().mark(OPERATIONS)
}

fn taken<K: Key, P: Peer<K>>() -> Tasks<K, P> {
    woken().take()
}

fn strangers<K: Key, P: Peer<K>>() -> Tasks<K, P> {
    Tasks { keys: keys(OPERATIONS..2 * OPERATIONS), ..tasks() }
}

// All three steps for one task after the other: a mark that wakes, the poll that takes, the poll
// that waits again.
#[library_benchmark]
#[bench::u64(tasks::<u64, Ours<u64>>())]
#[bench::u64_inline(tasks::<u64, Expert<u64>>())]
#[bench::u64_boxed(tasks::<u64, Boxed<u64>>())]
#[bench::string(tasks::<String, Ours<String>>())]
#[bench::string_inline(tasks::<String, Expert<String>>())]
#[bench::string_boxed(tasks::<String, Boxed<String>>())]
fn one_update<K: Key, P: Peer<K>>(mut tasks: Tasks<K, P>) -> Tasks<K, P> {
    for (socket, key) in tasks.sockets.iter_mut().zip(&tasks.keys) {
        assert_eq!(tasks.registry.mark(key), 1);
        assert!(poll(socket).is_ready());
        assert!(poll(socket).is_pending());
    }
    tasks
}

#[library_benchmark]
#[bench::u64(tasks::<u64, Ours<u64>>())]
#[bench::u64_inline(tasks::<u64, Expert<u64>>())]
#[bench::u64_boxed(tasks::<u64, Boxed<u64>>())]
#[bench::string(tasks::<String, Ours<String>>())]
#[bench::string_inline(tasks::<String, Expert<String>>())]
#[bench::string_boxed(tasks::<String, Boxed<String>>())]
fn mark_that_wakes<K: Key, P: Peer<K>>(tasks: Tasks<K, P>) -> Tasks<K, P> {
    tasks.mark(OPERATIONS)
}

#[library_benchmark]
#[bench::u64(woken::<u64, Ours<u64>>())]
#[bench::u64_inline(woken::<u64, Expert<u64>>())]
#[bench::u64_boxed(woken::<u64, Boxed<u64>>())]
#[bench::string(woken::<String, Ours<String>>())]
#[bench::string_inline(woken::<String, Expert<String>>())]
#[bench::string_boxed(woken::<String, Boxed<String>>())]
fn poll_that_takes<K: Key, P: Peer<K>>(tasks: Tasks<K, P>) -> Tasks<K, P> {
    tasks.take()
}

#[library_benchmark]
#[bench::u64(taken::<u64, Ours<u64>>())]
#[bench::u64_inline(taken::<u64, Expert<u64>>())]
#[bench::u64_boxed(taken::<u64, Boxed<u64>>())]
#[bench::string(taken::<String, Ours<String>>())]
#[bench::string_inline(taken::<String, Expert<String>>())]
#[bench::string_boxed(taken::<String, Boxed<String>>())]
fn poll_that_waits<K: Key, P: Peer<K>>(tasks: Tasks<K, P>) -> Tasks<K, P> {
    tasks.wait()
}

#[library_benchmark]
#[bench::u64(strangers::<u64, Ours<u64>>())]
#[bench::u64_inline(strangers::<u64, Expert<u64>>())]
#[bench::u64_boxed(strangers::<u64, Boxed<u64>>())]
#[bench::string(strangers::<String, Ours<String>>())]
#[bench::string_inline(strangers::<String, Expert<String>>())]
#[bench::string_boxed(strangers::<String, Boxed<String>>())]
fn mark_absent<K: Key, P: Peer<K>>(tasks: Tasks<K, P>) -> Tasks<K, P> {
    tasks.mark(0)
}

library_benchmark_group!(
    name = operations,
    benchmarks = [
        one_update,
        mark_that_wakes,
        poll_that_takes,
        poll_that_waits,
        mark_absent,
        mark,
        mark_socket,
        mark_many,
        mark_all,
        take_due,
        is_active,
        key_count,
        register_and_drop
    ]
);

main!(
    // Instructions are all that is compared.
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = operations
);
