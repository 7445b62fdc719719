//! Thousands of short concurrent histories, each checked against what the registry promises.

mod actor;

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use actor::{close_reason, take};
use socket_registry::{Closed, Presence, PresenceEvent, Registry, Sequence, Socket, SocketId};
use testkit::history::{Call, Event, Limits, Registered, is_linearizable};
use testkit::{Over, crowd};

const THREADS: usize = 3;
const HISTORIES: usize = 2_000;
/// Of those with takeovers, which take the checker longer.
const WITH_TAKEOVERS: usize = 300;
const CALLS: usize = 5;
const HELD: usize = 2;
const KEYS: u64 = 2;

/// A key that now and then lets another thread go first, just before its call looks at the
/// registry.
#[derive(Clone, Copy, Debug)]
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
    Register { key: u8, takes_over: bool, result: Result<SocketId, Registered> },
    Drop { id: SocketId },
    Mark { key: u8, topics: u32, marked: usize },
    MarkSocket { id: SocketId, topics: u32, live: bool },
    Take { id: SocketId, topics: u32 },
    IsActive { key: u8, active: bool },
    Disconnect { key: u8, reason: Closed, told: usize },
    DisconnectSocket { id: SocketId, reason: Closed, live: bool },
    Close,
    CloseReason { id: SocketId, reason: Option<Closed> },
    Online { key: u8, online: bool },
}

/// What a thread may do next; what is not possible becomes a mark.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Register,
    TakeOver,
    Drop,
    Mark,
    MarkSocket,
    Take,
    IsActive,
    Disconnect,
    DisconnectSocket,
    Close,
    CloseReason,
    Online,
}

struct Record {
    began: u64,
    ended: u64,
    done: Done,
}

/// What the threads of one run share.
struct Run {
    /// One for all histories or, where they end with a shutdown, one for each.
    registries: Vec<Registry<Key>>,
    /// Each operation as often as it is drawn.
    mix: &'static [Op],
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
    registry: &'a Registry<Key>,
    thread: usize,
    random: Random,
    held: Vec<Socket<Key>>,
    records: Vec<Record>,
    /// Of the first thread, where presence is tested.
    online: Option<&'a mut Subscriber>,
}

/// A subscription, and what it has told of each key: the events alternate, and their numbers rise.
struct Subscriber {
    presence: Presence<Key>,
    latest: [(bool, Option<Sequence>); KEYS as usize],
}

impl Subscriber {
    fn new(registry: &Registry<Key>) -> Self {
        Self { presence: registry.presence(), latest: Default::default() }
    }

    fn take_all(&mut self) {
        while let Some(event) = self.presence.try_next() {
            let (key, sequence, is_online) = match event {
                PresenceEvent::Online { key, sequence } => (key, sequence, true),
                PresenceEvent::Offline { key, sequence } => (key, sequence, false),
                other => panic!("there is room for all: {other:?}"),
            };
            let latest = &mut self.latest[usize::from(key.name)];
            assert!(latest.0 != is_online && latest.1 < Some(sequence), "{latest:?}, then {event:?}");
            *latest = (is_online, Some(sequence));
        }
    }
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
    fn play(&self, thread: usize, registry: &Registry<Key>, online: Option<&mut Subscriber>, seed: u64) -> Vec<Record> {
        let random = Random(seed);
        let mut actor = Actor { run: self, registry, thread, random, held: vec![], records: vec![], online };
        self.line_up();
        (0..CALLS).for_each(|call| actor.act(call));
        self.line_up();
        // At rest: counts are exact, what was marked and not yet taken is still due, and each owner
        // knows why its socket was closed.
        let live = actor.held.iter().filter(|socket| registry.contains(socket.id())).count();
        assert!(live == actor.held.len() || self.mix.contains(&Op::TakeOver), "a held socket is gone");
        self.live.fetch_add(live, Ordering::SeqCst);
        self.line_up();
        assert_eq!(registry.socket_count(), self.live.load(Ordering::SeqCst));
        for socket in 0..actor.held.len() {
            actor.record(|actor| take(&actor.held[socket]));
            if self.mix.contains(&Op::TakeOver) {
                actor.record(|actor| close_reason(&actor.held[socket]));
            }
        }
        (0..KEYS as u8).for_each(|key| actor.see_online(key));
        self.latest[thread].store(0, Ordering::Relaxed);
        self.line_up();
        self.live.fetch_sub(live, Ordering::SeqCst);
        actor.held.clear();
        self.line_up();
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
        if let Some(online) = &mut actor.online {
            online.take_all();
            assert!(online.latest.iter().all(|latest| !latest.0), "a key is shown that has no socket");
        }
        actor.records
    }
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
            Done::Register { key, takes_over, result } => {
                Call::Register { key, takes_over, result: result.err().unwrap_or(Registered::Ok) }
            }
            Done::Drop { id } => Call::Drop { socket: numbers[&id] },
            Done::Mark { key, topics, marked } => Call::Mark { key, topics, marked: marked as u32 },
            Done::MarkSocket { id, topics, live } => Call::MarkSocket { socket: numbers[&id], topics, live },
            Done::Take { id, topics } => Call::Take { socket: numbers[&id], topics },
            Done::IsActive { key, active } => Call::IsActive { key, active },
            Done::Disconnect { key, reason, told } => Call::Disconnect { key, reason, told: told as u32 },
            Done::DisconnectSocket { id, reason, live } => {
                Call::DisconnectSocket { socket: numbers[&id], reason, live }
            }
            Done::Close => Call::Close,
            Done::CloseReason { id, reason } => Call::CloseReason { socket: numbers[&id], reason },
            Done::Online { key, online } => Call::Online { key, online },
        };
        Event { began, ended, call }
    };
    records.into_iter().map(event).collect()
}

