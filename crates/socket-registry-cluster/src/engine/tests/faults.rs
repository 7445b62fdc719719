//! Any faults at all, then peace: nobody is stale, every key has one session, presence is true.

use super::ops::{Run, run};
use super::world::faults_of;
use crate::engine::config::Repair;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

/// How many runs, unless `PROPTEST_CASES` asks for more.
const RUNS: u32 = 2000;

/// The first run after which something is wrong. The runs are always the same, unless
/// `PROPTEST_RNG_SEED` asks for others.
fn failure(without: Option<Repair>) -> Option<(String, Run)> {
    let default = Config::default();
    let rng_seed = match default.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0),
        from_the_environment => from_the_environment,
    };
    let (cases, failure_persistence) = (default.cases.max(RUNS), None);
    let max_shrink_iters = if without.is_none() { 2000 } else { 0 };
    let config = Config { cases, failure_persistence, max_shrink_iters, rng_seed, ..default };
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
    if let Some((reason, run)) = failure(None) {
        panic!("{reason}\n{run:#?}");
    }
}

/// The machinery finds what it is for: without any one of the repairs something stays wrong.
#[test]
fn without_any_one_repair_something_stays_wrong() {
    for repair in [Repair::Lanes, Repair::Everything, Repair::Tails, Repair::History, Repair::Claims, Repair::Confirm] {
        assert!(failure(Some(repair)).is_some(), "no run needs {repair:?}");
    }
}
