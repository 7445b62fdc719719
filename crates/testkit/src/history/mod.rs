//! A history of concurrent calls, and whether the registry's promises allow it.
//!
//! The search is Wing and Gong's ("Testing and Verifying Concurrent Objects", 1993) with Lowe's
//! memory of the states that were seen ("Testing for linearizability", 2017): try every order of
//! the calls that agrees with real time, one after another, until one explains all results.
//!
//! A call here is not one step but a few, each of them atomic and between the call's begin and end,
//! because that is what is promised and no more:
//! - `register` makes the socket count for the registry, count for its key, and reachable for
//!   marks; a refused one is a single step;
//! - dropping undoes these three;
//! - a walk over sockets (a mark of a key, a log-out, a shutdown) reaches each of them in a step of
//!   its own. It must reach all that were registered before it began and are still there when it
//!   ends, or the socket that took over from one of those; others it may reach. It reaches no
//!   socket twice, but for one whose own takeover is in progress;
//! - a takeover draws its turn, registers, and then supersedes one socket of its key after another.
//!   So for a while both count. Each supersession ends a socket for all but its owner, takes what
//!   was due for it, and undoes its counts. When the takeover returns, no socket that was
//!   registered before it began is left, and of two takeovers that have returned one;
//! - closing a socket gives it a reason, once. The reason may be that of another call that closes
//!   the same socket at the same time;
//! - a call after which a key is active returns when the subscription knows that, and so does the
//!   call that made the key idle, unless a later call is about to change it.

mod presence;
mod steps;
mod takeover;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use socket_registry::Closed;

/// The most events that one history may have: the width of a set of them.
const MAX: usize = 32;

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
    Closed,
}

/// A call with its result. A socket goes by the number of its `Register` in the history.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    Register {
        key: u8,
        takes_over: bool,
        result: Registered,
    },
    Drop {
        socket: usize,
    },
    Mark {
        key: u8,
        topics: u32,
        marked: u32,
    },
    MarkSocket {
        socket: usize,
        topics: u32,
        live: bool,
    },
    Take {
        socket: usize,
        topics: u32,
    },
    IsActive {
        key: u8,
        active: bool,
    },
    Disconnect {
        key: u8,
        reason: Closed,
        told: u32,
    },
    DisconnectSocket {
        socket: usize,
        reason: Closed,
        live: bool,
    },
    Close,
    CloseReason {
        socket: usize,
        reason: Option<Closed>,
    },
    /// What a subscription that has taken all events knows of the key.
    Online {
        key: u8,
        online: bool,
    },
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

/// How far a call has come and, if it is a registration, what has become of its socket.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Progress {
    done: bool,
    /// The steps that a registration made or a drop undid; the sockets that a walk has reached.
    steps: u32,
    /// How many sockets a walk has reached, one of them perhaps twice.
    visits: u32,
    due: u32,
    reason: Option<Closed>,
    /// Which of the history's takeovers it is, in the order of their turns, beginning with 1.
    turn: u8,
    /// What a takeover took from other sockets, and has not handed on.
    taken: u32,
    superseded: Option<Superseded>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Superseded {
    /// The takeover that did it: the loser of two takeovers supersedes itself.
    by: u8,
    /// The socket that stays in its place.
    heir: u8,
    /// Which steps of the registration the takeover has undone.
    undone: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    events: [Progress; MAX],
    /// The registry refuses new sockets.
    is_closed: bool,
    /// The keys that the subscription was told are active.
    online: u32,
}

/// Whether the calls can be put in an order that explains all their results.
pub fn is_linearizable(limits: Limits, history: &[Event]) -> bool {
    assert!(history.len() <= MAX, "{} events in one history", history.len());
    let search = Search { limits, history };
    let start = State { events: [Progress::default(); MAX], is_closed: false, online: 0 };
    let (mut seen, mut ahead) = (HashSet::from([start]), vec![start]);
    while let Some(state) = ahead.pop() {
        if state.events[..history.len()].iter().all(|event| event.done) {
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

struct Search<'a> {
    limits: Limits,
    history: &'a [Event],
}
