//! Sessions whose work is counted with the crate [`metrics`], for Prometheus or another
//! exporter.
//!
//! Every name begins with `socket_registry_`, and has the label `registry`.
//!
//! | name | what |
//! |---|---|
//! | `sockets`, `keys` | live sockets, and keys that have one |
//! | `registrations_total`, `removals_total` | sockets that came and went |
//! | `marks_total`, `coalesced_marks_total` | marks, one for each socket that they reached; those that found the socket due already |
//! | `updates_sent_total`, `send_failures_total` | updates that the connections took, or did not take |
//! | `mark_to_send_seconds` | from the earliest unsent mark of a key to the update that tells of it: see [`MARK_TO_SEND`] |
//! | `told_to_go_total` | sockets that were closed, with the label `reason` |
//!
//! ```
//! use axum::extract::ws::{Message, WebSocketUpgrade};
//! use axum::response::Response;
//! use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
//! use socket_registry::Registry;
//! use socket_registry_axum::Sessions;
//! use socket_registry_axum::metered::{self, Metered};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let buckets = Matcher::Full(metered::MARK_TO_SEND.to_owned());
//! let handle =
//!     PrometheusBuilder::new().set_buckets_for_metric(buckets, &metered::BUCKETS)?.install_recorder()?;
//! let users: Metered<u64> = Metered::new("users", Sessions::builder(Registry::new()));
//!
//! async fn ws(users: Metered<u64>, ws: WebSocketUpgrade) -> Response {
//!     users.sessions().upgrade(ws, 42, |_due| async { Message::text("update") }).await
//! }
//! let _socket = users.registry().register_with(42, Default::default())?;
//! users.mark(&42);
//!
//! // … for each scrape:
//! users.report();
//! assert!(handle.render().contains(r#"socket_registry_marks_total{registry="users"} 1"#));
//! # Ok(()) }
//! ```

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ::metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use socket_registry::{Closed, Registry, Stats};

use crate::metrics::Metrics;
use crate::sessions::{Builder, Sessions};

/// The histogram: from the earliest unsent mark of a key to the update that tells of it.
pub const MARK_TO_SEND: &str = "socket_registry_mark_to_send_seconds";

/// Buckets for it, in seconds. The first are what an idle server needs, the last what a client
/// needs that hardly takes anything.
pub const BUCKETS: [f64; 14] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0];

const SOCKETS: &str = "socket_registry_sockets";
const KEYS: &str = "socket_registry_keys";
const REGISTRATIONS: &str = "socket_registry_registrations_total";
const REMOVALS: &str = "socket_registry_removals_total";
const MARKS: &str = "socket_registry_marks_total";
const COALESCED: &str = "socket_registry_coalesced_marks_total";
const UPDATES_SENT: &str = "socket_registry_updates_sent_total";
const SEND_FAILURES: &str = "socket_registry_send_failures_total";
const TOLD_TO_GO: &str = "socket_registry_told_to_go_total";

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Sessions whose work is counted. A clone is the same registry.
pub struct Metered<K, M = ()> {
    sessions: Sessions<K, Timed<M>>,
    meter: Meter,
}

impl<K, M> Metered<K, M>
where
    K: Eq + Hash + Send + Sync + 'static,
    M: Send + Sync + 'static,
{
    /// Builds sessions that are counted under this name, with the recorder that is installed by
    /// then. Replaces another [`Metrics`] of the builder.
    pub fn new(name: &'static str, builder: Builder<K, Timed<M>>) -> Self {
        let meter = Meter::new(name);
        Self { sessions: builder.metrics(meter.clone()).build(), meter }
    }

    /// Returns the sessions.
    #[must_use]
    pub fn sessions(&self) -> &Sessions<K, Timed<M>> {
        &self.sessions
    }

    /// Returns the sessions' registry. Marks that you make on it directly are counted, but not
    /// timed.
    #[must_use]
    pub fn registry(&self) -> &Registry<K, Timed<M>> {
        self.sessions.registry()
    }

    /// Marks the key's sockets, as [`Registry::mark`] does, and notes the time for those without an
    /// unsent mark.
    pub fn mark<Q>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.note(key);
        self.registry().mark(key)
    }

    /// Notes the time as [`mark`](Self::mark) does, for a mark that other code makes next, such as
    /// a cluster's.
    pub fn note<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        // Before the mark, so that the task that takes the mark sees it.
        self.registry().for_each_of(key, |socket| socket.metadata().marked_at.note());
    }

    /// Passes the registry's own counts to the recorder. Call it for each scrape, or from time to
    /// time if there are no scrapes.
    pub fn report(&self) {
        let Stats { registrations, removals, marks, coalesced, .. } = self.registry().stats();
        self.meter.registrations.absolute(registrations);
        self.meter.removals.absolute(removals);
        self.meter.marks.absolute(marks);
        self.meter.coalesced.absolute(coalesced);
        self.meter.sockets.set(self.registry().socket_count() as f64);
        self.meter.keys.set(self.registry().key_count() as f64);
    }
}

impl<K, M> Clone for Metered<K, M> {
    fn clone(&self) -> Self {
        Self { sessions: self.sessions.clone(), meter: self.meter.clone() }
    }
}

impl<K, M> fmt::Debug for Metered<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metered").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

/// The metadata of a socket whose updates are timed. Dereferences to your own.
#[derive(Debug, Default)]
pub struct Timed<M = ()> {
    metadata: M,
    /// The earliest mark that was not taken yet, and the earliest of those that were taken and not
    /// sent.
    marked_at: MarkTime,
    taken: MarkTime,
}

