//! Any faults at all, then peace: nobody is stale, every key has one session, presence is true.

use super::ops::{Run, run};
use super::world::faults_of;
use crate::engine::config::Repair;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

/// How many runs, unless `PROPTEST_CASES` says.
const RUNS: u32 = 2000;

/// The first run, of always the same ones, after which something is wrong.
fn failure(runs: u32, without: Option<Repair>) -> Option<(String, Run)> {
    let runs = std::env::var("PROPTEST_CASES").ok().and_then(|runs| runs.parse().ok()).unwrap_or(runs);
    let (failure_persistence, max_shrink_iters) = (None, if without.is_none() { 2000 } else { 0 });
    let rng_seed = RngSeed::Fixed(std::env::var("SEED").map_or(0, |seed| seed.parse().unwrap_or(0)));
    let config = Config { cases: runs, rng_seed, failure_persistence, max_shrink_iters, ..Config::default() };
    let outcome = TestRunner::new(config).run(&run(), |run| {
        let faults = faults_of(&run, without);
        proptest::prop_assert!(faults.is_empty(), "{faults:#?}");
        Ok(())
    });
    match outcome {
        Ok(()) => None,
        Err(TestError::Fail(reason, run)) => Some((reason.to_string(), run)),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

#[test]
fn after_any_faults_nobody_is_stale_and_all_nodes_agree() {
    if let Some((reason, run)) = failure(RUNS, None) {
        panic!("{reason}\n{run:#?}");
    }
}

/// The machinery finds what it is for: without any one of the repairs something stays wrong.
#[test]
fn without_any_one_repair_something_stays_wrong() {
    for repair in [Repair::Lanes, Repair::Everything, Repair::Tails, Repair::History, Repair::Claims, Repair::Confirm] {
        let found = failure(RUNS, Some(repair));
        assert!(found.is_some(), "nothing needs {repair:?}");
        println!("{repair:?}: {}", found.unwrap_or_else(|| unreachable!()).0);
    }
}
