//! What is counted, and how long things took.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Microseconds, each to three digits.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub(crate) struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new(3).expect("three digits are supported"))
    }
}

impl Times {
    pub(crate) fn record(&mut self, time: Duration) {
        self.0 += time.as_micros() as u64;
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// Milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1e3
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "count": self.count(),
            "p50_ms": self.quantile(0.5),
            "p99_ms": self.quantile(0.99),
            "p99_9_ms": self.quantile(0.999),
            "max_ms": self.quantile(1.0),
        })
    }
}

impl From<Vec<(u64, u64)>> for Times {
    fn from(counts: Vec<(u64, u64)>) -> Self {
        let mut times = Self::default();
        for (micros, count) in counts {
            times.0.record_n(micros, count).expect("the histogram grows");
        }
        times
    }
}

impl From<Times> for Vec<(u64, u64)> {
    fn from(times: Times) -> Self {
        times.0.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
    }
}

/// What happened to the clients of one process. A mark of a user with three tabs is expected three
/// times.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) opened: u64,
    pub(crate) not_opened: u64,
    /// Connections that ended without us.
    pub(crate) dropped: u64,
    /// Connections that were replaced by a new one.
    pub(crate) replaced: u64,
    /// The first thing that went wrong.
    pub(crate) problem: Option<String>,
    /// From the first packet to the server's "switching protocols".
    pub(crate) connect: Times,

    pub(crate) marks: u64,
    /// Marks that the server did not accept.
    pub(crate) refused: u64,
    /// How long after its time a mark was sent.
    pub(crate) lag: Times,
    pub(crate) expected: u64,
    /// Expected while an earlier mark of the same user was under way: one update may serve both, so
    /// they are not timed.
    pub(crate) overlapping: u64,
    /// Expected on a socket that waited for no other update: as many have to come.
    pub(crate) distinct: u64,
    /// From just before the request is sent to the update's arrival.
    pub(crate) latency: Times,
    pub(crate) updates: u64,
    /// Expected, and no update came in time.
    pub(crate) lost: u64,
    /// Sockets that lost an update, and have heard of nothing since.
    pub(crate) stale: u64,
    /// Expected, but the client left first.
    pub(crate) moot: u64,
    /// Updates that no mark explains: on a socket that was marked before, and on one that never
    /// was.
    pub(crate) duplicate: u64,
    pub(crate) unexpected: u64,
}

impl Tally {
    /// A page fetches once for each update.
    pub(crate) fn fetches_per_mark(&self) -> Option<f64> {
        (self.distinct > 0).then(|| self.updates as f64 / self.distinct as f64)
    }

    pub(crate) fn problem(&mut self, what: impl ToString) {
        self.problem.get_or_insert_with(|| what.to_string());
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (count, more) in [
            (&mut self.opened, other.opened),
            (&mut self.not_opened, other.not_opened),
            (&mut self.dropped, other.dropped),
            (&mut self.replaced, other.replaced),
            (&mut self.marks, other.marks),
            (&mut self.refused, other.refused),
            (&mut self.expected, other.expected),
            (&mut self.overlapping, other.overlapping),
            (&mut self.distinct, other.distinct),
            (&mut self.updates, other.updates),
            (&mut self.lost, other.lost),
            (&mut self.stale, other.stale),
            (&mut self.moot, other.moot),
            (&mut self.duplicate, other.duplicate),
            (&mut self.unexpected, other.unexpected),
        ] {
            *count += more;
        }
        for (times, more) in
            [(&mut self.connect, other.connect), (&mut self.lag, other.lag), (&mut self.latency, other.latency)]
        {
            times.0 += more.0;
        }
        self.problem = self.problem.take().or(other.problem);
    }
}
