//! The load generator: that it accounts for every mark, notices what is lost, and touches no other
//! machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn load(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_load")).args(arguments).output().expect("it starts")
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// The steps that were measured.
fn steps(folder: &Path) -> Vec<Value> {
    let results = fs::read(folder.join("load.json")).expect("results are written");
    let mut results: Value = serde_json::from_slice(&results).expect("JSON");
    serde_json::from_value(results["subjects"][0]["phases"].take()).expect("steps")
}

#[cfg(target_os = "linux")] // elsewhere 127.0.0.1 is the only address of 127.0.0.0/8
#[test]
fn every_mark_is_accounted_for() {
    let folder = folder("load");
    let out = folder.to_str().expect("a path in text");
    let few = ["--connections", "50", "--tabs", "2", "--rate", "100", "--idle", "1", "--marks", "100"];
    let short = ["--mark-seconds", "2", "--churn", "10", "--churn-seconds", "1", "--draw", "zipf", "--out", out];
    let output = load(&[&few[..], &short].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let steps = steps(&folder);
    let count = |step: usize, what: &str| steps[step][what].as_u64().expect("a count");
    let names: Vec<_> = steps.iter().map(|step| step["name"].as_str().expect("a name")).collect();
    let expected =
        ["ramp up", "idle", "marks", "marks and churn", "mass disconnect", "reconnect storm", "marks after the storm"];
    assert_eq!(names, expected);
    for (step, name) in names.iter().enumerate() {
        let left = if *name == "mass disconnect" { 0 } else { 50 };
        assert_eq!(count(step, "connections"), left, "{name}");
        for what in ["lost", "duplicate", "unexpected", "dropped", "not_opened", "refused"] {
            assert_eq!(count(step, what), 0, "{name}: {what}");
        }
    }
    assert_eq!([0, 5].map(|step| count(step, "opened")), [50, 50]);
    assert!(count(3, "replaced") > 0);
    assert_eq!((count(2, "marks"), count(2, "expected")), (200, 400));
    let timed = steps[2]["latency"]["count"].as_u64().expect("a count");
    assert_eq!(timed + count(2, "overlapping"), 400);
    assert!(steps[1]["rss_per_connection_bytes"].as_f64().expect("memory is sampled") > 0.0);
    assert!(fs::read_to_string(folder.join("latency.svg")).expect("a plot").contains("server: marks"));
}

/// The polling server's tabs take each other's update: a check that finds nothing lost there would
/// find it nowhere.
#[cfg(target_os = "linux")]
#[test]
fn what_is_lost_is_noticed() {
    let folder = folder("load-polling");
    let out = folder.to_str().expect("a path in text");
    let few = ["--subject", "polling", "--connections", "20", "--tabs", "2", "--marks", "20", "--mark-seconds", "1"];
    let output = load(&[&few[..], &["--idle", "0", "--churn-seconds", "0", "--no-storm", "--out", out]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let steps = steps(&folder);
    assert_eq!(steps.len(), 2);
    assert!(steps[1]["lost"].as_u64() >= Some(5), "{}", steps[1]);
}

#[test]
fn only_this_machine_is_put_under_load() {
    for target in ["10.0.0.1:80", "0.0.0.0:3000", "example.com:80", "localhost:3000", "[::1]:3000", "128.0.0.1:3000"] {
        for arguments in [&["--target", target][..], &["clients", "--target", target]] {
            let output = load(arguments);
            assert!(!output.status.success(), "{target}");
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(error.contains("only this machine is put under load"), "{target}: {error}");
        }
    }
}

#[test]
fn what_would_not_fit_is_refused() {
    for (arguments, reason) in [
        (&["--connections", "200001"][..], "not in 1..=200000"),
        (&["--idle", "601"], "not in 0..=600"),
        (&["--soak", "60"], "fewer --marks, or less time"),
        (&["--draw", "zipf", "--connections", "10"], "fewer --marks, or less time"),
        (&["--connections", "3", "--servers", "4"], "want a user each"),
        (&["--cluster", "nats", "--idle", "5"], "cannot be used with"),
        (&["--cluster", "nats", "--target", "127.0.0.1:1"], "cannot be used with"),
        #[cfg(feature = "cluster")]
        (&["--cluster", "nats", "--servers", "4"], "2 or 3 --servers"),
        #[cfg(feature = "cluster")]
        (&["--cluster", "nats,redis,nats"], "two kinds of brokers"),
        #[cfg(feature = "cluster")]
        (&["--cluster", "nats,redis", "--mark-seconds", "60"], "200 at most"),
        #[cfg(not(feature = "cluster"))]
        (&["--cluster", "nats"], "--features cluster"),
    ] {
        let output = load(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(reason), "{arguments:?}: {error}");
    }
}

#[cfg(feature = "cluster")]
#[test]
fn a_broker_that_is_missing_can_be_installed() {
    for (broker, program) in [("nats", "nats-server"), ("redis", "redis-server")] {
        let out = folder("load-missing");
        let mut load = Command::new(env!("CARGO_BIN_EXE_load"));
        load.args(["--cluster", broker, "--connections", "2", "--mark-seconds", "1", "--out"]).arg(&out);
        let output = load.env("PATH", &out).output().expect("it starts");
        assert!(!output.status.success());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(&format!("apt-get install {program}")), "{error}");
    }
}

/// Each command of the page says where its tables go.
#[test]
fn the_committed_page_has_its_sections() {
    let page = include_str!("../../../docs/LOAD.md");
    let named = page.split("--section ").skip(1);
    let sections: Vec<_> = named.filter_map(|rest| rest.split_whitespace().next()).collect();
    assert!(sections.len() >= 4, "{sections:?}");
    for name in sections {
        for marker in [format!("<!-- measured: {name} -->"), format!("<!-- end: {name} -->")] {
            assert_eq!(page.matches(&marker).count(), 1, "{marker}");
        }
    }
    let output = load(&["--section", "none"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("has no line <!-- measured: none -->"), "{error}");
}