impl<M> Timed<M> {
    /// Wraps your metadata, without a mark so far.
    pub fn new(metadata: M) -> Self {
        Self { metadata, marked_at: MarkTime::default(), taken: MarkTime::default() }
    }
}

impl<M> Deref for Timed<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.metadata
    }
}

#[derive(Clone)]
struct Meter {
    sockets: Gauge,
    keys: Gauge,
    registrations: Counter,
    removals: Counter,
    marks: Counter,
    coalesced: Counter,
    sent: Counter,
    failed: Counter,
    mark_to_send: Histogram,
    disconnected: Counter,
    superseded: Counter,
    stopped: Counter,
    expired: Counter,
}

impl Meter {
    fn new(registry: &'static str) -> Self {
        describe();
        Self {
            sockets: gauge!(SOCKETS, "registry" => registry),
            keys: gauge!(KEYS, "registry" => registry),
            registrations: counter!(REGISTRATIONS, "registry" => registry),
            removals: counter!(REMOVALS, "registry" => registry),
            marks: counter!(MARKS, "registry" => registry),
            coalesced: counter!(COALESCED, "registry" => registry),
            sent: counter!(UPDATES_SENT, "registry" => registry),
            failed: counter!(SEND_FAILURES, "registry" => registry),
            mark_to_send: histogram!(MARK_TO_SEND, "registry" => registry),
            disconnected: counter!(TOLD_TO_GO, "registry" => registry, "reason" => "kicked"),
            superseded: counter!(TOLD_TO_GO, "registry" => registry, "reason" => "superseded"),
            stopped: counter!(TOLD_TO_GO, "registry" => registry, "reason" => "server_stops"),
            expired: counter!(TOLD_TO_GO, "registry" => registry, "reason" => "token_expired"),
        }
    }
}

fn describe() {
    describe_gauge!(SOCKETS, "Live sockets");
    describe_gauge!(KEYS, "Keys with at least one live socket");
    describe_counter!(REGISTRATIONS, "Sockets that were registered");
    describe_counter!(REMOVALS, "Sockets that were removed");
    describe_counter!(MARKS, "Marks, one for each socket that a mark reached");
    describe_counter!(COALESCED, "Marks that found the socket due already");
    describe_counter!(UPDATES_SENT, "Updates that were handed to the connection");
    describe_counter!(SEND_FAILURES, "Updates that the connection did not take");
    describe_counter!(TOLD_TO_GO, "Sockets that were closed by the server, by reason");
    let mark_to_send = "From the earliest unsent mark of a key to the update that tells of it";
    describe_histogram!(MARK_TO_SEND, Unit::Seconds, mark_to_send);
}

impl<M> Metrics<Timed<M>> for Meter {
    fn due(&self, metadata: &Timed<M>) {
        metadata.taken.set_if_none(metadata.marked_at.take());
    }

    fn sent(&self, metadata: &Timed<M>) {
        self.sent.increment(1);
        if let Some(marked_at) = metadata.taken.take() {
            self.mark_to_send.record(START.elapsed().saturating_sub(Duration::from_nanos(marked_at)));
        }
    }

    fn not_sent(&self) {
        self.failed.increment(1);
    }

    fn closed(&self, reason: Closed) {
        let counter = match reason {
            Closed::Disconnected(_) => &self.disconnected,
            Closed::Superseded => &self.superseded,
            _ => &self.stopped,
        };
        counter.increment(1);
    }

    fn expired(&self) {
        self.expired.increment(1);
    }
}

/// Holds nanoseconds since the start, or 0 for none.
#[derive(Debug, Default)]
struct MarkTime(AtomicU64);

// Ordering: Relaxed throughout. The mark that follows a note, and the take that precedes a reading,
// order them.
impl MarkTime {
    /// Notes the present time, unless an earlier one is noted.
    fn note(&self) {
        self.set_if_none(Some((START.elapsed().as_nanos() as u64).max(1)));
    }

    fn set_if_none(&self, time: Option<u64>) {
        let _ = self.0.compare_exchange(0, time.unwrap_or_default(), Ordering::Relaxed, Ordering::Relaxed);
    }

    fn take(&self) -> Option<u64> {
        Some(self.0.swap(0, Ordering::Relaxed)).filter(|&time| time > 0)
    }
}

#[cfg(test)]
mod tests {
    use ::metrics::with_local_recorder;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn the_time_is_that_of_the_earliest_mark_that_was_not_sent() {
        let recorder = PrometheusBuilder::new().build_recorder();
        with_local_recorder(&recorder, || {
            let users: Metered<u64> = Metered::new("users", Sessions::builder(Registry::new()));
            let socket = users.registry().register_with(42, Timed::new(())).expect("there is room");
            let time = |time: &MarkTime| time.0.load(Ordering::Relaxed);
            assert_eq!(users.mark(&42), 1);
            let first = time(&socket.metadata().marked_at);
            users.mark(&42);
            assert_eq!(time(&socket.metadata().marked_at), first, "a later mark hides the earlier one");

            users.meter.due(socket.metadata());
            users.mark(&42);
            users.meter.due(socket.metadata());
            assert_eq!(time(&socket.metadata().taken), first);
            users.meter.sent(socket.metadata());
            users.meter.sent(socket.metadata()); // of no mark of ours
            users.report();
        });
        let text = recorder.handle().render();
        for sample in ["mark_to_send_seconds_count", "registrations_total", "sockets", "keys"] {
            assert!(text.contains(&format!("socket_registry_{sample}{{registry=\"users\"}} 1\n")), "{sample}: {text}");
        }
        assert!(text.contains("socket_registry_updates_sent_total{registry=\"users\"} 2\n"), "{text}");
        assert!(text.contains("socket_registry_marks_total{registry=\"users\"} 3\n"), "{text}");
    }
}
