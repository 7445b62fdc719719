//! What we want to reach, each with what was measured: a page of its own.

use crate::{
    format::{line, ratio},
    results::{OURS, Results, Unit},
    scale::{Scale, short},
    subjects::{latency::*, memory::IDLE_RESIDENT, throughput::*},
};
use benchkit::{operations::Operation, peers::Key};
use serde_json::Value;

/// One line of the table.
struct Target {
    subject: String,
    against: &'static str,
    measured: Option<f64>,
    at_most: f64,
    /// What both figures are; ratios have none.
    unit: Option<Unit>,
}

/// The instructions are those of the committed baseline.
pub fn table(scale: &Scale, results: &Results, baseline: &Value) -> String {
    let mut targets = Targets { results, list: Vec::new() };
    updates(scale, &mut targets);
    marks(scale, &mut targets);
    changes(scale, &mut targets);
    memory(scale, &mut targets);
    targets.count("rows in which a waking peer is ahead", results.lost().len() as f64, 0.0);
    instructions(baseline, &mut targets);

    let mut text = line(&["subject", "against", "measured", "target", ""]);
    text += "|---|---|--:|--:|---|\n";
    for Target { subject, against, measured, at_most, unit } in targets.list {
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

impl Targets<'_> {
    /// Ours to the best peer that can wake a task.
    fn ratio(&mut self, subject: &str, keys: &str, sockets: usize, threads: usize, at_most: f64) {
        let row = self.results.find(subject, keys, sockets, threads);
        let threads = if threads == 1 { String::new() } else { format!(", {threads} threads") };
        self.list.push(Target {
            subject: format!("{subject}: {keys}, {}{threads}", short(sockets)),
            against: "best waking peer",
            measured: row.and_then(|row| row.to_best()),
            at_most,
            unit: None,
        });
    }

    fn bytes(&mut self, subject: &str, keys: &str, sockets: usize, at_most: f64) {
        let row = self.results.find(subject, keys, sockets, 1);
        self.list.push(Target {
            subject: format!("{subject}: {keys}, {}", short(sockets)),
            against: "absolute",
            measured: row.and_then(|row| row.value(OURS)),
            at_most,
            unit: Some(Unit::Bytes),
        });
    }

    fn count(&mut self, subject: &str, measured: impl Into<Option<f64>>, at_most: f64) {
        let (subject, measured) = (subject.to_owned(), measured.into());
        self.list.push(Target { subject, against: "absolute", measured, at_most, unit: Some(Unit::Count) });
    }
}

fn updates(scale: &Scale, targets: &mut Targets) {
    let (small, big) = (scale.small(), scale.big());
    targets.ratio(UPDATE, u64::NAME, small, 1, 0.8);
    targets.ratio(UPDATE, u64::NAME, big, 1, 0.7);
    targets.ratio(UPDATE, String::NAME, big, 1, 0.6);
    targets.ratio(WAITING, u64::NAME, small, 1, 0.8);
    targets.ratio(WAITING, u64::NAME, big, 1, 0.8);
    targets.ratio(Operation::Take.name(), u64::NAME, big, 1, 1.0);
    for WakeSubjects { keys, .. } in &FLAVOURS {
        for &tasks in scale.tasks {
            targets.ratio(WAKE_CPU_ASLEEP, keys, tasks, 1, 1.0);
            targets.ratio(WAKE_CPU_BATCH, keys, tasks, 1, 1.0);
        }
    }
}

fn marks(scale: &Scale, targets: &mut Targets) {
    let (small, big) = (scale.small(), scale.big());
    let [uniform, zipf] = [Operation::MarkUniform, Operation::MarkZipf].map(Operation::name);
    targets.ratio(uniform, u64::NAME, small, 1, 0.75);
    targets.ratio(uniform, u64::NAME, big, 1, 0.6);
    targets.ratio(uniform, String::NAME, small, 1, 0.9);
    targets.ratio(uniform, String::NAME, big, 1, 0.45);
    targets.ratio(zipf, u64::NAME, small, 1, 0.9);
    targets.ratio(zipf, u64::NAME, big, 1, 0.6);
    targets.ratio(Operation::MarkMany.name(), u64::NAME, big, 1, 0.4);
    targets.ratio(Operation::MarkAll.name(), u64::NAME, big, 1, 0.6);
}

fn changes(scale: &Scale, targets: &mut Targets) {
    let (small, big) = (scale.small(), scale.big());
    let churn = Operation::Churn.name();
    targets.ratio(churn, u64::NAME, small, 1, 0.95);
    targets.ratio(churn, u64::NAME, big, 1, 0.7);
    targets.ratio(churn, String::NAME, big, 1, 0.7);
    targets.ratio(DISCONNECT_P99, u64::NAME, scale.leaving, 2, 0.5);
    targets.ratio(GROWTH_WORST, u64::NAME, big, 1, 0.3);
    targets.ratio(GROWTH_MEAN, u64::NAME, big, 1, 1.0);
}

fn memory(scale: &Scale, targets: &mut Targets) {
    for (keys, bytes) in [(u64::NAME, 120.0), (String::NAME, 185.0)] {
        targets.bytes(IDLE_RESIDENT, keys, scale.big(), bytes);
    }
}

fn instructions(baseline: &Value, targets: &mut Targets) {
    for (operation, at_most) in [
        ("one_update u64", 200.0),
        ("one_update string", 330.0),
        ("mark_that_wakes u64", 130.0),
        ("register_and_drop u64", 450.0),
        ("register_and_drop string", 800.0),
        ("mark u64", 80.0),
        ("mark string", 190.0),
        ("mark_absent u64", 110.0),
    ] {
        let counted = baseline["instructions"][operation].as_f64();
        targets.count(&format!("instructions: {}", operation.replace('_', " ")), counted, at_most);
    }
}
