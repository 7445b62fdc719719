//! The registry compared with a plain sequential oracle: any operations, and after each of them all
//! that can be asked of the registry is asked of both.
//!
//! Shared by `tests/concurrent/model.rs` (proptest) and `fuzz/fuzz_targets/registry_ops.rs`
//! (libFuzzer): each turns on the feature that lets its own library make operations.

mod expected;
mod watch;

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use socket_registry::{Closed, Registry, Socket, SocketId, SocketRef, Topics};

use crate::Wakes;
use expected::Expected;
use watch::Watch;

/// One step. The numbers choose among what there is: a key of the setup, a socket that is held, a
/// socket that has left.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[cfg_attr(feature = "proptest", derive(proptest_derive::Arbitrary))]
pub enum Op {
    Register {
        key: u16,
    },
    /// Registers `count` sockets, each under the next key.
    Storm {
        key: u16,
        count: u8,
    },
    BornDue {
        key: u16,
        topics: u32,
    },
    TakeOver {
        key: u16,
    },
    Drop {
        socket: u8,
    },
    /// Drops every second socket.
    DropHalf,
    Mark {
        key: u16,
    },
    MarkTopics {
        key: u16,
        topics: u32,
    },
    MarkSocket {
        socket: u8,
        topics: u32,
    },
    MarkGone {
        socket: u8,
        topics: u32,
    },
    MarkMany {
        keys: Vec<u16>,
    },
    MarkAll,
    /// Marks every third socket, together or gradually. One time in four all sockets, gradually.
    MarkWhere {
        third: u8,
        topics: u32,
    },
    /// One time in sixteen the key is superseded instead.
    Disconnect {
        key: u16,
        reason: u8,
    },
    /// One time in sixteen the socket is evicted instead.
    DisconnectSocket {
        socket: u8,
        reason: u8,
    },
    DisconnectOthers {
        socket: u8,
        reason: u8,
    },
    /// One time in sixteen: after it no socket comes.
    Close {
        batch: u8,
        whether: u8,
    },
    Take {
        socket: u8,
    },
    Remark {
        socket: u8,
        topics: u32,
    },
    /// `poll_due`, and waiting goes on if it is pending.
    Poll {
        socket: u8,
    },
    /// One poll of `due()`, which is then dropped, as `select!` does.
    Cancel {
        socket: u8,
    },
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    pub shards: usize,
    pub max_sockets: usize,
    pub max_sockets_per_key: usize,
    pub evict_oldest: bool,
    pub keys: u16,
}

/// Half of the keys are as short as a number, the others longer than any identity that is kept as
/// it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u16);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.0.is_multiple_of(2) {
            self.0.hash(state);
        } else {
            [self.0; 20].hash(state);
        }
    }
}

/// Metadata that tells every registration from every other.
type Tag = u64;

/// Runs the operations on a new registry; panics where it and the oracle differ.
pub fn run(setup: Setup, ops: &[Op]) {
    let mut pair = Pair::new(setup);
    for op in ops {
        pair.apply(op);
        pair.compare();
    }
    while !pair.held.is_empty() {
        pair.drop_socket(0);
    }
    pair.compare();
}

struct Held {
    socket: Socket<Key, Tag>,
    wakes: Arc<Wakes>,
    waker: Waker,
}

struct Pair {
    keys: u16,
    registry: Registry<Key, Tag>,
    expected: Expected,
    watch: Option<Watch>,
    held: Vec<Held>,
    gone: Vec<SocketId>,
    next_tag: Tag,
}

impl Pair {
    fn new(setup: Setup) -> Self {
        let registry = Registry::builder()
            .shards(setup.shards)
            .max_sockets(setup.max_sockets)
            .max_sockets_per_key(setup.max_sockets_per_key)
            .evict_oldest(setup.evict_oldest)
            .build()
            .expect("a possible setup");
        Self {
            keys: setup.keys,
            // Who begins again walks through all buckets, which takes too long where there are
            // millions.
            watch: (setup.max_sockets < 1_000).then(|| Watch::new(&registry)),
            registry,
            expected: Expected::new(setup),
            held: Vec::new(),
            gone: Vec::new(),
            next_tag: 0,
        }
    }

    fn key(&self, n: u16) -> Key {
        Key(n % self.keys)
    }

