//! The processes of a run, the broker between them, and the time.

use super::node::{Node, config};
use super::ops::{KEYS, Op, Run, SERVERS};
use super::traffic::Traffic;
use super::truth::Truth;
use crate::engine::config::Repair;
use crate::wire::subject::Subject;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const STEP: Duration = Duration::from_millis(20);

/// The servers of a run, and what all nodes are told besides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    pub(super) servers: usize,
    pub(super) beat: Duration,
    pub(super) presence: bool,
}

pub(super) struct World {
    pub(super) now: Duration,
    random: u64,
    run: Run,
    setup: Setup,
    without: Option<Repair>,
    pub(super) truth: Truth,
    /// The servers, then the workers.
    pub(super) nodes: Vec<Option<Node>>,
    /// Which of them had this life.
    indices: BTreeMap<u64, usize>,
    /// What the broker has sent to them.
    pub(super) traffic: Traffic,
    /// On their way: when they arrive, for which life of which process.
    messages: BTreeMap<(Duration, u64), (u64, Subject, Bytes)>,
    sent: u64,
    sides: u8,
    is_up: bool,
    loss: u8,
    repeats: u8,
    delay_ms: u64,
    lives: u64,
}

impl World {
    /// Three servers that have joined, each with a socket of half of the keys.
    pub(super) fn new(run: Run, without: Option<Repair>) -> Self {
        let setup = Setup { servers: SERVERS, beat: Duration::from_secs(1), presence: true };
        let mut world = Self::empty(run, without, setup);
        (0..SERVERS).for_each(|node| world.start(node));
        world.wait(5000);
        for node in 0..SERVERS {
            for key in (0..KEYS).filter(|key| usize::from(*key) % SERVERS != node) {
                world.step(&Op::Register { node, key });
            }
        }
        world
    }

    /// Servers that have yet to be started.
    pub(super) fn empty(run: Run, without: Option<Repair>, setup: Setup) -> Self {
        Self {
            now: Duration::ZERO,
            random: run.seed | 1,
            run,
            setup,
            without,
            truth: Truth::default(),
            nodes: (0..setup.servers).map(|_| None).collect(),
            indices: BTreeMap::new(),
            traffic: Traffic::default(),
            messages: BTreeMap::new(),
            sent: 0,
            sides: 0,
            is_up: true,
            loss: 0,
            repeats: 0,
            delay_ms: 5,
            lives: 0,
        }
    }

    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn chance(&mut self, percent: u8) -> bool {
        self.random() % 100 < percent.into()
    }

    pub(super) fn start(&mut self, node: usize) {
        self.lives += 1;
        // The order of the senders is not that of the starts.
        let sender = self.lives.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.indices.insert(sender, node);
        let Setup { servers, beat, presence } = self.setup;
        let mut config = config(sender, self.run.lanes, node < servers, self.without);
        config.ring_bytes = self.run.ring_bytes;
        (config.beat, config.ttl, config.presence) = (beat, beat * 5, presence);
        let skew = self.run.skews.get(node).copied().unwrap_or(0);
        self.nodes[node] = Some(Node::new(config, skew, self.now));
    }

    /// A server that lives and does not stand still.
    fn server(&mut self, node: usize) -> Option<&mut Node> {
        self.nodes[node].as_mut().filter(|node| !node.is_paused)
    }

    pub(super) fn step(&mut self, op: &Op) {
        let now = self.now;
        match *op {
            Op::Wait { ms } => self.wait(ms),
            Op::Worker { key } => self.start_worker(key),
            Op::Cut { sides } => self.sides = sides,
            Op::Broker { is_up } => self.set_broker(is_up),
            Op::Network { loss, repeats, delay_ms } => {
                (self.loss, self.repeats, self.delay_ms) = (loss, repeats, delay_ms);
            }
            Op::Start { node } if self.nodes[node].is_none() => self.start(node),
            Op::Crash { node } => {
                if let Some(node) = self.nodes[node].take() {
                    self.truth.kill(node.sender());
                }
            }
            Op::Leave { node } if self.server(node).is_some() => self.leave(node),
            Op::Burst { node, key, count } => {
                for _ in 0..count {
                    self.mark(node, key);
                    self.deliver_actions(node);
                }
            }
            Op::Mark { node, key } => self.mark(node, key),
            Op::Resume { node } | Op::Mend { node } => {
                if let Some(node) = &mut self.nodes[node] {
                    (node.is_paused, node.can_hear, node.can_send) = (false, true, true);
                }
            }
            Op::Register { node, .. }
            | Op::Unregister { node, .. }
            | Op::Disconnect { node, .. }
            | Op::MarkAll { node }
            | Op::Takeover { node, .. }
            | Op::Release { node, .. }
            | Op::Settle { node }
            | Op::Pause { node }
            | Op::Mute { node }
            | Op::Deafen { node }
            | Op::Break { node } => {
                let Some(mut server) = self.nodes[node].take_if(|node| !node.is_paused) else { return };
                Self::on(&mut server, op, now, &mut self.truth);
                self.nodes[node] = Some(server);
                self.deliver_actions(node);
            }
            Op::Start { .. } | Op::Leave { .. } => {}
        }
    }

