//! What the server counts besides its sessions, as text for Prometheus.

use metrics::{Counter, counter, describe_counter};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use socket_registry_axum::metered;

const REFUSALS: &str = "socket_registry_refusals_total";
const ACCEPT_FAILURES: &str = "socket_registry_accept_failures_total";
const LOG_LINES_DROPPED: &str = "socket_registry_log_lines_dropped_total";

/// Counts everything from this call on; the handle renders it.
pub(crate) fn install() -> Result<PrometheusHandle, BuildError> {
    let latency = Matcher::Full(metered::MARK_TO_SEND.to_owned());
    let handle = PrometheusBuilder::new().set_buckets_for_metric(latency, &metered::BUCKETS)?.install_recorder()?;
    describe_counter!(REFUSALS, "Requests that were refused");
    describe_counter!(ACCEPT_FAILURES, "Connections that could not be accepted");
    describe_counter!(LOG_LINES_DROPPED, "Lines of the log that its reader did not take in time");
    accept_failures().absolute(0);
    Ok(handle)
}

pub(crate) fn refused(reason: &'static str) {
    counter!(REFUSALS, "reason" => reason).increment(1);
}

pub(crate) fn accept_failures() -> Counter {
    counter!(ACCEPT_FAILURES)
}

pub(crate) fn log_lines_dropped(lines: usize) {
    counter!(LOG_LINES_DROPPED).absolute(lines as u64);
}
