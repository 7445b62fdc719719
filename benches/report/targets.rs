//! What we want to reach, each with what was measured.

use crate::{
    format::{line, ratio},
    results::{OURS, Results, Row, Unit},
    scale::{Scale, short},
    subjects::{latency::*, memory::IDLE_RESIDENT, throughput::*},
};
use benchkit::{operations::Operation, peers::Key, timing::cores};

/// One line of the table.
struct Target {
    subject: String,
    against: &'static str,
    measured: Option<f64>,
    at_most: f64,
    /// What both figures are; ratios have none.
    unit: Option<Unit>,
}

pub fn table(scale: &Scale, results: &Results) -> String {
    let mut text = line(&["subject", "against", "measured", "target", ""]);
    text += "|---|---|--:|--:|---|\n";
    for Target { subject, against, measured, at_most, unit } in list(scale, results) {
        let show = |value: f64| unit.map_or_else(|| ratio(Some(value)), |unit| unit.show(value));
        let verdict = match measured {
            None => "not measured",
            Some(measured) if measured <= at_most => "met",
            Some(_) => "**missed**",
        };
        let measured = measured.map_or("-".to_owned(), show);
        text += &line(&[subject.as_str(), against, &measured, &format!("<= {}", show(at_most)), verdict]);
    }
    text
}

/// Collects targets about the results.
struct Targets<'a> {
    results: &'a Results,
    list: Vec<Target>,
}

type Measure = fn(&Row) -> Option<f64>;

/// Bounds of the ratios to the best waking peer, to the common answer, and to the limit.
struct Ratios(Option<f64>, Option<f64>, Option<f64>);

const fn peers(best: f64, common: f64) -> Ratios {
    Ratios(Some(best), Some(common), None)
}

const fn limited(best: f64, common: f64, limit: f64) -> Ratios {
    Ratios(Some(best), Some(common), Some(limit))
}

impl Targets<'_> {
    fn ratios(&mut self, subject: &str, keys: &str, sockets: usize, threads: usize, bounds: Ratios) {
        let row = self.results.find(subject, keys, sockets, threads);
        let sides: [(_, _, Measure); 3] = [
            ("best waking peer", bounds.0, Row::to_best),
            ("common answer", bounds.1, Row::to_common),
            ("limit", bounds.2, Row::to_limit),
        ];
        let threads = if threads == 1 { String::new() } else { format!(", {threads} threads") };
        let subject = format!("{subject}: {keys}, {}{threads}", short(sockets));
        for (against, at_most, measure) in sides {
            if let Some(at_most) = at_most {
                let measured = row.and_then(measure);
                self.list.push(Target { subject: subject.clone(), against, measured, at_most, unit: None });
            }
        }
    }

    fn absolute(&mut self, subject: &str, keys: &str, sockets: usize, at_most: f64) {
        let row = self.results.find(subject, keys, sockets, 1);
        self.list.push(Target {
            subject: format!("{subject}: {keys}, {}", short(sockets)),
            against: "absolute",
            measured: row.and_then(|row| row.value(OURS)),
            at_most,
            unit: Some(row.map_or(Unit::Nanos, |row| row.unit)),
        });
    }

    /// Ours in one row to ours in another.
    fn own(&mut self, subject: &str, against: &'static str, rows: [Option<&Row>; 2], at_most: f64) {
        let [some, other] = rows.map(|row| row.and_then(|row| row.value(OURS)));
        let measured = some.zip(other).map(|(some, other)| some / other);
        self.list.push(Target { subject: subject.to_owned(), against, measured, at_most, unit: None });
    }
}

fn list(scale: &Scale, results: &Results) -> Vec<Target> {
    let mut targets = Targets { results, list: Vec::new() };
    marks(scale, &mut targets);
    changes(scale, &mut targets);
    waits(scale, &mut targets);
    targets.list
}

fn marks(scale: &Scale, targets: &mut Targets) {
    let (small, big) = (scale.small(), scale.big());
    let [uniform, zipf, hot] = [Operation::MarkUniform, Operation::MarkZipf, Operation::MarkHot].map(Operation::name);
    for subject in [uniform, zipf] {
        for sockets in [small, big] {
            targets.ratios(subject, u64::NAME, sockets, 1, limited(0.5, 0.35, 1.2));
            targets.ratios(subject, u64::NAME, sockets, 2, peers(0.4, 0.3));
        }
    }
    targets.ratios(uniform, String::NAME, big, 1, peers(0.5, 0.45));
    targets.ratios(hot, u64::NAME, big, 2, Ratios(Some(0.25), None, None));
    // Flat, but for what a turbo clock takes back when more cores run.
    let by_threads = [cores(), 1].map(|threads| targets.results.find(hot, u64::NAME, big, threads));
    targets.own("mark, one hot key: all cores", "one thread", by_threads, 1.25);
    targets.ratios(WAITING, u64::NAME, big, 1, peers(0.8, 0.35));
    targets.ratios(BY_ID, u64::NAME, big, 1, Ratios(Some(0.5), None, Some(1.3)));
    targets.ratios(Operation::MarkMany.name(), u64::NAME, big, 1, limited(0.35, 0.2, 1.3));
    targets.ratios(Operation::MarkAll.name(), u64::NAME, big, 1, limited(0.3, 0.1, 1.5));
    targets.ratios(Operation::Take.name(), u64::NAME, big, 1, peers(1.0, 1.0));
}

fn changes(scale: &Scale, targets: &mut Targets) {
    let (small, big) = (scale.small(), scale.big());
    let churn = Operation::Churn.name();
    targets.ratios(churn, u64::NAME, small, 1, peers(0.5, 0.4));
    targets.ratios(churn, u64::NAME, big, 1, peers(0.5, 0.4));
    targets.ratios(churn, String::NAME, big, 1, peers(0.5, 0.45));
    targets.ratios(DISCONNECT_P99, u64::NAME, scale.leaving, 2, peers(0.3, 0.2));
    targets.ratios(GROWTH_WORST, u64::NAME, big, 1, peers(0.3, 0.2));
    for operation in [Operation::KeyCount, Operation::SocketCount] {
        targets.absolute(operation.name(), u64::NAME, big, 1e3);
    }
    let reconnect = Operation::Reconnect.name();
    let crowded = [CROWD_KEYS, APART_KEYS].map(|keys| targets.results.find(reconnect, keys, scale.crowd, 1));
    let subject = format!("leave and join: {CROWD_KEYS}, {}", short(scale.crowd));
    targets.own(&subject, APART_KEYS, crowded, 2.0);
}

fn waits(scale: &Scale, targets: &mut Targets) {
    for WakeSubjects { keys, .. } in &FLAVOURS {
        for &tasks in scale.tasks {
            targets.ratios(WAKE_P99, keys, tasks, 1, Ratios(Some(1.0), None, None));
            targets.ratios(WAKE_CPU, keys, tasks, 1, Ratios(Some(0.8), None, None));
        }
    }
    for (keys, bytes) in [(u64::NAME, 72.0), (String::NAME, 120.0)] {
        targets.ratios(IDLE_RESIDENT, keys, scale.big(), 1, peers(0.5, 0.45));
        targets.absolute(IDLE_RESIDENT, keys, scale.big(), bytes);
    }
    let tasks = scale.tasks[scale.tasks.len() - 1];
    targets.absolute(IDLE_CPU, u64::NAME, tasks, 0.5);
    targets.absolute(IDLE_LATENCY, u64::NAME, tasks, 1e6);
}
