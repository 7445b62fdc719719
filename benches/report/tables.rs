//! The report as markdown.

use crate::{
    format::{line, ratio},
    plots::PagePlot,
    results::{Case, LIMIT, OURS, Results, Row},
    scale::{Scale, short},
    subjects::{latency::*, memory::IDLE_RESIDENT, throughput::*},
};
use benchkit::{operations::Operation, peers::Key, timing::cores};
use std::fmt::Write;

/// How the report and the targets came about.
pub fn circumstances(machine: &str, scale: &Scale) -> String {
    format!(
        "{machine}\nMedians of {} interleaved rounds (worst cases: the least of them), {} scale.",
        scale.rounds, scale.name
    )
}

/// How it compares, the plots that there are, where it loses, and a table per subject.
pub fn report(circumstances: &str, scale: &Scale, results: &Results, plots: &[PagePlot]) -> String {
    let mut text = format!(
        "### How it compares\n\nTimes are per operation as one thread sees it. *Best* is the best peer that can wake a \
         task, *common* the better one of the sharded mutex and `DashMap`, each with an `Arc` and a `Notify` per \
         socket; ratios are ours to theirs.\n\n{}\n",
        comparison(scale, results)
    );
    for PagePlot { file, title, .. } in plots {
        text += &format!("![{title}]({file})\n\n");
    }
    text += &format!("### Where it loses\n\n{}\n", losses(results));
    text += &format!("### The machine\n\n{circumstances}\n\n### All subjects\n");
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

/// What a reader wants to know first.
fn comparison(scale: &Scale, results: &Results) -> String {
    let (small, big, all) = (scale.small(), scale.big(), cores());
    let [mark, many, churn, storm] =
        [Operation::MarkUniform, Operation::MarkMany, Operation::Churn, Operation::Storm].map(Operation::name);
    let tasks = scale.tasks[0];
    let mut text = line(&["", "ours", "best", "", "to best", "to common"]);
    text += "|---|--:|--:|---|--:|--:|\n";
    for (subject, keys, sockets, threads) in [
        (UPDATE, u64::NAME, small, 1),
        (UPDATE, u64::NAME, big, 1),
        (UPDATE, String::NAME, big, 1),
        (UPDATE_TOKIO, u64::NAME, small, 1),
        (UPDATE_TOKIO, u64::NAME, big, 1),
        (mark, u64::NAME, small, 1),
        (mark, u64::NAME, big, 1),
        (many, u64::NAME, big, 1),
        (churn, u64::NAME, small, 1),
        (churn, u64::NAME, big, 1),
        (storm, u64::NAME, big, all),
        (WAKE_P99, FLAVOURS[0].keys, tasks, 1),
        (IDLE_RESIDENT, u64::NAME, big, 1),
        (IDLE_RESIDENT, String::NAME, big, 1),
    ] {
        let Some(row) = results.find(subject, keys, sockets, threads) else { continue };
        let (Some(ours), Some((name, best))) = (row.value(OURS), row.best()) else { continue };
        let subject = format!("{subject}: {}", label(row.case));
        let ratios = [ratio(row.to_best()), ratio(row.to_common())];
        text += &line(&[&subject, &row.unit.show(ours), &row.unit.show(best), name, &ratios[0], &ratios[1]]);
    }
    text
}

/// Every row in which a peer is ahead.
fn losses(results: &Results) -> String {
    let lost = results.lost();
    let mut text = format!("Of {} rows, a waking peer is ahead in {}.\n", results.rows.len(), lost.len());
    if !lost.is_empty() {
        text += &("\n".to_owned() + &line(&["", "best", "to best"]) + "|---|---|--:|\n");
    }
    for row in lost {
        let name = row.best().map_or("-", |(name, _)| name);
        text += &line(&[&format!("{}: {}", row.case.subject, label(row.case)), name, &ratio(row.to_best())]);
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
