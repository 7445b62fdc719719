//! The task behind a node: it brings to the engine what the broker delivers, what callers leave and
//! what time it is, and does what the engine says.

mod outgoing;

use crate::broker::{Broker, Deliveries, Delivery, Interest};
use crate::engine::Action;
use crate::key::ClusterKey;
use crate::local::{self, Local};
use crate::metrics::Metrics;
use crate::node::{Node, Running, State};
use crate::options::Options;
use crate::wire::subject::Subject;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use outgoing::Outgoing;
use socket_registry::{Presence, PresenceEvent};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How many messages are taken in before others get a turn.
const CHUNK: usize = 64;
/// Room for so many actions stays when they are done.
const KEPT_ACTIONS: usize = 1024;
/// Marks gather for so long once they come quickly. Two batches within this time are quick.
const GATHER: Duration = Duration::from_millis(1);
/// How long a goodbye may wait for the broker.
const GOODBYE: Duration = Duration::from_secs(2);

/// A piece of work that runs while the driver does everything else.
type Work = Option<BoxFuture<'static, ()>>;

pub(crate) struct Driver<B, L: Local> {
    broker: Arc<B>,
    local: L,
    node: Arc<Node<L::Key>>,
    options: Options,
    outgoing: Outgoing<B>,
    metrics: Metrics,
    /// What the engine wants done, outside its lock.
    actions: Vec<Action>,
    next_tick: Duration,
    /// When the last two batches were made.
    flushed: [Option<Instant>; 2],
    /// Callers have left something since the last batch.
    is_waiting: bool,
    /// The repair of lanes, a `mark_all`, and a new connection, each while it is under way.
    repair: Work,
    mark_all: Work,
    reconnect: Work,
}

impl<B: Broker, L: Local> Driver<B, L> {
    pub(crate) fn new(broker: B, local: L, node: Arc<Node<L::Key>>, options: Options) -> Self {
        let broker = Arc::new(broker);
        Self {
            outgoing: Outgoing::new(broker.clone(), &options.namespace),
            metrics: Metrics::new(&options.namespace),
            actions: Vec::new(),
            next_tick: Duration::ZERO,
            flushed: [None; 2],
            is_waiting: true,
            repair: None,
            mark_all: None,
            reconnect: None,
            broker,
            local,
            node,
            options,
        }
    }

    /// Runs until the last handle is dropped or `leave` is called.
    pub(crate) async fn run(mut self, sender: u64) {
        let node = self.node.clone();
        let _running = Running::new(node.clone());
        let mut deliveries = self.subscribe(sender).ready_chunks(CHUNK);
        let mut presence = self.local.presence().filter(|_| self.options.presence);
        while !node.is_leaving() {
            let next = self.round();
            tokio::select! {
                Some(chunk) = deliveries.next() => self.hear(chunk),
                () = node.woken.notified() => self.is_waiting = true,
                () = tokio::time::sleep_until(next) => {}
                () = self.outgoing.sent() => {}
                event = next_event(&mut presence) => self.changed(event),
                () = finished(&mut self.repair) => node.lock().engine.pass_done(),
                () = finished(&mut self.mark_all) => {}
                () = finished(&mut self.reconnect) => {}
            }
        }
        let _ = tokio::time::timeout(GOODBYE, self.say_goodbye()).await;
    }

    fn subscribe(&self, sender: u64) -> Deliveries {
        let name = |subject: Subject| subject.name(&self.options.namespace);
        let common = match self.local.registry() {
            Some(_) => Interest::Below(format!("srg1.{}.b", self.options.namespace)),
            None => Interest::Subject(name(Subject::Beat)),
        };
        self.broker.subscribe(vec![common, Interest::Subject(name(Subject::Node(sender)))])
    }

    /// Does all that can be done now. Returns when there is more, if nothing happens.
    fn round(&mut self) -> Instant {
        let now = self.node.now();
        let next = {
            let mut state = self.node.lock();
            self.node.take_in(&mut state);
            if self.may_flush() {
                state.engine.flush(now);
                self.flushed = [self.flushed[1], Some(Instant::now())];
                self.is_waiting = false;
            }
            if self.outgoing.is_idle() {
                state.engine.answer_ask();
            }
            if self.next_tick <= now.since_start {
                let (keys, sockets) = self.local.counts();
                state.engine.set_counts(keys, sockets);
                state.engine.tick(now);
                self.next_tick = Duration::MAX;
                self.metrics.record(&state, now);
            }
            if self.repair.is_none() {
                let lanes = state.engine.start_pass();
                self.repair = lanes.map(|lanes| self.local.repair(lanes, self.options.lanes, self.options.spread));
            }
            if self.mark_all.is_none() {
                let wanted = state.mark_all.take();
                self.mark_all = wanted.map(|(topics, spread)| self.local.mark_all(topics, spread));
            }
            collect(&mut state, &self.local, &mut self.actions);
            // What the engine hears moves its next time on; it is called at the first one it has
            // named.
            self.next_tick = self.next_tick.min(state.engine.next_tick());
            self.node.instant(self.next_tick)
        };
        self.act();
        self.outgoing.send();
        self.node.tell_progress();
        match self.gathered() {
            Some(gathered) if self.is_waiting && self.outgoing.is_idle() => next.min(gathered),
            _ => next,
        }
    }

