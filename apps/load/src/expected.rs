//! What is expected of the server itself, and whether it was met.

use crate::cli::Subject;
use crate::results::{Measured, Results, Step};

/// What the server must keep to at 19,000 connections and 1,000 marks a second.
const P99_MS: f64 = 5.0;
const IDLE_PERCENT: f64 = 1.0;
const KIB_PER_CONNECTION: f64 = 16.0;
/// For each mark, where some marks were lost on their way and sent again.
const FETCHES: f64 = 1.05;

pub(crate) struct Expectation {
    pub(crate) subject: String,
    pub(crate) what: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) measured: String,
    pub(crate) is_met: bool,
}

/// A figure is judged as it is shown, and shown rounded up: so rounding never turns a miss into a
/// pass, and a figure that reads like the limit is not below it.
fn rounded_up(value: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (value * unit).ceil() / unit
}

impl Expectation {
    /// The polling server is there to show what its design costs: nothing is expected of it.
    pub(crate) fn all(results: &Results) -> Vec<Self> {
        let measured = results.subjects.iter().filter(|measured| measured.subject != Subject::Polling);
        measured.flat_map(Self::of).collect()
    }

    fn of(measured: &Measured) -> Vec<Self> {
        let subject = measured.subject.name();
        let expectation = |what, expected, measured, is_met| {
            let subject = subject.clone();
            Self { subject, what, expected, measured, is_met }
        };
        let idle = measured.phase(Step::Idle);
        let marks = measured.phase(Step::Marks).filter(|phase| phase.tally.latency.count() > 0);
        let p99 = marks.map(|phase| rounded_up(phase.tally.latency.quantile(0.99), 2));
        let cores = idle.and_then(|phase| Some(phase.server.as_ref()?.cores? / measured.servers as f64));
        let percent = cores.map(|cores| rounded_up(cores * 100.0, 2));
        let each = idle.and_then(|phase| measured.resident_per_connection(phase));
        let each = each.map(|bytes| rounded_up(bytes / 1024.0, 1));
        let wrong: u64 =
            measured.phases.iter().map(|phase| phase.tally.lost + phase.too_many().iter().sum::<u64>()).sum();
        let outage = measured.phase(Step::Outage);
        let fetches = outage.and_then(|phase| phase.tally.fetches_per_mark()).map(|fetches| rounded_up(fetches, 3));
        let found = [
            p99.map(|p99| expectation("mark to client, p99", "under 5 ms", format!("{p99:.2} ms"), p99 < P99_MS)),
            percent.map(|percent| {
                let shown = format!("{percent:.2} %");
                expectation("CPU of an idle server", "under 1 % of a core", shown, percent < IDLE_PERCENT)
            }),
            each.map(|kib| {
                let shown = format!("{kib:.1} KiB");
                expectation("RSS per idle connection", "at most 16 KiB", shown, kib <= KIB_PER_CONNECTION)
            }),
            fetches.map(|fetches| {
                let shown = format!("{fetches:.3}");
                expectation("fetches for each mark, broker away", "at most 1.05", shown, fetches <= FETCHES)
            }),
            Some(expectation("updates lost, duplicate or unexpected", "0", wrong.to_string(), wrong == 0)),
        ];
        found.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests;