    fn on(node: &mut Node, op: &Op, now: Duration, truth: &mut Truth) {
        match *op {
            Op::Register { key, .. } => node.register(key, truth),
            Op::Unregister { key, .. } => node.close(key),
            Op::Disconnect { key, .. } => {
                truth.change(key, node.sender(), true);
                node.engine.disconnect(node.time(now), &[key], 1);
                node.close(key);
            }
            Op::MarkAll { .. } => {
                (0..KEYS).for_each(|key| truth.change(key, node.sender(), false));
                (0..KEYS).for_each(|key| node.mark_here(key, truth));
                node.engine.mark_all(node.time(now), 1, Duration::from_secs(1));
            }
            Op::Takeover { key, .. } => node.take_over(key, now, truth),
            Op::Release { key, .. } => node.release(key, truth),
            Op::Settle { .. } => node.settle(now, truth),
            Op::Pause { .. } => node.is_paused = true,
            Op::Mute { .. } => (node.can_hear, node.can_send) = (false, false),
            Op::Deafen { .. } => node.can_hear = false,
            Op::Break { .. } => {
                (node.can_hear, node.can_send) = (false, false);
                node.engine.disconnected(node.time(now));
            }
            _ => unreachable!("not of one node: {op:?}"),
        }
    }

    fn mark(&mut self, node: usize, key: u8) {
        if let Some(server) = self.nodes[node].as_mut().filter(|node| !node.is_paused) {
            self.truth.change(key, server.sender(), false);
            server.mark_here(key, &self.truth);
            server.engine.mark(&[key], 1);
            server.engine.flush(server.time(self.now));
        }
    }

    fn start_worker(&mut self, key: u8) {
        if self.nodes.iter().skip(self.setup.servers).flatten().count() < 3 {
            let node = self.nodes.len();
            self.nodes.push(None);
            self.start(node);
            self.mark(node, key);
            if let Some(worker) = &mut self.nodes[node] {
                worker.settle(self.now, &self.truth);
                worker.leaves_when_settled = true;
            }
            self.deliver_actions(node);
        }
    }

    /// The process ends in order. What it has not settled is not promised.
    fn leave(&mut self, node: usize) {
        if let Some(leaving) = &mut self.nodes[node] {
            leaving.engine.leave(leaving.time(self.now));
        }
        self.deliver_actions(node);
        if let Some(left) = self.nodes[node].take() {
            self.truth.kill(left.sender());
        }
    }

    /// All connections break with the broker, and what is on its way is lost.
    fn set_broker(&mut self, is_up: bool) {
        if self.is_up && !is_up {
            self.messages.clear();
            for node in self.nodes.iter_mut().flatten().filter(|node| !node.is_paused) {
                node.engine.disconnected(node.time(self.now));
            }
        }
        self.is_up = is_up;
    }

