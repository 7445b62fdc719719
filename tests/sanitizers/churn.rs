//! Everything that threads do to a registry at the same time, on plain memory that only the
//! registry's promises protect: `churn ROUNDS [race|leak|plain-std]`. With `race` or `leak` it also
//! does what the sanitizer must report.
//!
//! `plain-std` says that `std` is not built with the sanitizer, which then does not see what
//! `std`'s own locks and fences order. So then nothing relies on them: threads meet through the
//! registry and `join` only, and whatever is counted by `Arc` has its last owner in the main
//! thread.

use std::cell::UnsafeCell;
use std::env;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use socket_registry::{Closed, Registry, Socket, Topics};

const PUBLISHERS: usize = 2;
const OWNERS: usize = 2;
const CHURNERS: usize = 2;

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Nothing,
    /// Marks before it writes what the mark publishes.
    Race,
    /// Forgets a socket.
    Leak,
    /// Drops every socket before the registry.
    PlainStd,
}

/// Plain memory, written by one publisher and then read by every owner.
#[derive(Default)]
struct Page(UnsafeCell<usize>);

// SAFETY: written before its mark, read after that mark was taken; unless a race is planted.
unsafe impl Sync for Page {}

/// A waker whose uses are all the registry's: it touches memory that its owner touches too.
struct Woken;

impl Wake for Woken {
    fn wake(self: Arc<Self>) {}
}

type World = Registry<usize, String>;

fn main() {
    let mut words = env::args().skip(1);
    let rounds: usize =
        words.next().expect("churn ROUNDS [race|leak|plain-std]").parse().expect("ROUNDS is not a number");
    let mode = match words.next().as_deref() {
        None => Mode::Nothing,
        Some("race") => Mode::Race,
        Some("leak") => Mode::Leak,
        Some("plain-std") => Mode::PlainStd,
        Some(other) => panic!("{other}: neither race nor leak nor plain-std"),
    };
    (0..rounds).for_each(|round| self::round(round, mode));
    println!("{rounds} rounds");
}

fn round(round: usize, mode: Mode) {
    let registry = World::builder().shards(2).build().expect("a possible size");
    let pages: Arc<[Page; PUBLISHERS]> = Arc::default();
    let waker = Arc::new(Woken);
    let owned: Vec<_> = (0..OWNERS).map(|n| registry.register_with(0, format!("owner {n}")).unwrap()).collect();

    let mut threads = Vec::new();
    for socket in owned {
        let (pages, waker) = (Arc::clone(&pages), Waker::from(Arc::clone(&waker)));
        threads.push(thread::spawn(move || own(socket, &pages, &waker, round)));
    }
    for n in 0..PUBLISHERS {
        let (registry, pages) = (registry.clone(), Arc::clone(&pages));
        threads.push(thread::spawn(move || publish(&registry, &pages[n], n, round, mode)));
    }
    for n in 0..CHURNERS {
        let registry = registry.clone();
        threads.push(thread::spawn(move || churn(&registry, n)));
    }
    let walker = registry.clone();
    threads.push(thread::spawn(move || walk(&walker)));

    for thread in threads {
        thread.join().expect("a thread failed");
    }
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
    if mode == Mode::Leak {
        std::mem::forget(registry.register_with(0, "leaked".to_owned()));
    }

    if mode == Mode::PlainStd {
        return;
    }
    let last: Vec<_> = (0..CHURNERS).map(|n| registry.register_with(n, format!("last {n}")).unwrap()).collect();
    let threads: Vec<_> = last.into_iter().map(|socket| thread::spawn(move || drop(socket))).collect();
    drop(registry);
    for thread in threads {
        thread.join().expect("a thread failed");
    }
}

/// Takes every publisher's topic once, and reads what was published.
fn own(mut socket: Socket<usize, String>, pages: &[Page; PUBLISHERS], waker: &Waker, round: usize) {
    let mut missing = PUBLISHERS;
    while missing > 0 {
        let Poll::Ready(due) = socket.poll_due(&mut Context::from_waker(waker)) else {
            thread::yield_now();
            continue;
        };
        let due = due.expect("nobody closes the registry");
        for (_, page) in pages.iter().enumerate().filter(|(n, _)| due.contains(Topics::topic(*n as u32))) {
            // SAFETY: see `Page`.
            let published = unsafe { *page.0.get() };
            assert_eq!(published, round + 1);
            missing -= 1;
        }
    }
}

fn publish(registry: &World, page: &Page, n: usize, round: usize, mode: Mode) {
    let mark = || assert!(registry.mark_topics(&0, Topics::topic(n as u32)) >= OWNERS);
    if mode == Mode::Race {
        mark();
    }
    // SAFETY: see `Page`.
    unsafe { *page.0.get() = round + 1 };
    if mode != Mode::Race {
        mark();
    }
}

/// Joins the owners' key, and keys of its own until tables are added; takes each of these over.
fn churn(registry: &World, n: usize) {
    let mut kept = Vec::new();
    for step in 0..40 {
        let beside = registry.register_with(0, format!("churner {n}")).unwrap();
        let key = 1 + n + CHURNERS * step;
        let own = registry.register_with(key, format!("churner {n}, key {step}")).unwrap();
        assert!(registry.mark_socket_topics(own.id(), Topics::ALL));
        let heir = registry.register_taking_over(key, format!("churner {n}, key {step}, again")).unwrap();
        assert_eq!(own.close_reason(), Some(Closed::Superseded));
        assert_eq!(heir.take_due(), Topics::ALL);
        kept.push(heir);
        drop((own, beside));
    }
}

fn walk(registry: &World) {
    for _ in 0..10 {
        let mut ids = Vec::new();
        registry.for_each(|socket| {
            assert!(socket.metadata().starts_with(if *socket.key() == 0 { "" } else { "churner" }));
            ids.push(socket.id());
        });
        for id in ids {
            registry.with_socket(id, |socket| assert!(!socket.metadata().is_empty()));
        }
    }
}
