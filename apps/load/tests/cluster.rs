//! A small cluster on real brokers: every mark of one server is accounted for on the others, also
//! when the broker is killed.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn every_mark_is_accounted_for_while_the_broker_comes_and_goes() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("load-cluster");
    let few =
        ["--cluster", "nats,redis", "--connections", "200", "--rate", "400", "--marks", "50", "--mark-seconds", "2"];
    let output = Command::new(env!("CARGO_BIN_EXE_load")).args(few).arg("--out").arg(&out).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("NATS cluster") && !printed.contains("FAILED"), "{printed}");

    let results = fs::read(out.join("load.json")).expect("results are written");
    let results: Value = serde_json::from_slice(&results).expect("JSON");
    let subjects = results["subjects"].as_array().expect("a list");
    let names: Vec<_> = subjects.iter().map(|subject| subject["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["one server", "NATS cluster", "Redis cluster"]);
    for subject in subjects {
        let steps = subject["phases"].as_array().expect("a list");
        let expected = if subject["name"] == "one server" { 2 } else { 3 };
        assert_eq!(steps.len(), expected, "{steps:?}");
        for step in steps {
            assert_eq!(step["connections"], 200, "{step}");
            for what in ["lost", "stale", "dropped", "not_opened", "refused"] {
                assert_eq!(step[what], 0, "{what}: {step}");
            }
        }
        let marks = &steps[1];
        assert_eq!((&marks["marks"], &marks["expected"]), (&100.into(), &100.into()));
        assert_eq!((&marks["duplicate"], &marks["unexpected"]), (&0.into(), &0.into()));
        // What is lost is found by the next beat, once a second. So that is not how marks arrive.
        let median = marks["latency"]["p50_ms"].as_f64().expect("a time");
        assert!(median < 250.0, "a mark waits for something: {marks}");
        if let Some(outage) = steps.get(2) {
            assert_eq!(outage["name"], "broker away");
            let slowest = outage["latency"]["max_ms"].as_f64().expect("a time");
            assert!(slowest > 500.0, "no mark waited for the broker: {outage}");
        }
    }
}
