use std::net::SocketAddrV4;
use std::time::Duration;

use super::{tables, verdict};
use crate::broker::Kind;
use crate::cli::Subject;
use crate::process::Load;
use crate::results::{Measured, Phase, Results, Step};
use crate::tally::Tally;

fn phase(step: Step, tally: Tally) -> Phase {
    let load = Load { cores: Some(0.005), resident: 150 << 20, samples: Vec::new() };
    Phase { step, seconds: 30.0, open: 19_000, tally, server: Some(load), clients: None, pause: Duration::ZERO }
}

fn results(subject: Subject, phases: Vec<Phase>) -> Results {
    let measured = Measured { subject, servers: 1, connections: 19_000, resident_before: Some(10 << 20), phases };
    Results { machine: Vec::new(), command: String::new(), subjects: vec![measured] }
}

fn marked(latency: Duration) -> Tally {
    let mut tally = Tally { marks: 30_000, expected: 30_000, ..Tally::default() };
    (0..100).for_each(|_| tally.latency.record(latency));
    tally
}

#[test]
fn a_run_within_its_limits_has_passed() {
    let results = results(Subject::Server, vec![phase(Step::Marks, marked(Duration::from_micros(840)))]);
    assert!(verdict(&results).starts_with("PASSED: 30000 updates expected"), "{}", verdict(&results));
}

#[test]
fn a_lost_update_has_failed() {
    let lost = Tally { lost: 1, ..marked(Duration::from_micros(840)) };
    let results = results(Subject::Server, vec![phase(Step::Marks, lost)]);
    assert_eq!(verdict(&results), "FAILED: server, marks: 1 updates lost");
}

#[test]
fn what_the_polling_server_loses_is_no_failure_of_ours() {
    let lost = Tally { lost: 1, ..marked(Duration::from_secs(1)) };
    let results = results(Subject::Polling, vec![phase(Step::Marks, lost)]);
    assert!(verdict(&results).starts_with("PASSED"), "{}", verdict(&results));
}

/// So many fetches for 1,000 marks, while the broker of a cluster was away.
fn outage(updates: u64, tally: Tally) -> Results {
    let tally = Tally { marks: 1_000, expected: 1_000, distinct: 1_000, updates, ..tally };
    results(Subject::Cluster(Kind::Nats), vec![phase(Step::Outage, tally)])
}

#[test]
fn what_a_cluster_repairs_is_judged_by_its_fetches() {
    let repaired = Tally { duplicate: 40, unexpected: 10, ..Tally::default() };
    let verdict = |updates| verdict(&outage(updates, repaired.clone()));
    assert!(verdict(1_050).starts_with("PASSED: 1000 updates expected, none was lost"), "{}", verdict(1_050));
    let missed = "MISSED: NATS cluster: fetches for each mark, broker away 1.051 (at most 1.05)";
    assert_eq!(verdict(1_051), missed);
}

#[test]
fn a_cluster_that_loses_has_failed() {
    let lost = Tally { lost: 2, stale: 1, ..Tally::default() };
    assert_eq!(verdict(&outage(1_000, lost)), "FAILED: NATS cluster, broker away: 2 updates lost");
    let doubled = Tally { duplicate: 1, ..marked(Duration::from_micros(840)) };
    let results = results(Subject::Cluster(Kind::Redis), vec![phase(Step::Marks, doubled)]);
    assert_eq!(verdict(&results), "FAILED: Redis cluster, marks: 1 updates duplicate", "nothing was away");
}

#[test]
fn the_table_of_a_cluster_fits_a_terminal() {
    let mut tally = marked(Duration::from_secs(20));
    (tally.marks, tally.updates, tally.distinct) = (600_000, 1_200_000, 600_000);
    (tally.lost, tally.stale, tally.duplicate) = (99_999, 19_000, 99_999);
    let phases = [Step::Ramp, Step::Marks, Step::Outage].map(|step| phase(step, tally.clone())).into();
    let results = results(Subject::Cluster(Kind::Redis), phases);
    let tables = tables(&results);
    assert_eq!(tables.lines().count(), 3 + 1 + 4, "{tables}");
    assert_fits(&tables);
    assert_fits(&verdict(&results));
}

#[test]
fn the_table_fits_a_terminal() {
    let mut steps = Vec::new();
    for step in [Step::Ramp, Step::Idle, Step::AfterStorm, Step::Soak] {
        let mut tally = marked(Duration::from_micros(99_999_990));
        (tally.marks, tally.lost) = (9_999_999, 99_999);
        let mut phase = phase(step, tally);
        phase.open = 200_000;
        steps.push(phase);
    }
    let target: SocketAddrV4 = "127.0.0.1:65535".parse().unwrap();
    let results = results(Subject::Target(target), steps);
    let tables = tables(&results);
    assert_eq!(tables.lines().count(), 5 + 1 + 4, "{tables}");
    assert_fits(&tables);
    assert_fits(&verdict(&results));
}

fn assert_fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
}
