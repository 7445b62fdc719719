//! One process of a run: an engine, and a registry that is as simple as can be.

use super::truth::Truth;
use crate::engine::config::Repair;
use crate::engine::{Action, Config, Engine, Lanes, Settled, Ticket, Time};
use crate::key::lane_of;
use crate::wire::items::Keys;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[derive(Debug)]
struct Socket {
    key: u8,
    /// The newest change when it was registered, and when it last looked.
    born: u64,
    seen: u64,
}

pub(super) struct Node {
    pub(super) engine: Engine,
    pub(super) config: Config,
    /// The first time that the engine has named since its last tick, as the driver keeps it.
    next_tick: Duration,
    skew: i64,
    sockets: Vec<Socket>,
    /// The stamps of the keys that were taken over here.
    pub(super) sessions: BTreeMap<u8, u64>,
    /// The pass under way, and when it is over.
    pass: Option<(Lanes, Duration)>,
    /// Tickets, with the newest change when they were made.
    tickets: Vec<(Ticket, u64)>,
    /// What the events say of the other nodes.
    online: BTreeSet<u8>,
    pub(super) leaves_when_settled: bool,
    pub(super) fetches: u64,
    pub(super) can_hear: bool,
    pub(super) can_send: bool,
    pub(super) is_paused: bool,
}

pub(super) fn config(sender: u64, lanes: u16, serves: bool, without: Option<Repair>) -> Config {
    Config { lanes, spread: Duration::from_secs(2), serves, presence: true, without, ..Config::new(sender) }
}

/// Keys that are taken over are others than those that are registered.
pub(super) fn session_key(key: u8) -> [u8; 2] {
    [key, 1]
}

impl Node {
    pub(super) fn new(config: Config, skew: i64, now: Duration) -> Self {
        Self {
            engine: Engine::new(config.clone(), time(now, skew)),
            config,
            next_tick: Duration::ZERO,
            skew,
            sockets: Vec::new(),
            sessions: BTreeMap::new(),
            pass: None,
            tickets: Vec::new(),
            online: BTreeSet::new(),
            leaves_when_settled: false,
            fetches: 0,
            can_hear: true,
            can_send: true,
            is_paused: false,
        }
    }

    pub(super) fn sender(&self) -> u64 {
        self.config.sender
    }

    pub(super) fn time(&self, now: Duration) -> Time {
        time(now, self.skew)
    }

    /// Lets the engine do what is due with time. Returns whether it ticked.
    pub(super) fn pass_time(&mut self, now: Duration) -> bool {
        let time = self.time(now);
        let ticks = self.next_tick.min(self.engine.next_tick()) <= now;
        if ticks {
            self.engine.tick(time);
            self.next_tick = Duration::MAX;
        }
        self.engine.flush(time);
        self.engine.answer_ask();
        self.next_tick = self.next_tick.min(self.engine.next_tick());
        ticks
    }

    pub(super) fn register(&mut self, key: u8, truth: &Truth) {
        self.sockets.push(Socket { key, born: truth.now(), seen: truth.now() });
        self.engine.presence_changed(&[key], true);
    }

    pub(super) fn close(&mut self, key: u8) {
        self.sockets.retain(|socket| socket.key != key);
        self.engine.presence_changed(&[key], false);
    }

    pub(super) fn keys(&self) -> BTreeSet<u8> {
        self.sockets.iter().map(|socket| socket.key).collect()
    }

    pub(super) fn take_over(&mut self, key: u8, now: Duration, truth: &mut Truth) {
        let stamp = self.engine.claim(self.time(now), &session_key(key));
        self.sessions.insert(key, stamp);
        truth.claim(key, stamp, self.sender());
    }

    pub(super) fn release(&mut self, key: u8, truth: &mut Truth) {
        if let Some(stamp) = self.sessions.remove(&key) {
            truth.release(stamp, self.sender());
            self.engine.release(&session_key(key), stamp);
        }
    }

    pub(super) fn settle(&mut self, now: Duration, truth: &Truth) {
        let ticket = self.engine.settle(self.time(now));
        self.tickets.push((ticket, truth.now()));
    }

