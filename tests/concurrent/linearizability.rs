//! Thousands of short concurrent histories, each checked against what the registry promises.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use socket_registry::{RegisterError, Registry, Socket, SocketId, Topics};
use testkit::history::{Call, Event, Limits, Registered, is_linearizable};
use testkit::{Over, crowd};

const THREADS: usize = 3;
const HISTORIES: usize = 2_000;
const CALLS: usize = 5;
const HELD: usize = 2;
const KEYS: u64 = 2;

/// A key that now and then lets another thread go first, just before its call looks at the registry.
#[derive(Clone, Copy)]
struct Key {
    name: u8,
    yields: bool,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.yields {
            thread::yield_now();
        }
        self.name.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Key {}

/// A call as its thread knows it, with ids where a history has numbers.
#[derive(Clone, Copy)]
enum Done {
    Register { key: u8, result: Result<SocketId, Registered> },
    Drop { id: SocketId },
    Mark { key: u8, topics: u32, marked: usize },
    MarkSocket { id: SocketId, topics: u32, live: bool },
    Take { id: SocketId, topics: u32 },
    IsActive { key: u8, active: bool },
}

struct Record {
    began: u64,
    ended: u64,
    done: Done,
}

/// What the threads of one run share.
struct Run {
    registry: Registry<Key>,
    clock: AtomicU64,
    /// How many have come to the line; all wait there for each other.
    line: AtomicUsize,
    /// A thread has ended, and nobody must wait for it.
    over: Over,
    /// The latest socket of each thread, for the others to mark; 0 when there is none.
    latest: [AtomicU64; THREADS],
    live: AtomicUsize,
}

/// One thread in one history.
struct Actor<'a> {
    run: &'a Run,
    thread: usize,
    random: Random,
    held: Vec<Socket<Key>>,
    records: Vec<Record>,
}

/// xorshift64: the same calls in every run, whatever their interleaving.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

impl Actor<'_> {
    fn record(&mut self, call: impl FnOnce(&mut Self) -> Done) {
        let began = self.run.clock.fetch_add(1, Ordering::SeqCst);
        let done = call(self);
        let ended = self.run.clock.fetch_add(1, Ordering::SeqCst);
        self.records.push(Record { began, ended, done });
    }

    /// Every mark of a history has a topic of its own, so that a take says which marks it saw.
    fn topic(&self, call: usize) -> u32 {
        1 << (self.thread * CALLS + call)
    }

    fn act(&mut self, call: usize) {
        let name = self.random.below(KEYS) as u8;
        let key = Key { name, yields: self.random.below(3) == 0 };
        let topics = self.topic(call);
        match self.random.below(10) {
            0..=2 if self.held.len() < HELD => self.record(|actor| {
                let result = actor.run.registry.register(key);
                let result = result.map_err(|error| match error {
                    RegisterError::Full => Registered::Full,
                    RegisterError::KeyFull => Registered::KeyFull,
                    other => panic!("{other}"),
                });
                let result = result.map(|socket| {
                    let id = socket.id();
                    actor.held.push(socket);
                    id
                });
                Done::Register { key: name, result }
            }),
            3..=4 if !self.held.is_empty() => {
                let leaving = self.random.below(self.held.len() as u64) as usize;
                let socket = self.held.swap_remove(leaving);
                self.record(|_| {
                    let id = socket.id();
                    drop(socket);
                    Done::Drop { id }
                });
            }
            5 if !self.held.is_empty() => {
                let taker = self.random.below(self.held.len() as u64) as usize;
                self.record(|actor| take(&actor.held[taker]));
            }
            6 => self.record(|actor| {
                let active = actor.run.registry.is_active(&key);
                Done::IsActive { key: name, active }
            }),
            7 => {
                let other = self.random.below(THREADS as u64) as usize;
                let id = self.run.latest[other].load(Ordering::Relaxed);
                if id != 0 {
                    let id = SocketId::from_u64(id);
                    self.record(|actor| {
                        let live = actor.run.registry.mark_socket_topics(id, topics_of(topics));
                        Done::MarkSocket { id, topics, live }
                    });
                }
            }
            _ => self.record(|actor| {
                let marked = actor.run.registry.mark_topics(&key, topics_of(topics));
                Done::Mark { key: name, topics, marked }
            }),
        }
        let latest = self.held.last().map_or(0, |socket| socket.id().to_u64());
        self.run.latest[self.thread].store(latest, Ordering::Relaxed);
        // Promised within bounds only while calls are in flight: each of the others may be about to
        // count a key out that is active again.
        assert!(self.run.registry.socket_count() <= THREADS * HELD);
        assert!(self.run.registry.key_count() <= KEYS as usize + THREADS);
    }
}

