use std::time::Duration;

use super::{Expectation, rounded_up};
use crate::cli::Subject;
use crate::process::Load;
use crate::results::{Measured, Phase, Results, Step};
use crate::tally::Tally;

/// The p99 of marks, the share of a core and the memory for each connection of an idle server.
fn judged(latency: Duration, cores: f64, bytes: u64) -> Vec<(String, bool)> {
    let phase = |step| {
        let mut tally = Tally::default();
        (0..100).for_each(|_| tally.latency.record(latency));
        let server = Some(Load { cores: Some(cores), resident: bytes * 1_000, samples: Vec::new() });
        Phase { step, seconds: 1.0, open: 1_000, tally, server, clients: None, pause: Duration::ZERO }
    };
    let phases = vec![phase(Step::Idle), phase(Step::Marks)];
    let subject = Subject::Server;
    let measured = Measured { subject, servers: 1, connections: 1_000, resident_before: Some(0), phases };
    let results = Results { machine: Vec::new(), command: String::new(), subjects: vec![measured] };
    let expectations = Expectation::all(&results).into_iter();
    expectations.map(|expectation| (expectation.measured, expectation.is_met)).take(3).collect()
}

#[test]
fn what_is_within_the_limits_is_met() {
    let judged = judged(Duration::from_micros(840), 0.0053, 8_000);
    assert_eq!(
        judged,
        [("0.84 ms", true), ("0.53 %", true), ("7.9 KiB", true)].map(|(shown, met)| (shown.into(), met))
    );
}

#[test]
fn rounding_turns_no_miss_into_a_pass() {
    // To two digits each would read as its limit, or as less.
    let judged = judged(Duration::from_micros(5_001), 0.010_000_1, 16_385);
    assert_eq!(
        judged,
        [("5.01 ms", false), ("1.01 %", false), ("16.1 KiB", false)].map(|(shown, met)| (shown.into(), met))
    );
}

#[test]
fn what_reads_like_the_limit_is_not_under_it() {
    assert_eq!(judged(Duration::from_micros(4_996), 0.009_999, 16_384)[0], ("5.00 ms".to_owned(), false));
    assert_eq!(rounded_up(0.991, 2), 1.0);
}