fn check_histories(limits: Limits, mix: &'static [Op], seed: u64) {
    let histories = if mix.contains(&Op::TakeOver) { WITH_TAKEOVERS } else { HISTORIES };
    let registry = || {
        let sized = Registry::builder().shards(1).max_sockets(limits.sockets);
        sized.max_sockets_per_key(limits.sockets_per_key).build().unwrap()
    };
    let registries = if mix.contains(&Op::Close) { histories } else { 1 };
    let run = Run {
        registries: (0..registries).map(|_| registry()).collect(),
        mix,
        clock: AtomicU64::new(0),
        line: AtomicUsize::new(0),
        over: Over::default(),
        latest: Default::default(),
        live: AtomicUsize::new(0),
    };
    let mut records = crowd(THREADS, |thread| {
        let _over = run.over.at_the_end();
        let watches = thread == 0 && mix.contains(&Op::Online);
        let mut online = watches.then(|| Subscriber::new(&run.registries[0]));
        let play = |n: usize| {
            let registry = &run.registries[n % registries];
            let seed = (seed + n as u64) * THREADS as u64 + thread as u64 + 1;
            run.play(thread, registry, online.as_mut(), seed)
        };
        (0..histories).map(play).collect::<Vec<_>>()
    });
    let mut concurrent = 0;
    for n in 0..histories {
        let records = records.iter_mut().flat_map(|of_thread| std::mem::take(&mut of_thread[n]));
        let history = history(records.collect());
        concurrent += usize::from(history.windows(2).any(|pair| pair[1].began < pair[0].ended));
        assert!(is_linearizable(limits, &history), "history {n} of {limits:?}: {history:#?}");
    }
    assert!(concurrent > 0, "no two calls ever overlapped");
}

const MANY: Limits = Limits { sockets: 100, sockets_per_key: 100 };

const MARKS: &[Op] = &[
    Op::Register,
    Op::Register,
    Op::Register,
    Op::Drop,
    Op::Drop,
    Op::Take,
    Op::IsActive,
    Op::MarkSocket,
    Op::Mark,
    Op::Mark,
];
const TAKEOVERS: &[Op] = &[
    Op::Register,
    Op::TakeOver,
    Op::TakeOver,
    Op::Drop,
    Op::Take,
    Op::Take,
    Op::Take,
    Op::CloseReason,
    Op::Mark,
    Op::Mark,
];
const CLOSING: &[Op] = &[
    Op::Register,
    Op::Register,
    Op::TakeOver,
    Op::Drop,
    Op::Disconnect,
    Op::Disconnect,
    Op::DisconnectSocket,
    Op::CloseReason,
    Op::CloseReason,
    Op::Mark,
];
const SHUTDOWN: &[Op] = &[
    Op::Register,
    Op::Register,
    Op::Register,
    Op::TakeOver,
    Op::Drop,
    Op::Disconnect,
    Op::Close,
    Op::CloseReason,
    Op::CloseReason,
];
const PRESENCE: &[Op] = &[
    Op::Register,
    Op::Register,
    Op::Register,
    Op::TakeOver,
    Op::Drop,
    Op::Drop,
    Op::Drop,
    Op::IsActive,
    Op::Online,
    Op::Online,
];

#[test]
fn histories_without_a_limit_in_reach() {
    check_histories(MANY, MARKS, 1);
}

#[test]
fn histories_with_one_socket_per_key() {
    check_histories(Limits { sockets: 100, sockets_per_key: 1 }, MARKS, 2_000_000);
}

#[test]
fn histories_at_the_limit_of_the_registry() {
    // Out of reach for a key: an attempt refused by its key may hold one of the two places
    // meanwhile.
    check_histories(Limits { sockets: 2, sockets_per_key: 100 }, MARKS, 4_000_000);
}

#[test]
fn histories_with_takeovers() {
    check_histories(Limits { sockets: 100, sockets_per_key: 2 }, TAKEOVERS, 6_000_000);
}

#[test]
fn histories_with_log_outs() {
    check_histories(MANY, CLOSING, 8_000_000);
}

#[test]
fn histories_with_a_shutdown() {
    check_histories(MANY, SHUTDOWN, 10_000_000);
}

#[test]
fn histories_with_presence() {
    check_histories(MANY, PRESENCE, 12_000_000);
}
