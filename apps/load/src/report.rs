//! The tables, as markdown.

use crate::expected::Expectation;
use crate::process::Load;
use crate::results::{Measured, Phase, Results, Step};
use crate::summary::verdict;
use crate::tally::Times;

pub(crate) fn tables(results: &Results) -> String {
    let mut page = format!("`{}`\n\n**{}**\n\n", results.command, verdict(results));
    for (name, value) in &results.machine {
        page += &format!("- {name}: {value}\n");
    }
    page += &connections(results);
    page += &marks(results);
    page += &cluster(results);
    page += &soak(results);
    page += &expectations(results);
    page
}

fn connections(results: &Results) -> String {
    let heads = "server | step | took | connections | connect p50 | p99 | p99.9 | max | failed | server CPU | \
                 clients' CPU | RSS | RSS per connection";
    let rows = rows(
        results,
        |_, _| true,
        |measured, phase| {
            let cpu = |load: &Option<Load>| load.as_ref().and_then(|load| load.cores).map(share).unwrap_or_default();
            let mut row = vec![
                measured.subject.name(),
                phase.step.name().into(),
                format!("{:.1} s", phase.seconds),
                phase.open.to_string(),
            ];
            row.extend(quantiles(&phase.tally.connect));
            row.extend([
                (phase.tally.not_opened + phase.tally.dropped).to_string(),
                cpu(&phase.server),
                cpu(&phase.clients),
                phase.server.as_ref().map(|server| mib(server.resident)).unwrap_or_default(),
                measured.resident_per_connection(phase).map(kib).unwrap_or_default(),
            ]);
            row
        },
    );
    table("Connections, CPU (100 % is one core) and memory", heads, rows)
}

fn marks(results: &Results) -> String {
    let heads = "server | step | marks | updates expected | overlapping | mark to client p50 | p99 | p99.9 | max | \
                 refused | lost | duplicate | unexpected | sent late, p99 | longest pause of the machine";
    let wanted = |measured: &Measured, step: Step| step.has_marks() && !measured.is_of_cluster();
    let rows = rows(results, wanted, |measured, Phase { step, tally, pause, .. }| {
        let mut row = vec![measured.subject.name(), step.name().into()];
        row.extend([tally.marks, tally.expected, tally.overlapping].map(|count| count.to_string()));
        row.extend(quantiles(&tally.latency));
        row.extend([tally.refused, tally.lost, tally.duplicate, tally.unexpected].map(|count| count.to_string()));
        row.extend([ms(tally.lag.quantile(0.99)), ms(pause.as_secs_f64() * 1e3)]);
        row
    });
    table("Marks", heads, rows)
}

/// Where a socket may be told without a mark of its own, how often that was.
fn cluster(results: &Results) -> String {
    let heads = "server | step | marks | fetches | for each mark | p50 | p99 | p99.9 | max | lost | duplicate | \
                 stale | pause";
    let wanted = |measured: &Measured, step: Step| step.has_marks() && measured.is_of_cluster();
    let rows = rows(results, wanted, |measured, Phase { step, tally, pause, .. }| {
        let mut row = vec![measured.subject.name(), step.name().into()];
        row.extend([tally.marks, tally.updates].map(|count| count.to_string()));
        row.push(tally.fetches_per_mark().map(|fetches| format!("{fetches:.3}")).unwrap_or_default());
        row.extend(quantiles(&tally.latency));
        row.extend([tally.lost, tally.duplicate + tally.unexpected, tally.stale].map(|count| count.to_string()));
        row.push(ms(pause.as_secs_f64() * 1e3));
        row
    });
    table("Marks of one server, sockets of the others: mark to client", heads, rows)
}

fn soak(results: &Results) -> String {
    let heads = "server | took | connections replaced | devices stored | RSS at the end | RSS slope, second half";
    let rows = rows(
        results,
        |_, step| step == Step::Soak,
        |measured, Phase { seconds, tally, server, .. }| {
            let slope = server.as_ref().and_then(Load::slope);
            vec![
                measured.subject.name(),
                format!("{:.1} min", seconds / 60.0),
                tally.replaced.to_string(),
                tally.marks.to_string(),
                server.as_ref().map(|server| mib(server.resident)).unwrap_or_default(),
                slope.map(|slope| format!("{:+.1} KiB/min", slope * 60.0 / 1024.0)).unwrap_or_default(),
            ]
        },
    );
    table("Soak", heads, rows)
}

fn expectations(results: &Results) -> String {
    let rows = Expectation::all(results).into_iter();
    let rows = rows.map(|Expectation { subject, what, expected, measured, is_met }| {
        vec![subject, what.into(), expected.into(), measured, if is_met { "yes" } else { "no" }.into()]
    });
    table("Expected and measured", "server | what | expected | measured | met", rows.collect())
}

fn rows(
    results: &Results,
    wanted: impl Fn(&Measured, Step) -> bool,
    row: impl Fn(&Measured, &Phase) -> Vec<String>,
) -> Vec<Vec<String>> {
    let phases =
        results.subjects.iter().flat_map(|measured| measured.phases.iter().map(move |phase| (measured, phase)));
    phases
        .filter(|(measured, phase)| wanted(measured, phase.step))
        .map(|(measured, phase)| row(measured, phase))
        .collect()
}

/// Without rows there is no table.
fn table(title: &str, heads: &str, rows: Vec<Vec<String>>) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let rule = "--- | ".repeat(first.len());
    let mut table = format!("\n**{title}**\n\n| {heads} |\n| {}\n", rule.trim_end());
    rows.iter().for_each(|row| table += &format!("| {} |\n", row.join(" | ")));
    table
}

fn quantiles(times: &Times) -> [String; 4] {
    [0.5, 0.99, 0.999, 1.0].map(|share| if times.count() == 0 { String::new() } else { ms(times.quantile(share)) })
}

fn ms(ms: f64) -> String {
    format!("{ms:.2} ms")
}

/// Of a core, as finely as the expectation asks.
fn share(cores: f64) -> String {
    format!("{:.2} %", cores * 100.0)
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

fn kib(bytes: f64) -> String {
    format!("{:.1} KiB", bytes / 1024.0)
}
