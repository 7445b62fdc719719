//! The tables, as markdown.

use crate::cli::Subject;
use crate::process::Load;
use crate::results::{Measured, Phase, Results, Step};
use crate::tally::Times;

/// What the server must keep to at 19,000 connections and 1,000 marks a second.
const P99_MS: f64 = 5.0;
const IDLE_CORES: f64 = 0.01;
const BYTES_PER_CONNECTION: f64 = 16384.0;

pub(crate) fn tables(results: &Results) -> String {
    let mut page = format!("`{}`\n\n", results.command);
    for (name, value) in &results.machine {
        page += &format!("- {name}: {value}\n");
    }
    page += &connections(results);
    page += &marks(results);
    page += &soak(results);
    page += &expectations(results);
    page
}

fn connections(results: &Results) -> String {
    let heads = "server | step | took | connections | connect p50 | p99 | p99.9 | max | failed | server CPU | \
                 clients' CPU | RSS | RSS per connection";
    let rows = rows(
        results,
        |_| true,
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
    let rows = rows(results, Step::has_marks, |measured, Phase { step, tally, pause, .. }| {
        let mut row = vec![measured.subject.name(), step.name().into()];
        row.extend([tally.marks, tally.expected, tally.overlapping].map(|count| count.to_string()));
        row.extend(quantiles(&tally.latency));
        row.extend([tally.refused, tally.lost, tally.duplicate, tally.unexpected].map(|count| count.to_string()));
        row.extend([ms(tally.lag.quantile(0.99)), ms(pause.as_secs_f64() * 1e3)]);
        row
    });
    table("Marks", heads, rows)
}

fn soak(results: &Results) -> String {
    let heads = "server | took | connections replaced | devices stored | RSS at the end | RSS slope, second half";
    let rows = rows(
        results,
        |step| step == Step::Soak,
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

/// What is expected of the server itself.
fn expectations(results: &Results) -> String {
    let mut rows = Vec::new();
    for measured in results.subjects.iter().filter(|measured| measured.subject != Subject::Polling) {
        let mut row = |what: &str, expected: &str, value: Option<(String, bool)>| {
            if let Some((value, met)) = value {
                let met = if met { "yes" } else { "no" };
                rows.push(vec![measured.subject.name(), what.into(), expected.into(), value, met.into()]);
            }
        };
        let p99 = measured.phase(Step::Marks).map(|phase| phase.tally.latency.quantile(0.99));
        row("mark to client, p99", "under 5 ms", p99.map(|p99| (ms(p99), p99 < P99_MS)));
        let idle = measured.phase(Step::Idle);
        let cores = idle.and_then(|phase| Some(phase.server.as_ref()?.cores? / measured.servers as f64));
        row("CPU of an idle server", "under 1 % of a core", cores.map(|cores| (share(cores), cores < IDLE_CORES)));
        let each = idle.and_then(|phase| measured.resident_per_connection(phase));
        row("RSS per idle connection", "at most 16 KiB", each.map(|bytes| (kib(bytes), bytes <= BYTES_PER_CONNECTION)));
        let tallies = measured.phases.iter().map(|phase| &phase.tally);
        let wrong: u64 = tallies.map(|tally| tally.lost + tally.duplicate + tally.unexpected).sum();
        row("updates lost, duplicate or unexpected", "0", Some((wrong.to_string(), wrong == 0)));
    }
    table("Expected and measured", "server | what | expected | measured | met", rows)
}

fn rows(
    results: &Results,
    wanted: impl Fn(Step) -> bool,
    row: impl Fn(&Measured, &Phase) -> Vec<String>,
) -> Vec<Vec<String>> {
    let phases =
        results.subjects.iter().flat_map(|measured| measured.phases.iter().map(move |phase| (measured, phase)));
    phases.filter(|(_, phase)| wanted(phase.step)).map(|(measured, phase)| row(measured, phase)).collect()
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
