//! Any operations, on a registry of any small size, against the oracle of
//! `tests/concurrent/model.rs`.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use testkit::oracle::{Op, Setup, run};

#[derive(Arbitrary, Debug)]
struct Input {
    shards: u8,
    more_sockets: u8,
    sockets_per_key: u8,
    keys: u8,
    ops: Vec<Op>,
}

fuzz_target!(|input: Input| {
    let shards = 1 << (input.shards % 4);
    let max_sockets = shards + usize::from(input.more_sockets) % 64;
    let setup = Setup {
        shards,
        max_sockets,
        max_sockets_per_key: 1 + usize::from(input.sockets_per_key) % max_sockets,
        evict_oldest: input.shards >= 128,
        keys: 1 + u16::from(input.keys),
    };
    run(setup, &input.ops);
});
