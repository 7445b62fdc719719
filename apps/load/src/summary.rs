//! What a terminal shows in the end, 100 columns wide at most: what matters of each step, what was
//! expected, and a line that says whether the run passed.

use crate::cli::Subject;
use crate::expected::Expectation;
use crate::results::{Measured, Phase, Results};

const HEADS: [&str; 9] = ["", "sockets", "marks", "time of", "p50 ms", "p99 ms", "max ms", "wrong", "CPU %"];
const CLUSTER_HEADS: [&str; 11] =
    ["", "marks", "fetches", "each", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "lost", "double", "stale"];

/// Failed if something happened that must not; missed if all is right, but slower or larger than
/// expected.
pub(crate) fn verdict(results: &Results) -> String {
    if let Some(first) = first_of(&results.faults()) {
        return format!("FAILED: {first}");
    }
    let expectations = Expectation::all(results);
    let missed = expectations.iter().filter(|expectation| !expectation.is_met).map(
        |Expectation { subject, what, expected, measured, .. }| format!("{subject}: {what} {measured} ({expected})"),
    );
    if let Some(first) = first_of(&missed.collect::<Vec<_>>()) {
        return format!("MISSED: {first}");
    }
    let right = results.subjects.iter().filter(|measured| measured.subject != Subject::Polling);
    let updates: u64 = right.flat_map(|measured| &measured.phases).map(|phase| phase.tally.expected).sum();
    let came = if results.subjects.iter().any(Measured::is_of_cluster) { "none was lost" } else { "each came once" };
    format!("PASSED: {updates} updates expected, {came}; all {} expectations met", expectations.len())
}

fn first_of(all: &[String]) -> Option<String> {
    let (first, more) = all.split_first()?;
    let more = if more.is_empty() { String::new() } else { format!(" (and {} more)", more.len()) };
    Some(format!("{}{more}", first.trim()))
}

/// A table for each server, a line for each step; then what was expected.
pub(crate) fn tables(results: &Results) -> String {
    let expectations = Expectation::all(results).into_iter().map(|expectation| {
        let Expectation { subject, what, expected, measured, is_met } = expectation;
        [subject, what.to_owned(), expected.to_owned(), measured, if is_met { "met" } else { "missed" }.to_owned()]
    });
    let tables = results.subjects.iter().map(|measured| {
        let name = measured.subject.name();
        if measured.is_of_cluster() {
            let phases = measured.phases.iter().filter(|phase| phase.step.has_marks());
            aligned(&[0], [CLUSTER_HEADS.map(str::to_owned)].into_iter().chain(phases.map(cluster_row)), name)
        } else {
            let phases = measured.phases.iter();
            aligned(&[0, 3], [HEADS.map(str::to_owned)].into_iter().chain(phases.map(row)), name)
        }
    });
    let expectations = [["", "what", "expected", "measured", ""].map(str::to_owned)].into_iter().chain(expectations);
    let all: Vec<_> = tables.chain([aligned(&[0, 1, 2, 4], expectations, "server".to_owned())]).collect();
    all.join("\n")
}

/// Text to the left, numbers to the right; the name above the first column.
fn aligned<const N: usize>(text: &[usize], rows: impl Iterator<Item = [String; N]>, name: String) -> String {
    let mut rows: Vec<_> = rows.collect();
    rows[0][0] = name;
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..N).map(width).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if text.contains(&column) { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    });
    lines.collect()
}

fn row(phase: &Phase) -> [String; 9] {
    let Phase { step, open, tally, server, .. } = phase;
    let (what, times) = match (tally.latency.count(), tally.connect.count()) {
        (0, 0) => ("", None),
        (0, _) => ("connect", Some(&tally.connect)),
        _ => ("update", Some(&tally.latency)),
    };
    let ms = |share| times.map(|times| format!("{:.2}", times.quantile(share))).unwrap_or_default();
    let wrong: u64 = phase.wrong().iter().map(|&(_, count)| count).sum();
    let cores = server.as_ref().and_then(|server| server.cores);
    [
        step.name().to_owned(),
        open.to_string(),
        if step.has_marks() { tally.marks.to_string() } else { String::new() },
        what.to_owned(),
        ms(0.5),
        ms(0.99),
        ms(1.0),
        wrong.to_string(),
        cores.map(|cores| format!("{:.2}", cores * 100.0)).unwrap_or_default(),
    ]
}

fn cluster_row(Phase { step, tally, .. }: &Phase) -> [String; 11] {
    let ms = |share| {
        if tally.latency.count() == 0 { String::new() } else { format!("{:.2}", tally.latency.quantile(share)) }
    };
    [
        step.name().to_owned(),
        tally.marks.to_string(),
        tally.updates.to_string(),
        tally.fetches_per_mark().map(|fetches| format!("{fetches:.3}")).unwrap_or_default(),
        ms(0.5),
        ms(0.99),
        ms(0.999),
        ms(1.0),
        tally.lost.to_string(),
        (tally.duplicate + tally.unexpected).to_string(),
        tally.stale.to_string(),
    ]
}

#[cfg(test)]
mod tests;