    /// A batch is made when the one before has been sent, and not too soon after it: what comes in
    /// meanwhile coalesces.
    fn may_flush(&self) -> bool {
        let is_gathering = self.gathered().is_some_and(|gathered| Instant::now() < gathered);
        self.is_waiting && self.outgoing.is_idle() && !is_gathering
    }

    /// The first mark is sent immediately, and so is a second one. The batch after two within
    /// `GATHER` waits until then.
    fn gathered(&self) -> Option<Instant> {
        match self.flushed {
            [Some(first), Some(second)] if second - first < GATHER => Some(second + GATHER),
            _ => None,
        }
    }

    fn hear(&mut self, chunk: Vec<Delivery>) {
        for delivery in chunk {
            let mut state = self.node.lock();
            let now = self.node.now();
            match delivery {
                Delivery::Interrupted => state.engine.disconnected(now),
                Delivery::Message(message) => match Subject::parse(&self.options.namespace, &message.subject) {
                    Some(subject) => state.engine.hear(now, subject, message.payload),
                    None => continue,
                },
            }
            // Under the same lock: a takeover here must not come between the decision and the deed.
            collect(&mut state, &self.local, &mut self.actions);
        }
    }

    fn changed(&mut self, event: PresenceEvent<L::Key>) {
        self.is_waiting = true;
        match event {
            PresenceEvent::Online { key, .. } => self.node.lock().changed_here(key, true),
            PresenceEvent::Offline { key, .. } => self.node.lock().changed_here(key, false),
            // What was left out follows.
            _ => {}
        }
    }

    fn act(&mut self) {
        for action in self.actions.drain(..) {
            match action {
                Action::Publish { subject, bytes } => self.outgoing.push(subject.name(&self.options.namespace), bytes),
                Action::PublishAll { subject, messages } => {
                    self.outgoing.push_all(&subject.name(&self.options.namespace), messages);
                }
                Action::Mark { topics, keys } => {
                    let read: Vec<_> = keys.iter().filter_map(L::Key::read).collect();
                    let hit = self.local.mark(&read, topics);
                    self.metrics.marked(hit, keys.len() - read.len());
                }
                Action::MarkAll { topics, spread } => self.node.lock().want_mark_all(topics, spread),
                Action::Disconnect { key, reason } => match (L::Key::read(&key), local::reason_from_wire(reason)) {
                    (Some(key), Some(reason)) => self.local.disconnect(&key, reason),
                    _ => self.metrics.marked(0, 1),
                },
                Action::Reconnect if self.reconnect.is_none() => {
                    let broker = self.broker.clone();
                    self.reconnect = Some(Box::pin(async move { broker.reconnect().await }));
                }
                Action::Reconnect | Action::Supersede { .. } | Action::PresenceChanged { .. } => {}
            }
        }
        self.actions.shrink_to(KEPT_ACTIONS);
    }

    async fn say_goodbye(&mut self) {
        {
            let mut state = self.node.lock();
            self.node.take_in(&mut state);
            state.engine.leave(self.node.now());
            collect(&mut state, &self.local, &mut self.actions);
        }
        self.act();
        self.outgoing.send();
        while !self.outgoing.is_idle() {
            self.outgoing.sent().await;
            self.outgoing.send();
        }
    }
}

/// Moves the engine's actions out, and does those that must not wait.
fn collect<L: Local>(state: &mut State<L::Key>, local: &L, actions: &mut Vec<Action>) {
    let start = actions.len();
    actions.extend(state.engine.actions());
    for action in &actions[start..] {
        match action {
            Action::Supersede { key } => match L::Key::read(key) {
                Some(key) => local.supersede(&key),
                None => state.bad_keys += 1,
            },
            Action::PresenceChanged { key, is_online } => state.changed_elsewhere(key, *is_online),
            _ => {}
        }
    }
}

/// Waits for the work, and forgets it; without end if there is none.
async fn finished(work: &mut Work) {
    match work {
        Some(running) => running.await,
        None => std::future::pending().await,
    }
    *work = None;
}

async fn next_event<K: ClusterKey, M>(presence: &mut Option<Presence<K, M>>) -> PresenceEvent<K> {
    match presence {
        Some(presence) => presence.next().await,
        None => std::future::pending().await,
    }
}
