//! The report as markdown.

use crate::{
    format::{line, ratio},
    results::{Case, LIMIT, Results, Row},
    scale::{Scale, short},
    targets,
};
use std::fmt::Write;

/// The machine, the targets, and a table per subject.
pub fn report(machine: &str, scale: &Scale, results: &Results) -> String {
    let mut text = format!(
        "### The machine\n\n{machine}\nMedians of {} interleaved rounds (worst cases: the least of them), {} scale.\n\n\
         ### Targets\n\n{}\n### All subjects\n\nTimes are per operation as one thread sees it. *Best* is the best peer \
         that can wake a task, *common* the better one of the sharded mutex and `DashMap`, each with an `Arc` and a \
         `Notify` per socket.\n",
        scale.rounds,
        scale.name,
        targets::table(scale, results),
    );
    let mut rows = &results.rows[..];
    let mut done = Vec::new();
    while let Some((first, rest)) = rows.split_first() {
        rows = rest;
        let subject = first.case.subject;
        if !done.contains(&subject) {
            done.push(subject);
            let of_subject: Vec<_> = results.rows.iter().filter(|row| row.case.subject == subject).collect();
            write!(text, "\n#### {subject}\n\n{}", table(&of_subject)).expect("a string takes all");
        }
    }
    text
}

/// A line per case, a column per contestant. Not every contestant takes part in every case.
fn table(rows: &[&Row]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flat_map(|row| &row.values) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let has_limit = rows.iter().any(|row| row.limit.is_some());
    let limit = if has_limit { vec![LIMIT, "to limit"] } else { vec![] };
    let head: Vec<_> = ["case"].iter().chain(&names).chain(&["to best", "to common"]).chain(&limit).copied().collect();
    let mut text = line(&head);
    text += &format!("|---|{}\n", "--:|".repeat(head.len() - 1));
    for row in rows {
        let show = |value: Option<f64>| value.map_or("-".to_owned(), |value| row.unit.show(value));
        let mut cells = vec![label(row.case)];
        cells.extend(names.iter().map(|name| show(row.value(name))));
        cells.extend([ratio(row.to_best()), ratio(row.to_common())]);
        if has_limit {
            cells.extend([show(row.limit), ratio(row.to_limit())]);
        }
        text += &line(&cells);
    }
    text
}

fn label(Case { keys, sockets, threads, .. }: Case) -> String {
    let threads = if threads == 1 { String::new() } else { format!(", {threads} threads") };
    format!("{keys}, {}{threads}", short(sockets))
}
