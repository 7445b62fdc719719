//! Memory (G9, G12): what allocates, what does not, and what is given back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;
use std::task::{Context, Waker};

use socket_registry::{Registry, Socket, Topics};

/// Counts per thread, so that tests don't see each other; each of them works on its own thread
/// only.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(allocations: usize, bytes: isize) {
    ALLOCATIONS.set(ALLOCATIONS.get() + allocations);
    LIVE_BYTES.set(LIVE_BYTES.get() + bytes);
}

// SAFETY: every call goes on to `System` unchanged; counting allocates nothing itself, as the
// thread locals need neither lazy initialisation nor a destructor.
#[allow(unsafe_code, reason = "an allocator can be written in no other way")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, -(layout.size() as isize));
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(1, new_size as isize - layout.size() as isize);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.realloc(memory, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of<T>(f: impl FnOnce() -> T) -> usize {
    let before = ALLOCATIONS.get();
    drop(f());
    ALLOCATIONS.get() - before
}

fn user(n: u64) -> String {
    format!("a user with a rather long name, number {n}")
}

#[test]
fn the_allocator_counts() {
    assert_eq!(allocations_of(|| Box::new(1)), 1);
    let before = LIVE_BYTES.get();
    let bytes = vec![0u8; 1_000];
    assert_eq!(LIVE_BYTES.get() - before, 1_000);
    drop(bytes);
    assert_eq!(LIVE_BYTES.get(), before);
}

/// G9.
#[test]
fn marks_and_takes_never_allocate() {
    let registry = Registry::<String>::new();
    let names: Vec<String> = (0..500).map(user).collect();
    let mut sockets: Vec<Socket<String>> =
        names.iter().flat_map(|name| [name, name]).map(|name| registry.register(name.clone()).unwrap()).collect();
    let ids: Vec<_> = sockets.iter().map(Socket::id).collect();
    let mut cx = Context::from_waker(Waker::noop());
    let allocations = allocations_of(|| {
        for _ in 0..3 {
            for name in &names {
                assert_eq!(registry.mark(name), 2);
                assert_eq!(registry.mark_topics(name.as_str(), Topics::ALL), 2);
            }
            assert_eq!(registry.mark_many(&names), 1_000);
            assert_eq!(registry.mark_all(), 1_000);
            assert_eq!(registry.mark_where_topics(|_| true, Topics::UPDATE), 1_000);
            registry.for_each_of(sockets[0].key(), |_| ());
            assert!(ids.iter().all(|&id| registry.mark_socket_topics(id, Topics::topic(3))));
            for socket in &mut sockets {
                socket.restore_due(socket.peek_due());
                assert!(!socket.take_due().is_empty());
                // The first poll stores a waker; the marks of the next round wake it.
                assert!(socket.poll_due(&mut cx).is_pending());
            }
        }
    });
    assert_eq!(allocations, 0);
}

#[test]
fn looking_does_not_allocate() {
    let registry = Registry::<u64>::new();
    let sockets: Vec<_> = (0..500).map(|key| registry.register(key).unwrap()).collect();
    let allocations = allocations_of(|| {
        assert_eq!((registry.key_count(), registry.socket_count()), (500, 500));
        for socket in &sockets {
            assert!(registry.is_active(socket.key()) && registry.contains(socket.id()));
            assert!(registry.due_of(socket.key()).is_empty());
            assert!(registry.with_socket(socket.id(), |same| same.peek_due()).is_some());
        }
    });
    assert_eq!(allocations, 0);
}

/// Scenario 18.
#[test]
fn a_mark_of_an_unknown_key_allocates_nothing() {
    let registry = Registry::<String>::new();
    let _there: Vec<_> = (0..10).map(|n| registry.register(user(n)).unwrap()).collect();
    let unknown: Vec<String> = (1_000..2_000).map(user).collect();
    let before = LIVE_BYTES.get();
    let allocations = allocations_of(|| {
        assert_eq!(registry.mark_many(&unknown), 0);
        for name in &unknown {
            assert_eq!(registry.mark(name), 0);
            assert_eq!(registry.due_of(name), Topics::EMPTY);
            assert!(!registry.is_active(name));
        }
    });
    assert_eq!((allocations, LIVE_BYTES.get() - before), (0, 0));
}

/// Scenario 23, G12: keys that never come again, one window of live ones after another.
#[test]
fn keys_that_left_leave_the_memory_of_the_peak() {
    const PEAK: usize = 2_000;
    const DISTINCT: u64 = 200_000;
    let mut live = VecDeque::with_capacity(PEAK + 1);
    let before = LIVE_BYTES.get();
    let registry = Registry::<String>::builder().shards(4).max_sockets(2 * PEAK).build().unwrap();
    let mut pass = |keys: std::ops::Range<u64>| {
        for key in keys {
            live.push_back(registry.register(user(key)).unwrap());
            if live.len() > PEAK {
                live.pop_front();
            }
        }
        LIVE_BYTES.get() - before
    };
    let at_the_peak = pass(0..DISTINCT / 20);
    let at_the_end = pass(DISTINCT / 20..DISTINCT);
    // A table may double once more, for the places of keys that are just leaving. A few bytes kept
    // for each key that left would be far beyond that.
    assert!(at_the_end <= 2 * at_the_peak, "{at_the_peak} bytes, and then {at_the_end}");
    drop(live);
    assert_eq!(registry.key_count(), 0);
}

/// Scenario 23 for the sockets of one key, and for a key that comes and goes.
#[test]
fn sockets_that_left_leave_the_memory_of_the_peak() {
    let registry = Registry::<u64>::new();
    let storm = |storms: u64| {
        for n in 0..storms {
            let key = n % 50;
            let tabs = [0; 4].map(|_| registry.register(key).unwrap());
            assert_eq!(registry.mark(&key), 4);
            drop(tabs);
        }
        LIVE_BYTES.get()
    };
    let at_the_peak = storm(2_000);
    let grown = storm(20_000) - at_the_peak;
    assert!(grown < 16 * 1024, "grew by {grown} bytes");
}

#[test]
fn a_registry_gives_everything_back() {
    // The first registry of a process also makes the hasher's process-wide seeds, which stay.
    drop(Registry::<String>::new());
    let before = LIVE_BYTES.get();
    let registry = Registry::<String>::new();
    let sockets: Vec<_> = (0..5_000).map(|n| registry.register(user(n / 2)).unwrap()).collect();
    drop(registry);
    drop(sockets);
    assert_eq!(LIVE_BYTES.get() - before, 0);
}
