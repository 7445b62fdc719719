//! A history of concurrent calls, and whether the registry's promises allow it.
//!
//! The search is Wing and Gong's ("Testing and Verifying Concurrent Objects", 1993) with Lowe's
//! memory of the states that were seen ("Testing for linearizability", 2017): try every order of the
//! calls that agrees with real time, one after another, until one explains all results.
//!
//! A call here is not one step but a few, each of them atomic and between the call's begin and end,
//! because that is what is promised and no more:
//! - `register` makes the socket count for the registry, count for its key, and reachable for marks;
//!   a refused one is a single step;
//! - dropping undoes these three;
//! - a mark of a key reaches each of its sockets in a step of its own. It must reach all that were
//!   registered before it began and are still there when it ends; others it may reach; none twice.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

/// The most events that one history may have: the width of a set of them, less the bit `DONE`.
const MAX: usize = 31;
const DONE: u32 = 1 << MAX;

/// The steps of `register` and, undone, of a drop.
const IN_REGISTRY: u32 = 1;
const IN_KEY: u32 = 2;
const REACHABLE: u32 = 4;
const ALL_STEPS: u32 = IN_REGISTRY | IN_KEY | REACHABLE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    Ok,
    Full,
    KeyFull,
}

/// A call with its result. A socket goes by the number of its `Register` in the history.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    Register { key: u8, result: Registered },
    Drop { socket: usize },
    Mark { key: u8, topics: u32, marked: u32 },
    MarkSocket { socket: usize, topics: u32, live: bool },
    Take { socket: usize, topics: u32 },
    IsActive { key: u8, active: bool },
}

#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub began: u64,
    pub ended: u64,
    pub call: Call,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub sockets: usize,
    pub sockets_per_key: usize,
}

/// How far each call has come (the steps that it made, or for a mark the sockets that it reached)
/// and what is due for each socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    progress: [u32; MAX],
    due: [u32; MAX],
}

/// Whether the calls can be put in an order that explains all their results.
pub fn is_linearizable(limits: Limits, history: &[Event]) -> bool {
    assert!(history.len() <= MAX, "{} events in one history", history.len());
    let search = Search { limits, history };
    let start = State { progress: [0; MAX], due: [0; MAX] };
    let (mut seen, mut ahead) = (HashSet::from([start]), vec![start]);
    while let Some(state) = ahead.pop() {
        if (0..history.len()).all(|event| state.is_done(event)) {
            return true;
        }
        search.for_each_step(&state, |next| {
            if seen.insert(next) {
                ahead.push(next);
            }
        });
    }
    false
}

impl State {
    fn is_done(&self, event: usize) -> bool {
        self.progress[event] & DONE != 0
    }

    fn done(mut self, event: usize) -> Self {
        self.progress[event] |= DONE;
        self
    }

    /// With one more step of a registration or a drop, which is done when it has made them all.
    fn step(mut self, event: usize, step: u32) -> Self {
        self.progress[event] |= step;
        if self.progress[event] & ALL_STEPS == ALL_STEPS { self.done(event) } else { self }
    }

    fn mark(mut self, socket: usize, topics: u32) -> Self {
        self.due[socket] |= topics;
        self
    }
}

struct Search<'a> {
    limits: Limits,
    history: &'a [Event],
}

impl Search<'_> {
    /// Calls `go` with every state that is one step from `now`.
    fn for_each_step(&self, now: &State, mut go: impl FnMut(State)) {
        for (event, Event { began, call, .. }) in self.history.iter().enumerate() {
            // What ended before this began must be over.
            let before = |other: usize| self.history[other].ended < *began && !now.is_done(other);
            if now.is_done(event) || (0..self.history.len()).any(before) {
                continue;
            }
            match *call {
                Call::Register { key, result } => self.register(now, event, key, result, &mut go),
                Call::Drop { socket } => {
                    // Its registration has ended, as only its owner drops it.
                    debug_assert!(now.is_done(socket));
                    for step in [IN_REGISTRY, IN_KEY, REACHABLE] {
                        if now.progress[event] & step == 0 {
                            go(now.step(event, step));
                        }
                    }
                }
                Call::Mark { key, topics, marked } => {
                    self.mark(now, event, key, topics, marked, &mut go);
                }
                Call::MarkSocket { socket, topics, live } => {
                    if live == self.is(now, socket, REACHABLE) {
                        let next = if live { now.mark(socket, topics) } else { *now };
                        go(next.done(event));
                    }
                }
                Call::Take { socket, topics } => {
                    if now.due[socket] == topics {
                        let mut next = now.done(event);
                        next.due[socket] = 0;
                        go(next);
                    }
                }
                Call::IsActive { key, active } => {
                    if active == (self.count(now, IN_KEY, Some(key)) > 0) {
                        go(now.done(event));
                    }
                }
            }
        }
    }

    fn register(&self, now: &State, event: usize, key: u8, result: Registered, go: &mut impl FnMut(State)) {
        let in_registry = self.count(now, IN_REGISTRY, None);
        let in_key = self.count(now, IN_KEY, Some(key));
        let is_open = |step| now.progress[event] & step == 0;
        match result {
            Registered::Ok => {
                if is_open(IN_REGISTRY) && in_registry < self.limits.sockets {
                    go(now.step(event, IN_REGISTRY));
                }
                if is_open(IN_KEY) && in_key < self.limits.sockets_per_key {
                    go(now.step(event, IN_KEY));
                }
                if is_open(REACHABLE) {
                    go(now.step(event, REACHABLE));
                }
            }
            Registered::Full if in_registry == self.limits.sockets => go(now.done(event)),
            Registered::KeyFull if in_key == self.limits.sockets_per_key => go(now.done(event)),
            Registered::Full | Registered::KeyFull => {}
        }
    }

    fn mark(&self, now: &State, event: usize, key: u8, topics: u32, marked: u32, go: &mut impl FnMut(State)) {
        let reached = now.progress[event];
        let began = self.history[event].began;
        let reachable = self.sockets(key).filter(|&socket| self.is(now, socket, REACHABLE));
        let mut missed = reachable.filter(|&socket| reached & (1 << socket) == 0).peekable();
        if reached.count_ones() < marked {
            missed.for_each(|socket| {
                let mut next = now.mark(socket, topics);
                next.progress[event] |= 1 << socket;
                go(next);
            });
        } else if !missed.any(|socket| self.history[socket].ended < began) {
            go(now.done(event));
        }
    }

    /// The sockets of a key, whether live or not.
    fn sockets(&self, of: u8) -> impl Iterator<Item = usize> {
        (0..self.history.len()).filter(move |&socket| {
            matches!(self.history[socket].call, Call::Register { key, result: Registered::Ok } if key == of)
        })
    }

    /// Whether the socket's registration has made this step, and no drop of it has undone it.
    fn is(&self, now: &State, socket: usize, step: u32) -> bool {
        let undoes = |(event, other): (usize, &Event)| {
            matches!(other.call, Call::Drop { socket: dropped } if dropped == socket) && now.progress[event] & step != 0
        };
        now.progress[socket] & step != 0 && !self.history.iter().enumerate().any(undoes)
    }

    /// The live sockets of a key, or of all.
    fn count(&self, now: &State, step: u32, of: Option<u8>) -> usize {
        let registered = |(_, event): &(usize, &Event)| matches!(event.call, Call::Register { key, result: Registered::Ok } if of.is_none_or(|of| of == key));
        let sockets = self.history.iter().enumerate().filter(registered);
        sockets.filter(|&(socket, _)| self.is(now, socket, step)).count()
    }
}
