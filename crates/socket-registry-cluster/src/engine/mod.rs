//! The cluster's rules without its input and output: no clock, no socket, no task. The driver passes
//! in what it hears and what time it is, and carries out the [`Action`]s that come out.
//!
//! Every method returns without waiting, and none fails: bad input is counted and dropped.

mod action;
mod config;
mod lanes;

pub(crate) use self::action::{Action, Counts, Health, Keys, Settled, Stats, Ticket};
pub(crate) use self::config::{Config, Time};
pub(crate) use self::lanes::Lanes;
use crate::wire::subject::Subject;
use bytes::Bytes;

/// One node of the cluster. See the module's documentation.
pub(crate) struct Engine {
    config: Config,
    actions: Vec<Action>,
}

impl Engine {
    /// Makes a node that starts now. Its first beat is among the actions of the first `tick`.
    pub(crate) fn new(config: Config, now: Time) -> Self {
        let _ = now;
        Self { config, actions: Vec::new() }
    }

    /// Takes in one message. Whatever its bytes are, it is acted on, or counted and dropped.
    pub(crate) fn hear(&mut self, now: Time, subject: Subject, bytes: Bytes) {
        let _ = (now, subject, bytes);
    }

    /// The connection to the broker is lost: the node is deaf from now on, until its own beat
    /// comes back.
    pub(crate) fn disconnected(&mut self, now: Time) {
        let _ = now;
    }

    /// Beats, time-outs, retries. Call it when `next_tick` has come; earlier does no harm.
    pub(crate) fn tick(&mut self, now: Time) {
        let _ = now;
    }

    /// The time, on the scale of `Time::since_start`, when `tick` has something to do.
    pub(crate) fn next_tick(&self) -> std::time::Duration {
        self.config.beat
    }

    /// Puts a mark into the outbox. If the outbox is full, the mark is dropped, and every node
    /// repairs.
    pub(crate) fn mark(&mut self, key: &[u8], topics: u32) {
        let _ = (key, topics);
    }

    /// Marks every socket of the other nodes, spread over `spread`.
    pub(crate) fn mark_all(&mut self, topics: u32, spread: std::time::Duration) {
        let _ = (topics, spread);
    }

    /// Closes the key's sockets on the other nodes.
    pub(crate) fn disconnect(&mut self, now: Time, key: &[u8], reason: u8) {
        let _ = (now, key, reason);
    }

    /// The key was taken over here: the caller has registered the socket, and no call of `hear`
    /// came between. Returns the claim's stamp, which `release` wants back.
    pub(crate) fn claim(&mut self, now: Time, key: &[u8]) -> u64 {
        let _ = (now, key);
        0
    }

    /// The socket of the claim is gone.
    pub(crate) fn release(&mut self, key: &[u8], stamp: u64) {
        let _ = (key, stamp);
    }

    /// A key became active or idle here. Does nothing without `Config::presence`.
    pub(crate) fn presence_changed(&mut self, key: &[u8], is_online: bool) {
        let _ = (key, is_online);
    }

    /// The keys that are active here, in place of all that `presence_changed` has said.
    pub(crate) fn presence_reset<'a>(&mut self, keys: impl IntoIterator<Item = &'a [u8]>) {
        keys.into_iter().for_each(drop);
    }

    /// How many other nodes have a socket of the key. Means nothing while `Health::hearing` is
    /// false.
    pub(crate) fn online(&self, key: &[u8]) -> usize {
        let _ = key;
        0
    }

    /// The keys that are active on other nodes.
    pub(crate) fn online_keys(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::empty()
    }

    /// Sets what this node's beats say of its own registry.
    pub(crate) fn set_counts(&mut self, keys: u64, sockets: u64) {
        let _ = (keys, sockets);
    }

    /// Turns what is in the outbox into messages.
    pub(crate) fn flush(&mut self, now: Time) {
        let _ = now;
    }

    /// Flushes and says goodbye. The engine must not be used after that.
    pub(crate) fn leave(&mut self, now: Time) {
        let _ = now;
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
        None
    }

    /// The pass that `start_pass` began is over.
    pub(crate) fn pass_done(&mut self) {}

    /// Begins to ask whether all serving nodes have heard what was flushed before this call.
    pub(crate) fn settle(&mut self, now: Time) -> Ticket {
        let _ = now;
        Ticket::default()
    }

    /// Says whether they have. Ask after every `hear` and `tick`.
    pub(crate) fn settled(&self, ticket: &Ticket) -> Settled {
        let _ = ticket;
        Settled::Pending
    }

    /// Says whether the node has joined: it hears, and knows all nodes that it hears.
    pub(crate) fn is_joined(&self) -> bool {
        false
    }

    pub(crate) fn health(&self, now: Time) -> Health {
        let _ = now;
        Health::default()
    }

    /// The other nodes' counts, summed.
    pub(crate) fn counts(&self, now: Time) -> Counts {
        let _ = now;
        Counts::default()
    }

    /// What happened since the start.
    pub(crate) fn stats(&self) -> &Stats {
        unimplemented!()
    }
}
