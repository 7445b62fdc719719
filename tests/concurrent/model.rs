//! Random operations on the registry and on a sequential oracle, side by side.
//!
//! `PROPTEST_RNG_SEED` asks for other cases than the usual ones, `PROPTEST_CASES` for more than
//! 256.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::sample::select;
use proptest::test_runner::Config;
use testkit::oracle::{Op, Setup, run};
use testkit::repeatable_cases;

fn config(one_in: u32) -> Config {
    let all = repeatable_cases();
    Config { cases: all.cases.div_ceil(one_in), ..all }
}

fn ops(at_most: usize) -> impl Strategy<Value = Vec<Op>> {
    vec(any::<Op>(), 0..at_most)
}

proptest::proptest! {
    #![proptest_config(config(1))]

    /// Every place is taken again and again, and both limits refuse, or evict, all the time.
    #[test]
    fn tiny_limits(
        shards in select(vec![1, 2]),
        more in 0usize..7,
        per_key in 1usize..4,
        evict_oldest in any::<bool>(),
        ops in ops(120),
    ) {
        let max_sockets = shards + more;
        let max_sockets_per_key = per_key.min(max_sockets);
        run(Setup { shards, max_sockets, max_sockets_per_key, evict_oldest, keys: 6 }, &ops);
    }
}

proptest::proptest! {
    #![proptest_config(config(4))]

    /// Tables about as large as what they hold, with keys in every shard or all in one.
    #[test]
    fn full_tables(shards in select(vec![1, 2, 64]), more in 0usize..40, ops in ops(100)) {
        run(Setup { shards, max_sockets: 64 + more, max_sockets_per_key: 4, evict_oldest: false, keys: 60 }, &ops);
    }
}

proptest::proptest! {
    #![proptest_config(config(16))]

    /// Room without end: tables and chains grow, are emptied, and are filled again.
    #[test]
    fn growth(shards in select(vec![1, 2, 64]), ops in ops(50)) {
        run(Setup { shards, max_sockets: 1 << 20, max_sockets_per_key: 1 << 10, evict_oldest: false, keys: 400 }, &ops);
    }
}
