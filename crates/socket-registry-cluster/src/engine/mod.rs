//! The cluster's rules without its input and output: no clock, no socket, no task. The driver
//! passes in what it hears and what time it is, and carries out the [`Action`]s that come out.
//!
//! Every method returns without waiting, and none fails: bad input is counted and dropped.

mod action;
mod catch_up;
mod claims;
mod clock;
mod config;
mod hear;
mod lanes;
mod node;
mod outbox;
mod passes;
mod peers;
mod presence;
mod ring;
mod send;
mod sequences;
mod settle;
#[cfg(test)]
mod tests;
mod tick;

#[cfg(test)]
pub(crate) use self::action::Ticket;
pub(crate) use self::action::{Action, Counts, Health, Settled, Stats};
use self::catch_up::CatchUp;
use self::claims::Claims;
use self::clock::HybridClock;
pub(crate) use self::config::{Config, Time};
pub(crate) use self::lanes::Lanes;
use self::node::Node;
use self::outbox::Outbox;
use self::passes::Passes;
use self::peers::Peers;
use self::presence::LocalPresence;
use self::ring::Ring;
use crate::health::NodeInfo;
use crate::wire::subject::Subject;
use crate::wire::{Command, Message, Op};
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Duration;

/// One node of the cluster. See the module's documentation.
pub(crate) struct Engine {
    config: Config,
    /// The time of the last call.
    now: Duration,
    actions: Vec<Action>,
    stats: Stats,
    clock: HybridClock,
    /// When the node started, by its wall clock.
    started: u64,
    node: Node,
    joined_at: Duration,
    /// When the last deafness began.
    deaf_from: Duration,
    next_beat: Duration,
    next_reconnect: Duration,
    /// There is something to do before the next beat.
    is_busy: bool,
    outbox: Outbox,
    /// For each lane the number of the newest own message.
    newest: Vec<u64>,
    ring: Ring,
    peers: Peers,
    catch_up: CatchUp,
    passes: Passes,
    claims: Claims,
    local: LocalPresence,
    /// The nodes that want all keys of this one, in the order in which they asked.
    asks: VecDeque<u64>,
    /// Keys and sockets here.
    own_counts: (u64, u64),
    /// The numbers that `settle` wants to be confirmed.
    wanted: Option<Vec<u64>>,
}

impl Engine {
    /// Makes a node that starts now. Its first beat is among the actions of the first `tick`.
    pub(crate) fn new(config: Config, now: Time) -> Self {
        let lanes = config.lanes;
        Self {
            now: now.since_start,
            actions: Vec::new(),
            stats: Stats::default(),
            clock: HybridClock::default(),
            started: now.wall_ms,
            node: Node::new(),
            joined_at: Duration::MAX,
            deaf_from: now.since_start,
            next_beat: now.since_start,
            next_reconnect: now.since_start + config.beat * 2,
            is_busy: false,
            outbox: Outbox::default(),
            newest: vec![0; lanes.into()],
            ring: Ring::new(lanes, config.ring_bytes),
            peers: Peers::new(config.max_peers, lanes),
            catch_up: CatchUp::default(),
            passes: Passes::new(lanes),
            claims: Claims::new(lanes),
            local: LocalPresence::default(),
            asks: VecDeque::new(),
            own_counts: (0, 0),
            wanted: None,
            config,
        }
    }

    /// Takes in one message. Whatever its bytes are, it is acted on, or counted and dropped.
    pub(crate) fn hear(&mut self, now: Time, subject: Subject, bytes: Bytes) {
        self.now = now.since_start;
        self.take_in(now, subject, bytes);
    }

    /// The connection to the broker is lost: the node is deaf from now on, until its own beat
    /// comes back.
    pub(crate) fn disconnected(&mut self, now: Time) {
        self.now = now.since_start;
        let turn = self.node.disconnected();
        self.take_turn(turn, now);
    }

    /// Beats, time-outs, retries. Call it when `next_tick` has come; earlier does no harm.
    pub(crate) fn tick(&mut self, now: Time) {
        self.now = now.since_start;
        self.pass_time(now);
    }

    /// The time, on the scale of `Time::since_start`, when `tick` has something to do. Changes with
    /// every call of any other method.
    pub(crate) fn next_tick(&self) -> Duration {
        self.next_time()
    }

    /// Puts a mark into the outbox. If the outbox is full, the mark is dropped, and every node
    /// repairs. A key of more than 255 bytes is counted and dropped.
    pub(crate) fn mark(&mut self, key: &[u8], topics: u32) {
        if self.can_travel(key) {
            self.outbox.mark(key, topics);
        }
    }

    /// Marks every socket of the other nodes, spread over `spread`.
    pub(crate) fn mark_all(&mut self, now: Time, topics: u32, spread: Duration) {
        let spread = u32::try_from(spread.as_millis()).unwrap_or(u32::MAX);
        let key = [topics.to_le_bytes(), spread.to_le_bytes()].concat().into();
        let stamp = self.clock.now(now.wall_ms);
        self.outbox.command(Command { op: Op::MarkAll, arg: 0, stamp, key });
    }

    /// Closes the key's sockets on the other nodes.
    pub(crate) fn disconnect(&mut self, now: Time, key: &[u8], reason: u8) {
        if self.can_travel(key) {
            let stamp = self.clock.now(now.wall_ms);
            self.outbox.command(Command { op: Op::Disconnect, arg: reason, stamp, key: Bytes::copy_from_slice(key) });
        }
    }