    pub(super) fn wait(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while self.now < end {
            self.now += STEP;
            self.deliver();
            for node in 0..self.nodes.len() {
                let Some(process) = self.nodes[node].as_mut().filter(|node| !node.is_paused) else { continue };
                let has_ticked = process.pass_time(self.now);
                // It looks at every peer: too long for each step of a large fleet.
                if has_ticked || self.setup.servers <= SERVERS {
                    process.engine.assert_bounded();
                }
                self.deliver_actions(node);
                if self.nodes[node].as_ref().is_some_and(|node| node.leaves_when_settled && node.has_settled()) {
                    self.leave(node);
                }
            }
        }
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.messages.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (_, (life, subject, bytes)) = entry.remove_entry();
            let index = self.indices[&life];
            let Some(node) = self.nodes[index].as_mut().filter(|node| node.sender() == life) else { continue };
            if node.is_paused {
                self.sent += 1;
                self.messages.insert((self.now + STEP, self.sent), (life, subject, bytes));
            } else if node.can_hear && self.is_up {
                node.engine.hear(node.time(self.now), subject, bytes);
                self.deliver_actions(index);
            }
        }
    }

    /// Carries out what a node wants, and puts on the way what it publishes.
    fn deliver_actions(&mut self, from: usize) {
        let Some(mut node) = self.nodes[from].take() else { return };
        let published = node.act(self.now, &mut self.truth);
        let receivers = if node.can_send && self.is_up { self.nodes.len() } else { 0 };
        self.nodes[from] = Some(node);
        for (subject, bytes) in published {
            for to in 0..receivers {
                self.route(from, to, subject, &bytes);
            }
        }
    }

    fn route(&mut self, from: usize, to: usize, subject: Subject, bytes: &Bytes) {
        let Some(node) = &self.nodes[to] else { return };
        let life = node.sender();
        let is_subscribed = match subject {
            Subject::Lane(_) | Subject::Presence => node.config.serves,
            Subject::Beat => true,
            Subject::Node(sender) => sender == life,
            Subject::Relay => false,
        };
        if !is_subscribed || self.side(from) != self.side(to) {
            return;
        }
        let copies = 1 + u32::from(self.chance(self.repeats));
        for _ in 0..copies {
            if !self.chance(self.loss) {
                let delay = Duration::from_millis(1 + self.random() % self.delay_ms);
                self.sent += 1;
                self.traffic.count(subject, bytes.len());
                self.messages.insert((self.now + delay, self.sent), (life, subject, bytes.clone()));
            }
        }
    }

    fn side(&self, node: usize) -> bool {
        self.sides >> node.min(7) & 1 != 0
    }

    /// All faults end; then as much time passes as all repairs may take: until a killed node is
    /// gone (5 s), three beats, and two passes of 2 s, of which the first was under way; one more.
    pub(super) fn heal(&mut self) {
        (self.sides, self.is_up, self.loss, self.repeats, self.delay_ms) = (0, true, 0, 0, 5);
        (0..self.setup.servers).for_each(|node| self.step(&Op::Mend { node }));
        let alive = self.nodes.iter().flatten().map(Node::sender).collect();
        self.truth.keep(&alive);
        self.wait(13_000);
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let alive: Vec<_> = self.nodes.iter().flatten().collect();
        let mut faults = Vec::new();
        for node in &alive {
            let name = node.sender();
            faults.extend(node.faults(&self.truth).iter().map(|fault| format!("{name:x}: {fault}")));
            let health = node.engine.health(node.time(self.now));
            if (health.hearing, health.joined, health.peers) != (true, true, alive.len() - 1) {
                faults.push(format!("{name:x}: {health:?}, of {} nodes", alive.len()));
            }
            let others = || alive.iter().filter(|other| other.sender() != name);
            if node.config.serves && node.config.presence {
                let all: BTreeSet<_> = others().flat_map(|other| other.keys()).collect();
                let is_right = |key| others().filter(|n| n.keys().contains(&key)).count() == node.engine.online(&[key]);
                if *node.online_events() != all || !(0..KEYS).all(is_right) {
                    faults.push(format!("{name:x}: presence {:?} is not {all:?}", node.online_events()));
                }
            }
        }
        for (key, claim) in &self.truth.claims {
            let sessions: Vec<_> =
                alive.iter().filter_map(|node| node.sessions.get(key).map(|stamp| (*stamp, node.sender()))).collect();
            if sessions.len() > 1 {
                faults.push(format!("key {key}: {} sessions", sessions.len()));
            }
            if self.truth.is_held(*key) && alive.iter().any(|node| node.sender() == claim.1) && sessions != [*claim] {
                faults.push(format!("key {key}: {sessions:?} instead of {claim:?}"));
            }
        }
        faults
    }

    pub(super) fn node(&self, node: usize) -> &Node {
        self.nodes[node].as_ref().expect("it lives")
    }

    pub(super) fn fetches(&self) -> u64 {
        self.nodes.iter().flatten().map(|node| node.fetches).sum()
    }
}

/// What is wrong after a run.
pub(super) fn faults_of(run: &Run, without: Option<Repair>) -> Vec<String> {
    let mut world = World::new(run.clone(), without);
    run.ops.iter().for_each(|op| world.step(op));
    world.heal();
    world.faults()
}
