//! What a terminal shows in the end: a line that says whether the run passed, and what matters of
//! each step, 100 columns wide at most.

use crate::cli::Subject;
use crate::expected::Expectation;
use crate::results::{Phase, Results};

const HEADS: [&str; 9] = ["", "sockets", "marks", "time of", "p50 ms", "p99 ms", "max ms", "wrong", "CPU %"];

/// Failed if something happened that must not; missed if all is right, but slower or larger than
/// expected.
pub(crate) fn verdict(results: &Results) -> String {
    let faults = results.faults();
    if let Some((first, more)) = faults.split_first() {
        let more = if more.is_empty() { String::new() } else { format!(" (and {} more)", more.len()) };
        return format!("FAILED: {}{more}", first.trim());
    }
    let expectations = Expectation::all(results);
    let tell = |wanted: bool| {
        let told = expectations.iter().filter(|expectation| expectation.is_met == wanted);
        let told = told.map(|Expectation { subject, what, expected, measured, .. }| {
            format!("{subject}: {what} {measured} ({expected})")
        });
        told.collect::<Vec<_>>()
    };
    let missed = tell(false);
    if !missed.is_empty() {
        return format!("MISSED: {}", missed.join("; "));
    }
    let right = results.subjects.iter().filter(|measured| measured.subject != Subject::Polling);
    let updates: u64 = right.flat_map(|measured| &measured.phases).map(|phase| phase.tally.expected).sum();
    let met = tell(true);
    format!(
        "PASSED: {updates} updates expected, each came once{}{}",
        if met.is_empty() { "" } else { "; " },
        met.join("; ")
    )
}

/// A table for each server, a line for each step.
pub(crate) fn table(results: &Results) -> String {
    let tables = results.subjects.iter().map(|measured| {
        let mut heads = HEADS.map(str::to_owned);
        heads[0] = measured.subject.name();
        let rows: Vec<_> = [heads].into_iter().chain(measured.phases.iter().map(row)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = (0..HEADS.len()).map(width).collect();
        let lines = rows.iter().map(|row| {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
                0 | 3 => format!("{cell:width$}"),
                _ => format!("{cell:>width$}"),
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        });
        lines.collect::<String>()
    });
    tables.collect::<Vec<_>>().join("\n")
}

fn row(Phase { step, open, tally, server, .. }: &Phase) -> [String; 9] {
    let (what, times) = match (tally.latency.count(), tally.connect.count()) {
        (0, 0) => ("", None),
        (0, _) => ("connect", Some(&tally.connect)),
        _ => ("update", Some(&tally.latency)),
    };
    let ms = |share| times.map(|times| format!("{:.2}", times.quantile(share))).unwrap_or_default();
    let wrong = tally.not_opened + tally.dropped + tally.refused + tally.lost + tally.duplicate + tally.unexpected;
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

#[cfg(test)]
mod tests;
