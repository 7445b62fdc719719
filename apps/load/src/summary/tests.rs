use std::net::SocketAddrV4;
use std::time::Duration;

use super::{table, verdict};
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
    let table = table(&results(Subject::Target(target), steps));
    assert_eq!(table.lines().count(), 5);
    for line in table.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
}
