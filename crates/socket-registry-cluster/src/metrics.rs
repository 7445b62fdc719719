//! What a node counts, for whatever recorder the application has.
//!
//! The engine counts by itself; once a beat its numbers go to the recorder, with the namespace as
//! the label `cluster`. docs/DESIGN.md says what each means.

use crate::engine::{Stats, Time};
use crate::node::State;
use ::metrics::{Counter, Gauge, counter, gauge};

/// A counter, and where the engine counts for it.
type Total = (Counter, fn(&Stats) -> u64);

pub(crate) struct Metrics {
    namespace: String,
    totals: Vec<Total>,
    hit: Counter,
    bad_keys: Counter,
    own_bad_keys: u64,
    hearing: Gauge,
    peers: Gauge,
    oldest_beat: Gauge,
    missing: Gauge,
    /// What the log said last, so that it says each change once.
    logged: Option<(bool, bool, usize)>,
}

impl Metrics {
    pub(crate) fn new(namespace: &str) -> Self {
        let total = |name: &str, value: fn(&Stats) -> u64| {
            (counter!(format!("socket_registry_cluster_{name}_total"), "cluster" => namespace.to_owned()), value)
        };
        let by = |name: &str, label: &'static str, by: &'static str, value: fn(&Stats) -> u64| {
            let name = format!("socket_registry_cluster_{name}_total");
            (counter!(name, "cluster" => namespace.to_owned(), label => by), value)
        };
        let gauge = |name: &str| gauge!(format!("socket_registry_cluster_{name}"), "cluster" => namespace.to_owned());
        let totals: Vec<Total> = vec![
            total("marks_sent", |stats| stats.marks_sent),
            total("marks_received", |stats| stats.marks_received),
            by("messages_lost", "by", "gap", |stats| stats.lost_by_gap),
            by("messages_lost", "by", "tail", |stats| stats.lost_by_tail),
            by("repairs", "by", "replay", |stats| stats.replayed),
            by("repairs", "by", "lane", |stats| stats.lane_repairs),
            by("repairs", "by", "all", |stats| stats.full_repairs),
            total("replays_sent", |stats| stats.replays_sent),
            total("duplicates", |stats| stats.duplicates),
            by("messages_refused", "why", "bad", |stats| stats.bad),
            by("messages_refused", "why", "too_many_senders", |stats| stats.refused),
            by("messages_refused", "why", "clock", |stats| stats.bad_stamps),
            total("overflows", |stats| stats.overflows),
            total("deafnesses", |stats| stats.deafnesses),
            total("resyncs", |stats| stats.resyncs),
            total("superseded", |stats| stats.superseded),
        ];
        Self {
            totals,
            hit: total("marks_hit", |_| 0).0,
            bad_keys: total("bad_keys", |_| 0).0,
            own_bad_keys: 0,
            hearing: gauge("hearing"),
            peers: gauge("peers"),
            oldest_beat: gauge("oldest_beat_seconds"),
            missing: gauge("messages_missing"),
            logged: None,
            namespace: namespace.to_owned(),
        }
    }

    /// Marks of other nodes met so many sockets; so many keys could not be read.
    pub(crate) fn marked(&self, hit: usize, bad_keys: usize) {
        self.hit.increment(hit as u64);
        self.bad_keys.increment(bad_keys as u64);
    }

    pub(crate) fn record<K>(&mut self, state: &State<K>, now: Time) {
        let stats = state.engine.stats();
        for (counter, value) in &self.totals {
            counter.absolute(value(stats));
        }
        self.bad_keys.increment(state.bad_keys - self.own_bad_keys);
        self.own_bad_keys = state.bad_keys;
        let health = state.engine.health(now);
        self.hearing.set(f64::from(u8::from(health.hearing)));
        self.peers.set(health.peers as f64);
        self.oldest_beat.set(health.oldest_beat.as_secs_f64());
        self.missing.set(health.missing as f64);
        let news = (health.hearing, health.lanes_mismatch, health.peers);
        if self.logged.replace(news) != Some(news) {
            let (hearing, lanes_mismatch, peers) = news;
            tracing::info!(cluster = self.namespace, hearing, lanes_mismatch, peers);
        }
    }
}
