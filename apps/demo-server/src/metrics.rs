//! What the server counts, as text for Prometheus.

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use socket_registry::Closed;

const SOCKETS: &str = "socket_registry_sockets";
const KEYS: &str = "socket_registry_keys";
const REGISTRATIONS: &str = "socket_registry_registrations_total";
const REMOVALS: &str = "socket_registry_removals_total";
const MARKS: &str = "socket_registry_marks_total";
const COALESCED: &str = "socket_registry_coalesced_marks_total";
const UPDATES_SENT: &str = "socket_registry_updates_sent_total";
const SEND_FAILURES: &str = "socket_registry_send_failures_total";
const TOLD_TO_GO: &str = "socket_registry_told_to_go_total";
const MARK_TO_SEND: &str = "socket_registry_mark_to_send_seconds";
const REFUSALS: &str = "socket_registry_refusals_total";
const ACCEPT_FAILURES: &str = "socket_registry_accept_failures_total";
const LOG_LINES_DROPPED: &str = "socket_registry_log_lines_dropped_total";

/// In seconds. The first are what an idle server needs, the last what a client needs that hardly
/// takes anything.
const LATENCIES: [f64; 14] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0];

/// Everything is counted from this call on; the handle renders it.
pub(crate) fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().set_buckets(&LATENCIES)?.install_recorder()?;
    describe_gauge!(SOCKETS, "Live sockets");
    describe_gauge!(KEYS, "Keys with at least one live socket");
    describe_counter!(REGISTRATIONS, "Sockets that were registered");
    describe_counter!(REMOVALS, "Sockets that were removed");
    describe_counter!(MARKS, "Marks, one for each socket that a mark reached");
    describe_counter!(COALESCED, "Marks of a key that found an earlier one of the same socket unsent");
    describe_counter!(UPDATES_SENT, "Updates that were handed to the connection");
    describe_counter!(SEND_FAILURES, "Updates that the connection did not take");
    describe_counter!(TOLD_TO_GO, "Sockets that were told to go, by reason");
    describe_histogram!(
        MARK_TO_SEND,
        Unit::Seconds,
        "From the earliest unsent mark of a key to the update that tells of it"
    );
    describe_counter!(REFUSALS, "Requests that were refused");
    describe_counter!(ACCEPT_FAILURES, "Connections that could not be accepted");
    describe_counter!(LOG_LINES_DROPPED, "Lines of the log that its reader did not take in time");
    accept_failures().absolute(0);
    Ok(handle)
}

/// What is counted about one registry.
#[derive(Clone)]
pub(crate) struct Meter {
    pub(crate) sockets: Gauge,
    pub(crate) keys: Gauge,
    pub(crate) registrations: Counter,
    pub(crate) removals: Counter,
    pub(crate) marks: Counter,
    pub(crate) coalesced: Counter,
    pub(crate) sent: Counter,
    pub(crate) failed: Counter,
    pub(crate) mark_to_send: Histogram,
    kicked: Counter,
    superseded: Counter,
    stopped: Counter,
    pub(crate) expired: Counter,
}

impl Meter {
    pub(crate) fn new(registry: &'static str) -> Self {
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
            kicked: counter!(TOLD_TO_GO, "registry" => registry, "reason" => "kicked"),
            superseded: counter!(TOLD_TO_GO, "registry" => registry, "reason" => "superseded"),
            stopped: counter!(TOLD_TO_GO, "registry" => registry, "reason" => "server_stops"),
            expired: counter!(TOLD_TO_GO, "registry" => registry, "reason" => "token_expired"),
        }
    }

    pub(crate) fn told_to_go(&self, closed: Closed) -> &Counter {
        match closed {
            Closed::Disconnected(_) => &self.kicked,
            Closed::Superseded => &self.superseded,
            _ => &self.stopped,
        }
    }
}

pub(crate) fn refused(reason: &'static str) {
    counter!(REFUSALS, "reason" => reason).increment(1);
}

pub(crate) fn accept_failures() -> Counter {
    counter!(ACCEPT_FAILURES)
}

pub(crate) fn log_lines_dropped(lines: u64) {
    counter!(LOG_LINES_DROPPED).absolute(lines);
}
