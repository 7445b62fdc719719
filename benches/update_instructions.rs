//! What an update costs in instructions, in ours and in the two best peers (`_inline`, `_boxed`):
//! counted and compared as those in `instructions.rs`, but in a program of its own. There, further
//! callers of `mark` would change what the compiler inlines into the plain marks.

#![allow(missing_docs, reason = "what the macros make is public, and has none")]

use benchkit::{
    counted::{MAX_SOCKETS, OPERATIONS, keys},
    peers::{Boxed, Expert, Key, Ours, Peer, PeerSocket},
};
use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

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
    name = updates,
    benchmarks = [one_update, mark_that_wakes, poll_that_takes, poll_that_waits, mark_absent]
);

main!(
    // Instructions are all that is compared.
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = updates
);
