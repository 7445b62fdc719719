//! How many random cases proptest tries, and which.

use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};

/// The same cases in every run, so that a test fails for a change and not by chance. Keeps what
/// failed in a file next to the test's.
///
/// `PROPTEST_RNG_SEED` asks for other cases, `PROPTEST_CASES` for more than 256.
pub fn repeatable_cases() -> Config {
    let default = Config::default();
    let seed = match default.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0),
        from_the_environment => from_the_environment,
    };
    let persistence = Some(Box::new(FileFailurePersistence::WithSource("regressions")) as _);
    Config { rng_seed: seed, failure_persistence: persistence, ..default }
}
