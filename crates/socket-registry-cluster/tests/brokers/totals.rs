//! What a node counts: the recorder of its process, for tests to ask.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

static TOTALS: Mutex<BTreeMap<String, Arc<AtomicU64>>> = Mutex::new(BTreeMap::new());

/// Records the counters from now on.
pub(crate) fn record() {
    metrics::set_global_recorder(Totals).expect("one recorder in a process");
}

/// A counter's value. Its name is without what all have in common, and with its label:
/// `repairs lane`. A node reports once a beat.
pub(crate) fn total(name: &str) -> u64 {
    let totals = TOTALS.lock().unwrap();
    totals.get(name).unwrap_or_else(|| panic!("no {name:?} in {:?}", totals.keys())).load(Ordering::SeqCst)
}

struct Totals;

impl Recorder for Totals {
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let name = key.name().trim_start_matches("socket_registry_cluster_").trim_end_matches("_total");
        let labels = key.labels().filter(|label| label.key() != "cluster");
        let name = labels.fold(name.to_owned(), |name, label| format!("{name} {}", label.value()));
        Counter::from_arc(TOTALS.lock().unwrap().entry(name).or_default().clone())
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }

    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
}