impl Run {
    /// Waits until all threads are here, and only spins: a thread put to sleep would miss the race.
    fn line_up(&self) {
        let arrived = self.line.fetch_add(1, Ordering::SeqCst);
        let all = (arrived / THREADS + 1) * THREADS;
        while self.line.load(Ordering::SeqCst) < all {
            thread::yield_now();
            let left_alone = self.over.is_over() && self.line.load(Ordering::SeqCst) < all;
            assert!(!left_alone, "another thread failed");
        }
    }

    /// One thread's part in one history; the registry is empty before and after it.
    fn play(&self, thread: usize, seed: u64) -> Vec<Record> {
        let random = Random(seed);
        let mut actor = Actor { run: self, thread, random, held: vec![], records: vec![] };
        self.line_up();
        (0..CALLS).for_each(|call| actor.act(call));
        self.live.fetch_add(actor.held.len(), Ordering::SeqCst);
        self.line_up();
        // At rest: counts are exact, and what was marked and not yet taken is still due.
        assert_eq!(self.registry.socket_count(), self.live.load(Ordering::SeqCst));
        for socket in 0..actor.held.len() {
            actor.record(|actor| take(&actor.held[socket]));
        }
        self.latest[thread].store(0, Ordering::Relaxed);
        self.line_up();
        self.live.fetch_sub(actor.held.len(), Ordering::SeqCst);
        actor.held.clear();
        self.line_up();
        assert_eq!((self.registry.key_count(), self.registry.socket_count()), (0, 0));
        actor.records
    }
}

fn take(socket: &Socket<Key>) -> Done {
    let topics = socket.take_due();
    let bits = (0..32).filter(|&n| topics.contains(Topics::topic(n)));
    Done::Take { id: socket.id(), topics: bits.fold(0, |bits, n| bits | 1 << n) }
}

/// The topics of a set with one bit.
fn topics_of(bit: u32) -> Topics {
    Topics::topic(bit.trailing_zeros())
}

/// All threads' records as one history, in the order in which the calls ended.
fn history(mut records: Vec<Record>) -> Vec<Event> {
    records.sort_unstable_by_key(|record| record.ended);
    let mut numbers = HashMap::new();
    for (number, record) in records.iter().enumerate() {
        if let Done::Register { result: Ok(id), .. } = record.done {
            assert!(numbers.insert(id, number).is_none(), "{id} was issued twice");
        }
    }
    let event = |Record { began, ended, done }| {
        let call = match done {
            Done::Register { key, result } => Call::Register { key, result: result.err().unwrap_or(Registered::Ok) },
            Done::Drop { id } => Call::Drop { socket: numbers[&id] },
            Done::Mark { key, topics, marked } => Call::Mark { key, topics, marked: marked as u32 },
            Done::MarkSocket { id, topics, live } => Call::MarkSocket { socket: numbers[&id], topics, live },
            Done::Take { id, topics } => Call::Take { socket: numbers[&id], topics },
            Done::IsActive { key, active } => Call::IsActive { key, active },
        };
        Event { began, ended, call }
    };
    records.into_iter().map(event).collect()
}

fn check_histories(limits: Limits, seed: u64) {
    let registry = Registry::builder()
        .shards(1)
        .max_sockets(limits.sockets)
        .max_sockets_per_key(limits.sockets_per_key)
        .build()
        .unwrap();
    let run = Run {
        registry,
        clock: AtomicU64::new(0),
        line: AtomicUsize::new(0),
        over: Over::default(),
        latest: Default::default(),
        live: AtomicUsize::new(0),
    };
    let mut records = crowd(THREADS, |thread| {
        let _over = run.over.at_the_end();
        (0..HISTORIES as u64)
            .map(|n| run.play(thread, (seed + n) * THREADS as u64 + thread as u64 + 1))
            .collect::<Vec<_>>()
    });
    let mut concurrent = 0;
    for n in 0..HISTORIES {
        let records = records.iter_mut().flat_map(|of_thread| std::mem::take(&mut of_thread[n]));
        let history = history(records.collect());
        concurrent += usize::from(history.windows(2).any(|pair| pair[1].began < pair[0].ended));
        assert!(is_linearizable(limits, &history), "history {n} of {limits:?}: {history:#?}");
    }
    assert!(concurrent > 0, "no two calls ever overlapped");
}

#[test]
fn histories_without_a_limit_in_reach() {
    check_histories(Limits { sockets: 100, sockets_per_key: 100 }, 1);
}

#[test]
fn histories_with_one_socket_per_key() {
    check_histories(Limits { sockets: 100, sockets_per_key: 1 }, 2_000_000);
}

#[test]
fn histories_at_the_limit_of_the_registry() {
    // Out of reach for a key: an attempt refused by its key may hold one of the two places meanwhile.
    check_histories(Limits { sockets: 2, sockets_per_key: 100 }, 4_000_000);
}