    fn choose(&mut self, n: u8) -> Option<&mut Held> {
        let choice = usize::from(n).checked_rem(self.held.len())?;
        Some(&mut self.held[choice])
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Register { key } => self.register(self.key(key), Topics::EMPTY, false),
            Op::Storm { key, count } => {
                (0..u16::from(count)).for_each(|n| self.register(self.key(key.wrapping_add(n)), Topics::EMPTY, false));
            }
            Op::BornDue { key, topics } => self.register(self.key(key), some_of(topics), false),
            Op::TakeOver { key } => self.register(self.key(key), Topics::EMPTY, true),
            Op::Drop { socket } => {
                if let Some(choice) = usize::from(socket).checked_rem(self.held.len()) {
                    self.drop_socket(choice);
                }
            }
            Op::DropHalf => {
                (0..self.held.len()).step_by(2).rev().for_each(|choice| self.drop_socket(choice));
            }
            Op::Mark { key } => {
                let key = self.key(key);
                assert_eq!(self.registry.mark(&key), self.expected.mark_key(key, Topics::UPDATE));
            }
            Op::MarkTopics { key, topics } => {
                let (key, topics) = (self.key(key), some_of(topics));
                assert_eq!(self.registry.mark_topics(&key, topics), self.expected.mark_key(key, topics));
            }
            Op::MarkSocket { socket, topics } => {
                let topics = some_of(topics);
                if let Some(id) = self.choose(socket).map(|held| held.socket.id()) {
                    assert_eq!(self.registry.mark_socket_topics(id, topics), self.expected.mark_socket(id, topics));
                }
            }
            Op::MarkGone { socket, topics } => {
                if let Some(choice) = usize::from(socket).checked_rem(self.gone.len()) {
                    assert!(!self.registry.mark_socket_topics(self.gone[choice], some_of(topics)));
                }
            }
            Op::MarkMany { ref keys } => {
                let keys: Vec<Key> = keys.iter().map(|&key| self.key(key)).collect();
                let marked: usize = keys.iter().map(|&key| self.expected.mark_key(key, Topics::UPDATE)).sum();
                assert_eq!(self.registry.mark_many(&keys), marked);
            }
            Op::MarkAll => assert_eq!(self.registry.mark_all(), self.expected.mark_all()),
            Op::MarkWhere { third, topics } => {
                let (topics, batch) = (some_of(topics), usize::from(third / 12));
                let select = |tag: Tag| third / 3 % 4 == 3 || tag % 3 == u64::from(third % 3);
                let is_chosen = |socket: SocketRef<'_, Key, Tag>| select(*socket.metadata());
                let marked = match third / 3 % 4 {
                    0 | 1 => self.registry.mark_where_topics(is_chosen, topics),
                    2 => self.registry.mark_where_gradually(is_chosen, topics, batch).sum(),
                    _ => self.registry.mark_gradually(topics, batch).sum(),
                };
                assert_eq!(marked, self.expected.mark_where(topics, select));
            }
            Op::Disconnect { key, reason } if reason % 16 == 15 => {
                let key = self.key(key);
                assert_eq!(self.registry.supersede(&key), self.expected.supersede(key));
            }
            Op::Disconnect { key, reason } => {
                let reason = crate::reason(reason);
                let key = self.key(key);
                assert_eq!(self.registry.disconnect(&key, reason), self.expected.disconnect(key, None, reason));
            }
            Op::DisconnectSocket { socket, reason } if reason % 16 == 15 => {
                let reason = crate::reason(reason);
                if let Some(id) = self.choose(socket).map(|held| held.socket.id()) {
                    assert_eq!(self.registry.evict_socket(id, reason), self.expected.evict(id, reason));
                }
            }
            Op::DisconnectSocket { socket, reason } => {
                let reason = crate::reason(reason);
                if let Some(id) = self.choose(socket).map(|held| held.socket.id()) {
                    let told = self.registry.disconnect_socket(id, reason);
                    assert_eq!(told, self.expected.disconnect_socket(id, reason));
                }
            }
            Op::DisconnectOthers { socket, reason } => {
                let reason = crate::reason(reason);
                if let Some(Held { socket, .. }) = self.choose(socket) {
                    let (key, id) = (*socket.key(), socket.id());
                    let told = self.registry.disconnect_others(&key, id, reason);
                    assert_eq!(told, self.expected.disconnect(key, Some(id), reason));
                }
            }
            Op::Close { batch, whether } => {
                if whether % 16 == 0 {
                    let batches: Vec<usize> = self.registry.close_gradually(batch.into()).collect();
                    assert_eq!(batches.iter().sum::<usize>(), self.expected.close());
                    let full = batches.iter().take(batches.len().saturating_sub(1));
                    assert!(full.clone().all(|&told| told == usize::from(batch).max(1)), "{batches:?}");
                }
            }
            Op::Take { socket } => {
                if let Some(Held { socket, .. }) = self.choose(socket) {
                    let (id, taken) = (socket.id(), socket.take_due());
                    assert_eq!(taken, self.expected.take(id));
                }
            }
            Op::Remark { socket, topics } => {
                if let Some(Held { socket, .. }) = self.choose(socket) {
                    let (id, topics) = (socket.id(), some_of(topics));
                    socket.restore_due(topics);
                    self.expected.restore_due(id, topics);
                }
            }
            Op::Poll { socket } => {
                if let Some(Held { socket, waker, .. }) = self.choose(socket) {
                    let id = socket.id();
                    let polled = socket.poll_due(&mut Context::from_waker(waker));
                    self.compare_poll(id, polled);
                }
            }
            Op::Cancel { socket } => {
                if let Some(Held { socket, waker, .. }) = self.choose(socket) {
                    let id = socket.id();
                    let wait = std::pin::pin!(socket.due());
                    let polled = wait.poll(&mut Context::from_waker(waker));
                    self.compare_poll(id, polled);
                    self.expected.cancel(id);
                }
            }
        }
    }

    fn register(&mut self, key: Key, due: Topics, takes_over: bool) {
        self.next_tag += 1;
        let registration = self.registry.registration(key, self.next_tag).due(due);
        let registration = if takes_over { registration.taking_over() } else { registration };
        match registration.register() {
            Ok(socket) => {
                self.expected.join(socket.id(), key, self.next_tag, due, takes_over);
                let (wakes, waker) = Wakes::new();
                self.held.push(Held { socket, wakes, waker });
            }
            Err(refusal) => self.expected.refuse(key, takes_over, &refusal),
        }
    }

    fn drop_socket(&mut self, choice: usize) {
        let Held { socket, wakes, waker } = self.held.swap_remove(choice);
        self.expected.leave(socket.id());
        self.gone.push(socket.id());
        drop((socket, waker));
        assert_eq!(Arc::strong_count(&wakes), 1, "a waker outlived its socket");
    }

    fn compare_poll(&mut self, id: SocketId, polled: Poll<Result<Topics, Closed>>) {
        match polled {
            Poll::Ready(Err(reason)) => assert_eq!(self.expected.owned(id).0.closed, Some(reason)),
            Poll::Ready(Ok(taken)) => {
                assert_eq!(self.expected.owned(id).0.closed, None);
                assert!(!taken.is_empty(), "an update without a topic");
                assert_eq!(taken, self.expected.take(id));
            }
            Poll::Pending => self.expected.wait(id),
        }
    }

    /// Asks everything there is to ask.
    fn compare(&mut self) {
        let (registry, expected) = (&self.registry, &self.expected);
        assert_eq!(registry.socket_count(), expected.live().len());
        let active = expected.by_key();
        assert_eq!(registry.key_count(), active.len());
        if let Some(watch) = &mut self.watch {
            watch.compare(active.keys(), (active.len(), expected.live().len()));
        }
        for key in (0..self.keys).map(Key) {
            let (ids, due) = active.get(&key).cloned().unwrap_or((Vec::new(), Topics::EMPTY));
            let mut listed = registry.sockets_of(&key);
            listed.sort_unstable();
            assert_eq!(listed, ids);
            assert_eq!(registry.is_active(&key), !ids.is_empty());
            assert_eq!(registry.due_of(&key), due);
        }
        let mut walked = BTreeMap::new();
        registry.for_each(|socket| {
            let shown = (*socket.key(), *socket.metadata(), socket.peek_due());
            assert!(walked.insert(socket.id(), shown).is_none(), "walked twice");
        });
        assert!(walked.iter().eq(expected.live().iter().map(|(id, live)| (id, &live.shown))));
        for Held { socket, wakes, .. } in &self.held {
            let id = socket.id();
            let (owned, is_live) = expected.owned(id);
            assert_eq!((*socket.key(), *socket.metadata(), socket.peek_due()), owned.shown);
            assert_eq!(socket.close_reason(), owned.closed);
            assert_eq!(registry.contains(id), is_live);
            let looked = registry.with_socket(id, |same| (same.id(), (*same.key(), *same.metadata(), same.peek_due())));
            assert_eq!(looked, is_live.then_some((id, owned.shown)));
            assert!(owned.wakes.contains(&wakes.count()), "{} of {:?}", wakes.count(), owned.wakes);
        }
        for &id in self.gone.iter().rev().take(20) {
            assert!(!registry.contains(id) && registry.with_socket(id, |_| ()).is_none());
        }
    }
}

/// The topics of these bits, or the plain update when there are none: a mark of nothing is no mark.
fn some_of(bits: u32) -> Topics {
    let topics = (0..32).filter(|n| bits >> n & 1 == 1).map(Topics::topic);
    topics.reduce(|some, topic| some | topic).unwrap_or(Topics::UPDATE)
}
