//! What each operation costs in instructions, as valgrind counts them. `benches/instructions`
//! compares the counts with those in `instructions.json`.
//!
//! Every benchmark does its operation `OPERATIONS` times, and what it needs is made before and
//! dropped after the counting. The registries' seeds are random; so many operations leave little of
//! that in the mean.

#![allow(missing_docs, reason = "what the macros make is public, and has none")]

use benchkit::counted::{MAX_SOCKETS, OPERATIONS, keys};
use benchkit::peers::Key;
use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use socket_registry::{Registry, Socket, SocketId};
use std::mem;

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

/// Every key has reconnected: its second socket stayed.
fn reconnected<K: Key>() -> Stage<K> {
    let mut stage = idle::<K>();
    for (key, socket) in stage.keys.iter().zip(&mut stage.sockets) {
        *socket = stage.registry.register(key.clone()).unwrap();
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
#[bench::u64_once_two(doubled::<u64>())]
#[bench::u64_reconnected(reconnected::<u64>())]
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

// The socket that was there goes after that.
#[library_benchmark]
#[bench::u64(idle())]
#[bench::u64_reconnected(reconnected())]
fn take_over(mut stage: Stage<u64>) -> Stage<u64> {
    for (key, socket) in mem::take(&mut stage.keys).into_iter().zip(&mut stage.sockets) {
        *socket = stage.registry.register_taking_over(key, ()).unwrap();
    }
    stage
}

library_benchmark_group!(
    name = operations,
    benchmarks = [mark, mark_socket, mark_many, mark_all, take_due, is_active, key_count, register_and_drop, take_over]
);

main!(
    // Instructions are all that is compared.
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = operations
);