    /// The key was taken over here: the caller has registered the socket, and no call of `hear`
    /// came between. Returns the claim's stamp, which `release` wants back.
    pub(crate) fn claim(&mut self, now: Time, key: &[u8]) -> u64 {
        let stamp = self.clock.now(now.wall_ms);
        if self.can_travel(key) {
            let key = Bytes::copy_from_slice(key);
            self.claims.claim(key.clone(), stamp);
            self.send_claim(key, stamp);
        }
        stamp
    }

    /// The socket of the claim is gone.
    pub(crate) fn release(&mut self, key: &[u8], stamp: u64) {
        self.claims.release(key, stamp);
    }

    /// A key became active or idle here. Does nothing without `Config::presence`.
    pub(crate) fn presence_changed(&mut self, key: &[u8], is_online: bool) {
        if self.config.presence && self.can_travel(key) {
            self.local.change(key, is_online);
        }
    }

    /// How many other nodes have a socket of the key. Means nothing while `Health::hearing` is
    /// false.
    pub(crate) fn online(&self, key: &[u8]) -> usize {
        self.peers.alive().filter(|(_, peer)| peer.presence.contains(key)).count()
    }

    /// The keys that are active on other nodes: one that is on several comes several times.
    pub(crate) fn online_keys(&self) -> impl Iterator<Item = &[u8]> {
        self.peers.alive().flat_map(|(_, peer)| peer.presence.keys())
    }

    /// Sets what this node's beats say of its own registry.
    pub(crate) fn set_counts(&mut self, keys: u64, sockets: u64) {
        self.own_counts = (keys, sockets);
    }

    /// Turns what is in the outbox into messages.
    pub(crate) fn flush(&mut self, now: Time) {
        self.now = now.since_start;
        self.flush_outbox();
        self.flush_presence();
    }

    /// Sends all keys of this node to the node that has waited longest for them. The driver calls
    /// this when nothing waits for the broker, because such an answer has no bound of its own.
    pub(crate) fn answer_ask(&mut self) {
        if let Some(asker) = self.asks.pop_front() {
            self.send_snapshot(asker);
        }
    }

    /// Flushes and says goodbye. The engine must not be used after that.
    pub(crate) fn leave(&mut self, now: Time) {
        self.send_beat(now);
        self.send(Subject::Beat, &Message::Bye);
    }

    /// What the driver has to do, in order. A `Supersede` must be carried out before the next
    /// call of `claim`, so under the lock that protects the engine.
    pub(crate) fn actions(&mut self) -> std::vec::Drain<'_, Action> {
        self.actions.drain(..)
    }

    /// The lanes whose sockets must all become due, if there are any and no pass is under way.
    /// The driver marks them (all 32 topics) within `Config::spread`, then calls `pass_done`.
    /// What becomes necessary meanwhile is gathered for one more pass.
    pub(crate) fn start_pass(&mut self) -> Option<Lanes> {
        self.passes.start()
    }

    /// The pass that `start_pass` began is over.
    pub(crate) fn pass_done(&mut self) {
        self.passes.done();
    }

    /// Says whether the node has joined: it hears, and knows all nodes that it hears.
    pub(crate) fn is_joined(&self) -> bool {
        self.node.is_joined()
    }

    pub(crate) fn health(&self, now: Time) -> Health {
        let mut health =
            Health { hearing: self.node.hearing_since().is_some(), joined: self.node.is_joined(), ..Health::default() };
        for (_, peer) in self.peers.alive() {
            health.peers += 1;
            health.serving += usize::from(peer.serves);
            health.lanes_mismatch |= !peer.lanes_match;
            health.missing += peer.sequences.missing();
            health.oldest_beat = health.oldest_beat.max(now.since_start.saturating_sub(peer.beat_at));
        }
        health
    }

    /// The other nodes' counts, summed.
    pub(crate) fn counts(&self, now: Time) -> Counts {
        let mut counts = Counts::default();
        for (_, peer) in self.peers.alive().filter(|(_, peer)| peer.serves) {
            counts.nodes += 1;
            counts.keys = counts.keys.saturating_add(peer.keys);
            counts.sockets = counts.sockets.saturating_add(peer.sockets);
            counts.age = counts.age.max(now.since_start.saturating_sub(peer.beat_at));
        }
        counts
    }

    /// The other nodes that are not gone.
    pub(crate) fn nodes(&self, now: Time) -> impl Iterator<Item = NodeInfo> {
        self.peers.alive().map(move |(id, peer)| NodeInfo {
            id,
            serves: peer.serves,
            keys: peer.keys,
            sockets: peer.sockets,
            age: now.since_start.saturating_sub(peer.beat_at),
        })
    }

    /// What is under way.
    #[cfg(test)]
    fn unrest(&self) -> impl Iterator<Item = &'static str> {
        [
            ("catching up", !self.catch_up.is_idle()),
            ("missing", self.peers.iter().any(|(_, peer)| peer.sequences.missing() > 0)),
            ("presence", self.peers.alive().any(|(_, peer)| peer.presence.is_behind())),
            ("claims to send", self.claims.is_resending()),
            ("outbox", !self.outbox.is_empty()),
            ("actions", !self.actions.is_empty()),
        ]
        .into_iter()
        .filter_map(|(what, is_so)| is_so.then_some(what))
    }

    /// Nothing is larger than it may be.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn assert_bounded(&self) {
        assert!(self.ring.bytes() <= self.config.ring_bytes * 5 / 4);
        assert!(self.peers.len() <= self.config.max_peers);
        self.peers.iter().for_each(|(_, peer)| peer.sequences.assert_bounded());
    }

    /// What happened since the start.
    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }
}
