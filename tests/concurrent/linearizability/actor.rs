//! What a thread does in a history: one operation after another, drawn at random.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake};
use std::thread;

use socket_registry::{Closed, RegisterError, Socket, SocketId, Topics};
use testkit::history::Registered;
use testkit::reason;

use super::{Actor, CALLS, Done, HELD, KEYS, Key, Op, Record, THREADS};

impl Actor<'_> {
    pub(super) fn record(&mut self, call: impl FnOnce(&mut Self) -> Done) {
        let began = self.run.clock.fetch_add(1, Ordering::SeqCst);
        let done = call(self);
        let ended = self.run.clock.fetch_add(1, Ordering::SeqCst);
        self.records.push(Record { began, ended, done });
    }

    /// Every mark of a history has a topic of its own, so that a take says which marks it saw.
    fn topic(&self, call: usize) -> u32 {
        1 << (self.thread * CALLS + call)
    }

    pub(super) fn act(&mut self, call: usize) {
        let name = self.random.below(KEYS) as u8;
        let key = Key { name, yields: self.random.below(3) == 0 };
        let topics = self.topic(call);
        let code = reason(topics.trailing_zeros() as u8);
        let other = self.random.below(THREADS as u64) as usize;
        let latest = self.run.latest[other].load(Ordering::Relaxed);
        let chosen = self.random.below(self.held.len().max(1) as u64) as usize;
        let op = self.run.mix[self.random.below(self.run.mix.len() as u64) as usize];
        let registry = self.registry;
        match op {
            Op::Register | Op::TakeOver if self.held.len() < HELD => {
                let takes_over = op == Op::TakeOver;
                self.record(|actor| {
                    let registration = registry.registration(key, ());
                    let registration = if takes_over { registration.taking_over() } else { registration };
                    let result = registration.register().map_err(refusal).map(|socket| {
                        let id = socket.id();
                        actor.held.push(socket);
                        id
                    });
                    Done::Register { key: name, takes_over, result }
                });
            }
            Op::Drop if !self.held.is_empty() => {
                let socket = self.held.swap_remove(chosen);
                self.record(|_| {
                    let id = socket.id();
                    drop(socket);
                    Done::Drop { id }
                });
            }
            Op::Take if !self.held.is_empty() => self.record(|actor| wait(&mut actor.held[chosen])),
            Op::CloseReason if !self.held.is_empty() => self.record(|actor| close_reason(&actor.held[chosen])),
            Op::IsActive => self.record(|_| Done::IsActive { key: name, active: registry.is_active(&key) }),
            Op::Disconnect => self.record(|_| {
                let told = registry.disconnect(&key, code);
                Done::Disconnect { key: name, reason: Closed::Disconnected(code), told }
            }),
            Op::Close => self.record(|_| {
                registry.close();
                Done::Close
            }),
            Op::MarkSocket if latest != 0 => {
                let id = SocketId::from_u64(latest);
                self.record(|_| {
                    let live = registry.mark_socket_topics(id, topics_of(topics));
                    Done::MarkSocket { id, topics, live }
                });
            }
            Op::DisconnectSocket if latest != 0 => {
                let id = SocketId::from_u64(latest);
                self.record(|_| {
                    let live = registry.disconnect_socket(id, code);
                    Done::DisconnectSocket { id, reason: Closed::Disconnected(code), live }
                });
            }
            Op::Online if self.online.is_some() => self.see_online(name),
            _ => self.record(|_| {
                let marked = registry.mark_topics(&key, topics_of(topics));
                Done::Mark { key: name, topics, marked }
            }),
        }
        let latest = self.held.last().map_or(0, |socket| socket.id().to_u64());
        self.run.latest[self.thread].store(latest, Ordering::Relaxed);
        // Promised within bounds only while calls are in flight: each of the others may be about to
        // count a key out that is active again.
        assert!(registry.socket_count() <= THREADS * HELD);
        assert!(registry.key_count() <= KEYS as usize + THREADS);
    }

    pub(super) fn see_online(&mut self, key: u8) {
        if self.online.is_none() {
            return;
        }
        self.record(|actor| {
            let online = actor.online.as_deref_mut().expect("looked at above");
            online.take_all();
            Done::Online { key, online: online.latest[usize::from(key)].0 }
        });
    }
}

fn refusal(error: RegisterError) -> Registered {
    match error {
        RegisterError::Full => Registered::Full,
        RegisterError::KeyFull => Registered::KeyFull,
        RegisterError::Closed => Registered::Closed,
        other => panic!("{other}"),
    }
}

pub(super) fn close_reason(socket: &Socket<Key>) -> Done {
    Done::CloseReason { id: socket.id(), reason: socket.close_reason() }
}

/// A waker that lets another thread go first: in the middle of the call that wakes.
struct Yields;

impl Wake for Yields {
    fn wake(self: Arc<Self>) {
        thread::yield_now();
    }
}

/// Takes what is due, or waits: the next call that reaches the socket wakes it.
fn wait(socket: &mut Socket<Key>) -> Done {
    match socket.poll_due(&mut Context::from_waker(&Arc::new(Yields).into())) {
        Poll::Ready(Ok(topics)) => taken(socket, topics),
        Poll::Pending => taken(socket, Topics::EMPTY),
        Poll::Ready(Err(_)) => take(socket),
    }
}

pub(super) fn take(socket: &Socket<Key>) -> Done {
    taken(socket, socket.take_due())
}

fn taken(socket: &Socket<Key>, topics: Topics) -> Done {
    let bits = (0..32).filter(|&n| topics.contains(Topics::topic(n)));
    Done::Take { id: socket.id(), topics: bits.fold(0, |bits, n| bits | 1 << n) }
}

/// The topics of a set with one bit.
fn topics_of(bit: u32) -> Topics {
    Topics::topic(bit.trailing_zeros())
}
