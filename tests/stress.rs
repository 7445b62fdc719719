//! Reconnect storms over few keys, with every mark accounted for (G1 to G8, G10, G12, scenario 21).
//!
//! Seconds by default. `SOCKET_REGISTRY_STRESS` sets how many registrations each holder makes;
//! `cargo test --release --test stress -- --ignored` storms for an hour (or for as many seconds as
//! the same variable says).

use std::collections::HashSet;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket_registry::{Registry, Socket, SocketId, Topics};
use testkit::{LiveBytes, Over, block_on};

#[global_allocator]
static ALLOCATOR: LiveBytes = LiveBytes;

const HOLDERS: usize = 6;
const MARKERS: usize = 2;
const KEYS: usize = 4;
/// The most sockets that one holder has at a time.
const HELD: usize = 3;
/// What threads and the test's frame may keep: less than a byte for each registration.
const SLACK: isize = 64 * 1024;

/// The marks of one key, which one marker makes one after another.
#[derive(Default)]
struct Marks {
    /// Written before a mark: what it publishes.
    begun: AtomicU64,
    /// Written after it.
    done: AtomicU64,
}

struct Storm {
    registry: Registry<usize>,
    marks: [Marks; KEYS],
}

/// A socket, and what its owner knows of the marks that it must have seen.
struct Account<'a> {
    socket: Socket<usize>,
    marks: &'a Marks,
    /// Marks begun before the registration had returned: these may have missed it.
    not_owed: u64,
    /// Marks done before the registration began: these cannot have reached it.
    over_before: u64,
    /// The latest mark known when the last take found something.
    seen: u64,
    takes: u64,
}

impl<'a> Account<'a> {
    fn open(storm: &'a Storm, key: usize) -> Self {
        let marks = &storm.marks[key];
        let over_before = marks.done.load(Ordering::SeqCst);
        let socket = storm.registry.register(key).expect("far from every limit");
        let not_owed = marks.begun.load(Ordering::SeqCst);
        Self { socket, marks, not_owed, over_before, seen: 0, takes: 0 }
    }

    fn book(&mut self, taken: Topics) {
        if taken.is_empty() {
            return;
        }
        assert_eq!(taken, Topics::topic(*self.socket.key() as u32), "another key's topic");
        self.seen = self.marks.begun.load(Ordering::SeqCst);
        self.takes += 1;
        assert!(self.takes <= self.seen - self.over_before, "a take without a mark");
    }

    fn take(&mut self) {
        let taken = self.socket.take_due();
        self.book(taken);
    }

    fn wait(&mut self) {
        let taken = block_on(self.socket.due()).expect("nobody closes the registry");
        self.book(taken);
    }

    /// After every mark that was made while the socket lived there was a take.
    fn close(mut self) {
        let last = self.marks.done.load(Ordering::SeqCst);
        self.take();
        assert!(last <= self.not_owed || self.seen >= last, "mark {last} was never taken");
    }
}

impl Storm {
    fn new() -> Self {
        let registry = Registry::builder().shards(2).build().unwrap();
        Self { registry, marks: Default::default() }
    }

    /// Runs all threads until every holder's `go_on`, asked with how often it has registered, says
    /// no.
    fn rage(&self, go_on: impl Fn(u64) -> bool + Sync) {
        let mut issued: Vec<SocketId> = Vec::new();
        let over = Over::default();
        thread::scope(|scope| {
            let (go_on, over) = (&go_on, &over);
            for marker in 0..MARKERS {
                scope.spawn(move || self.mark(marker, over));
            }
            // Dropped when the holders are done, or when one of them has failed.
            let _over = over.at_the_end();
            let holders: Vec<_> = (0..HOLDERS).map(|n| scope.spawn(move || self.hold(n as u64, go_on))).collect();
            for holder in holders {
                issued.extend(holder.join().expect("a holder failed"));
            }
        });
        let registered = issued.len();
        assert_eq!(issued.into_iter().collect::<HashSet<_>>().len(), registered, "an id came twice");
        assert_eq!((self.registry.key_count(), self.registry.socket_count()), (0, 0));
        self.registry.for_each(|socket| panic!("{} is left", socket.id()));
    }

    /// Marks its share of the keys over and over, one topic for each.
    fn mark(&self, marker: usize, over: &Over) {
        while !over.is_over() {
            for key in (marker..KEYS).step_by(MARKERS) {
                let marks = &self.marks[key];
                let mark = marks.begun.fetch_add(1, Ordering::SeqCst) + 1;
                self.registry.mark_topics(&key, Topics::topic(key as u32));
                marks.done.store(mark, Ordering::SeqCst);
                // A key is counted out after it became idle: each holder may be that late with one.
                assert!(self.registry.key_count() <= KEYS + HOLDERS);
            }
            thread::yield_now();
        }
    }

    /// Reconnects over and over, sometimes with its old socket still there, and sometimes
    /// panicking.
    fn hold(&self, holder: u64, go_on: impl Fn(u64) -> bool) -> Vec<SocketId> {
        let mut issued = Vec::new();
        let mut held = Vec::new();
        let mut step = holder;
        while go_on(issued.len() as u64) {
            step += 1;
            let key = (step * 7 / 3) as usize % KEYS;
            let mut account = Account::open(self, key);
            issued.push(account.socket.id());
            assert!(self.registry.is_active(&key) && self.registry.contains(account.socket.id()));
            if step % 100 == 50 {
                let bug = catch_unwind(AssertUnwindSafe(|| {
                    let _held = account;
                    resume_unwind(Box::new("the holder's own bug"));
                }));
                assert!(bug.is_err());
                continue;
            }
            if step % 50 == 0 {
                account.wait();
            } else if step % 3 == 0 {
                account.take();
            }
            held.push(account);
            while held.len() > step as usize % HELD {
                held.swap_remove(step as usize % held.len()).close();
            }
        }
        held.into_iter().for_each(Account::close);
        issued
    }
}

fn setting(default: u64) -> u64 {
    match env::var("SOCKET_REGISTRY_STRESS") {
        Ok(value) => value.parse().expect("SOCKET_REGISTRY_STRESS is not a number"),
        Err(_) => default,
    }
}

#[test]
fn reconnect_storm() {
    let registrations = setting(20_000);
    let at_first = LiveBytes::now();
    let storm = Storm::new();
    storm.rage(|registered| registered < registrations / 10);
    let at_the_peak = LiveBytes::now();
    storm.rage(|registered| registered < registrations);
    let grown = LiveBytes::now() - at_the_peak;
    assert!(grown < SLACK, "{grown} bytes more than the peak needs are kept");
    drop(storm);
    let kept = LiveBytes::now() - at_first;
    assert!(kept < SLACK, "{kept} bytes are kept for nobody");
}

#[test]
#[ignore = "an hour long"]
fn reconnect_storm_for_an_hour() {
    let end = Instant::now() + Duration::from_secs(setting(3_600));
    // In pieces, so that the ids of an hour need not be kept: each is unique among its piece.
    while Instant::now() < end {
        Storm::new().rage(|registered| registered < 1_000_000 && Instant::now() < end);
    }
}
