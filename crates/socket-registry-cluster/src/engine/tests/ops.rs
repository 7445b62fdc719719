//! What may happen in a run, at random.

use proptest::prelude::{Just, Strategy};
use proptest::{collection::vec, prop_oneof};

pub(super) const SERVERS: usize = 3;
pub(super) const KEYS: u8 = 6;

#[derive(Clone, Debug)]
pub(super) enum Op {
    Wait {
        ms: u64,
    },
    Register {
        node: usize,
        key: u8,
    },
    Unregister {
        node: usize,
        key: u8,
    },
    Mark {
        node: usize,
        key: u8,
    },
    /// Many marks, each in a message of its own.
    Burst {
        node: usize,
        key: u8,
        count: u16,
    },
    Disconnect {
        node: usize,
        key: u8,
    },
    MarkAll {
        node: usize,
    },
    Takeover {
        node: usize,
        key: u8,
    },
    Release {
        node: usize,
        key: u8,
    },
    /// A process without sockets joins, marks, waits until that is settled, and leaves.
    Worker {
        key: u8,
    },
    Settle {
        node: usize,
    },
    Crash {
        node: usize,
    },
    Leave {
        node: usize,
    },
    Start {
        node: usize,
    },
    /// The process stands still, and its messages wait.
    Pause {
        node: usize,
    },
    Resume {
        node: usize,
    },
    /// The route between two brokers is cut: no client notices. A bit for each node, workers are
    /// with the first.
    Cut {
        sides: u8,
    },
    /// Nothing of the node arrives, nothing arrives at it.
    Mute {
        node: usize,
    },
    Deafen {
        node: usize,
    },
    /// The client notices that its connection broke.
    Break {
        node: usize,
    },
    Mend {
        node: usize,
    },
    Broker {
        is_up: bool,
    },
    Network {
        loss: u8,
        repeats: u8,
        delay_ms: u64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let node = 0..SERVERS;
    let at = (0..SERVERS, 0..KEYS);
    prop_oneof![
        8 => (20_u64..2500).prop_map(|ms| Op::Wait { ms }),
        3 => (3000_u64..9000).prop_map(|ms| Op::Wait { ms }),
        3 => at.clone().prop_map(|(node, key)| Op::Register { node, key }),
        1 => at.clone().prop_map(|(node, key)| Op::Unregister { node, key }),
        8 => at.clone().prop_map(|(node, key)| Op::Mark { node, key }),
        1 => (at.clone(), 20_u16..400).prop_map(|((node, key), count)| Op::Burst { node, key, count }),
        2 => at.clone().prop_map(|(node, key)| Op::Disconnect { node, key }),
        1 => node.clone().prop_map(|node| Op::MarkAll { node }),
        5 => at.clone().prop_map(|(node, key)| Op::Takeover { node, key }),
        1 => at.prop_map(|(node, key)| Op::Release { node, key }),
        2 => (0..KEYS).prop_map(|key| Op::Worker { key }),
        1 => node.clone().prop_map(|node| Op::Settle { node }),
        1 => node.clone().prop_map(|node| Op::Crash { node }),
        1 => node.clone().prop_map(|node| Op::Leave { node }),
        2 => node.clone().prop_map(|node| Op::Start { node }),
        1 => node.clone().prop_map(|node| Op::Pause { node }),
        1 => node.clone().prop_map(|node| Op::Resume { node }),
        2 => (0_u8..8).prop_map(|sides| Op::Cut { sides }),
        1 => node.clone().prop_map(|node| Op::Mute { node }),
        2 => node.clone().prop_map(|node| Op::Deafen { node }),
        1 => node.clone().prop_map(|node| Op::Break { node }),
        3 => node.prop_map(|node| Op::Mend { node }),
        1 => Just(Op::Broker { is_up: false }),
        1 => Just(Op::Broker { is_up: true }),
        2 => (0_u8..60, 0_u8..30, 1_u64..1500)
            .prop_map(|(loss, repeats, delay_ms)| Op::Network { loss, repeats, delay_ms }),
        1 => Just(Op::Network { loss: 0, repeats: 0, delay_ms: 5 }),
    ]
}

/// How a run is set up, and what happens in it.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) seed: u64,
    pub(super) lanes: u16,
    pub(super) ring_bytes: usize,
    /// How far each wall clock is off, in milliseconds.
    pub(super) skews: Vec<i64>,
    pub(super) ops: Vec<Op>,
}

pub(super) fn run() -> impl Strategy<Value = Run> {
    let lanes = prop_oneof![Just(1), Just(4), Just(64)];
    let ring_bytes = prop_oneof![Just(0_usize), Just(2048), Just(1 << 20)];
    let skews = vec(-20_000_i64..20_000, SERVERS);
    (proptest::num::u64::ANY, lanes, ring_bytes, skews, vec(op(), 1..50))
        .prop_map(|(seed, lanes, ring_bytes, skews, ops)| Run { seed, lanes, ring_bytes, skews, ops })
}