    /// Lets the sockets look that `select` names. One that was logged out is closed then.
    fn fetch(&mut self, select: impl Fn(u8) -> bool, truth: &Truth) {
        let mut closed = Vec::new();
        for socket in self.sockets.iter_mut().filter(|socket| select(socket.key)) {
            self.fetches += 1;
            socket.seen = truth.now();
            if socket.born < truth.closed(socket.key) {
                closed.push(socket.key);
            }
        }
        closed.into_iter().for_each(|key| self.close(key));
    }

    pub(super) fn mark_here(&mut self, key: u8, truth: &Truth) {
        self.fetch(|other| other == key, truth);
    }

    /// Longer keys are those of users without a socket.
    fn fetch_keys(&mut self, keys: &Keys, truth: &Truth) {
        for key in keys.iter() {
            if let [key] = key {
                self.mark_here(*key, truth);
            }
        }
    }

    /// Carries out what the engine wants, all but what it publishes, which is returned.
    pub(super) fn act(&mut self, now: Duration, truth: &mut Truth) -> Vec<(crate::wire::subject::Subject, Bytes)> {
        let mut publish = Vec::new();
        let actions: Vec<_> = self.engine.actions().collect();
        for action in actions {
            match action {
                Action::Publish { subject, bytes } => publish.push((subject, bytes)),
                Action::PublishAll { subject, messages } => {
                    publish.extend(messages.into_iter().map(|bytes| (subject, bytes)));
                }
                Action::Mark { keys, .. } => self.fetch_keys(&keys, truth),
                Action::MarkAll { .. } => self.fetch(|_| true, truth),
                Action::Disconnect { key, .. } => self.close(key[0]),
                Action::Supersede { key } => drop(self.sessions.remove(&key[0])),
                Action::Reconnect => {}
                Action::PresenceChanged { key, is_online } => {
                    let is_new = if is_online { self.online.insert(key[0]) } else { self.online.remove(&key[0]) };
                    assert!(is_new, "an event says what was known: {key:?} {is_online}");
                }
            }
        }
        self.pass_step(now, truth);
        let engine = &self.engine;
        self.tickets.retain(|(ticket, number)| {
            let is_settled = engine.settled(ticket) == Settled::Yes;
            if is_settled {
                let serving = engine.peers.alive().filter(|(_, peer)| peer.serves);
                truth.settle(engine.config.sender, *number, &serving.map(|(sender, _)| sender).collect());
            }
            !is_settled
        });
        publish
    }

    /// Half of the sockets become due when a pass begins, the others when it ends.
    fn pass_step(&mut self, now: Duration, truth: &Truth) {
        let lanes = self.config.lanes;
        if let Some((pass, _)) = self.pass.take_if(|(_, end)| *end <= now) {
            self.fetch(|key| key % 2 == 1 && pass.contains(lane_of(&[key], lanes)), truth);
            self.engine.pass_done();
        }
        if self.pass.is_none()
            && let Some(pass) = self.engine.start_pass()
        {
            self.fetch(|key| key % 2 == 0 && pass.contains(lane_of(&[key], lanes)), truth);
            self.pass = Some((pass, now + self.config.spread));
        }
    }

    /// Whether every socket has looked since the change of this number.
    pub(super) fn has_seen(&self, number: u64) -> bool {
        self.sockets.iter().all(|socket| socket.seen >= number)
    }

    pub(super) fn has_settled(&self) -> bool {
        self.tickets.is_empty()
    }

    /// What is wrong, of what this node alone can tell.
    pub(super) fn faults(&self, truth: &Truth) -> Vec<String> {
        let stale = self.sockets.iter().filter(|socket| socket.seen < truth.newest(socket.key).max(socket.born));
        let mut faults: Vec<_> = stale.map(|socket| format!("stale: {socket:?}")).collect();
        let open = self.sockets.iter().filter(|socket| socket.born < truth.closed(socket.key));
        faults.extend(open.map(|socket| format!("still logged in: {socket:?}")));
        if self.config.serves && self.pass.is_some() {
            faults.push("a repair is still under way".into());
        }
        faults.extend(self.engine.unrest().map(|what| format!("not at rest: {what}")));
        faults
    }

    pub(super) fn online_events(&self) -> &BTreeSet<u8> {
        &self.online
    }
}

fn time(now: Duration, skew: i64) -> Time {
    let wall_ms = 1_000_000_u64.saturating_add_signed(skew) + now.as_millis() as u64;
    Time { since_start: now, wall_ms }
}
