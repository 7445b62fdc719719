//! Fleets of up to 1,000 nodes: what their messages cost, what a node holds of the others, and how
//! soon one that was cut off has made up for it. docs/CLUSTER.md has the table, which this prints:
//!
//! `cargo test --release -p socket-registry-cluster --lib thousand_nodes -- --ignored --nocapture`

use super::node::config;
use super::ops::{Op, Run};
use super::traffic::Sum;
use super::world::{Setup, World};
use crate::engine::{Config, Engine, Time};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const STEP_MS: u64 = 20;
const LANES: u16 = 16;
/// Marks that share a message where many are made, and marks a second where each has its own.
const GATHERED: u64 = 256;
const RATE: u64 = 1000;
/// Users of the node that is cut off. Each is marked once meanwhile, by another node.
const USERS: u8 = 200;
/// How long it is cut off, in beats. From two and a half on it has to ask for history.
const CUT: u32 = 3;

/// What a fleet of one size has shown.
struct Figures {
    nodes: usize,
    beat: Duration,
    /// All beats of `QUIET` beats' time.
    beats: Sum,
    /// Marks with a message each, and gathered: what was sent of them, and how many they were.
    alone: (Sum, u64),
    gathered: (Sum, u64),
    /// What a node holds for each other one, in bytes.
    peer: Option<u64>,
    /// How long after its return the node that was cut off had nothing stale, and had no question
    /// left.
    fresh: Duration,
    whole: Duration,
    /// What nodes sent to each other from its return until two beats after that.
    repair: Sum,
    /// How long `settled` took with no mark on its way, and what it cost.
    settled: Duration,
    confirmations: Sum,
}

/// For how many beats nothing but beats is sent.
const QUIET: u32 = 2;

fn beat_of(nodes: usize) -> Duration {
    SECOND.max(Duration::from_millis(5) * nodes as u32)
}

/// The nodes have joined. Their beats are spread over time, as they are if processes start by
/// themselves.
fn fleet(nodes: usize, beat: Duration) -> World {
    let run = Run { seed: 7, lanes: LANES, ring_bytes: 8 << 20, skews: Vec::new(), ops: Vec::new() };
    let mut world = World::empty(run, None, Setup { servers: nodes, beat, presence: false });
    for node in 0..nodes {
        while world.now < beat * node as u32 / nodes as u32 {
            world.wait(STEP_MS);
        }
        world.start(node);
        world.nodes[node].as_mut().expect("it lives").engine.set_counts(100_000, 110_000);
    }
    wait(&mut world, beat * 4);
    assert!((0..nodes).all(|node| world.node(node).engine.is_joined()));
    world
}

fn wait(world: &mut World, time: Duration) {
    world.wait(time.as_millis() as u64);
}

/// Marks of users who are nowhere, as most are on most nodes: `markers` of the nodes below `nodes`
/// make a batch each, then time passes. Returns how many there were.
fn load(world: &mut World, nodes: usize, (steps, markers, together): (u64, u64, u64)) -> u64 {
    for step in 0..steps {
        for marker in step * markers..(step + 1) * markers {
            let now = world.now;
            let node = world.nodes[marker as usize % nodes].as_mut().expect("it lives");
            for mark in marker * together..(marker + 1) * together {
                node.engine.mark(&mark.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes(), 1);
            }
            node.engine.flush(node.time(now));
        }
        world.wait(STEP_MS);
    }
    steps * markers * together
}

fn measure(nodes: usize) -> Figures {
    let beat = beat_of(nodes);
    let (before, others) = (resident(), (nodes * (nodes - 1)) as u64);
    let mut world = fleet(nodes, beat);
    // Of few nodes it may be memory that was freed before.
    let peer =
        before.zip(resident()).filter(|_| nodes > 100).map(|(before, after)| after.saturating_sub(before) / others);

    let before = world.traffic;
    wait(&mut world, beat * QUIET);
    let beats = world.traffic.beats - before.beats;

    let before = world.traffic.marks;
    let singles = load(&mut world, nodes, (100, RATE * STEP_MS / 1000, 1));
    let between = world.traffic.marks;
    let gathered = load(&mut world, nodes, (20, 1, GATHERED * u64::from(LANES)));
    world.wait(STEP_MS);
    let (alone, gathered) = ((between - before, singles), (world.traffic.marks - between, gathered));
    for node in 0..nodes {
        let stats = world.node(node).engine.stats();
        assert_eq!(stats.marks_received + stats.marks_sent, alone.1 + gathered.1, "each mark arrives once");
    }

    let (before, begin) = (world.traffic.direct, world.now);
    world.step(&Op::Settle { node: 0 });
    until(&mut world, begin + beat * 2, |world| world.node(0).has_settled());
    let (settled, confirmations) = (world.now - begin, world.traffic.direct - before);

    let cut = nodes - 1;
    cut_off(&mut world, cut);
    let (before, back) = (world.traffic.direct, world.now);
    // Three beats, and the spread of what is not sent again.
    let bound = back + beat * 3 + world.node(cut).config.spread;
    until(&mut world, bound, |world| faults(world, cut).iter().all(|fault| !fault.contains("stale")));
    let fresh = world.now - back;
    until(&mut world, bound, |world| faults(world, cut).is_empty());
    let whole = world.now - back;
    wait(&mut world, beat * 2);
    let repair = world.traffic.direct - before;
    assert_eq!(world.faults(), Vec::<String>::new());
    for node in 0..nodes {
        let stats = world.node(node).engine.stats();
        assert_eq!((stats.full_repairs, stats.lane_repairs), (1, 0), "that at joining, and replays suffice: {stats:?}");
    }
    assert_eq!(world.node(cut).fetches, u64::from(USERS), "one for each mark");
    Figures { nodes, beat, beats, alone, gathered, peer, fresh, whole, repair, settled, confirmations }
}

/// The node loses its connection without a notice, while its users are marked.
fn cut_off(world: &mut World, cut: usize) {
    (0..USERS).for_each(|key| world.step(&Op::Register { node: cut, key }));
    world.step(&Op::Mute { node: cut });
    let steps = beat_of(cut + 1).as_millis() as u64 * u64::from(CUT) / STEP_MS;
    let mut marked = 0;
    for step in 1..=steps {
        while u64::from(marked) * steps < step * u64::from(USERS) {
            world.step(&Op::Mark { node: usize::from(marked) % cut, key: marked });
            marked += 1;
        }
        load(world, cut, (1, 1, 1));
    }
    assert!(!faults(world, cut).is_empty());
    world.step(&Op::Mend { node: cut });
}

fn faults(world: &World, node: usize) -> Vec<String> {
    world.node(node).faults(&world.truth)
}

fn until(world: &mut World, limit: Duration, is_so: impl Fn(&World) -> bool) {
    while !is_so(world) {
        assert!(world.now < limit, "{:?}: {:?}", world.now, world.faults());
        world.wait(STEP_MS);
    }
}

/// What the process has in memory, on Linux.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}

/// A full ring of 8 MiB, and what it takes, if so many marks share a message.
fn full_ring(marks: u64) -> (Engine, Option<u64>) {
    let (before, time) = (resident(), Time { since_start: Duration::ZERO, wall_ms: 0 });
    let mut engine = Engine::new(Config { ring_bytes: 8 << 20, ..config(1, 1, true, None) }, time);
    let (mut next, mut kept) = (0_u64, 0);
    // It is full when a message more does not make it larger.
    while kept < engine.ring.bytes() || kept == 0 {
        kept = engine.ring.bytes();
        for _ in 0..marks {
            next += 1;
            engine.mark(&next.to_le_bytes(), 1);
        }
        engine.flush(time);
        engine.actions().for_each(drop);
    }
    let taken = before.zip(resident()).and_then(|(before, after)| after.checked_sub(before));
    (engine, taken)
}

impl Figures {
    fn per_second(&self, sum: u64) -> f64 {
        sum as f64 / (self.beat * QUIET).as_secs_f64()
    }

    /// The bytes that each node gets of a mark, over NATS and over Redis.
    fn mark(&self, (sum, marks): (Sum, u64)) -> [f64; 2] {
        [sum.nats, sum.redis].map(|bytes| bytes as f64 / (marks * self.nodes as u64) as f64)
    }

    /// A row for each subject: what it is, what was found, what was to be expected.
    fn column(&self) -> Vec<String> {
        let beat = |bytes: u64| bytes as f64 / self.beats.messages as f64;
        let into_a_node = |sum: u64| self.per_second(sum) / self.nodes as f64;
        let both = |values: [f64; 2]| format!("{:.1}, {:.1}", values[0], values[1]);
        let at_1_gb = |bytes: [f64; 2]| format!("{:.0}", 1e9 / (bytes[0] * self.nodes as f64));
        let bytes = |bytes: f64| match bytes {
            10_000_000.0.. => format!("{:.0} MB", bytes / 1e6),
            10_000.0.. => format!("{:.0} kB", bytes / 1e3),
            _ => format!("{bytes:.0} B"),
        };
        vec![
            format!("{} s", self.beat.as_secs_f64()),
            format!("{:.0}, {:.0}, {:.0}", beat(self.beats.payload), beat(self.beats.nats), beat(self.beats.redis)),
            format!("{:.0}", into_a_node(self.beats.messages)),
            bytes(into_a_node(self.beats.nats)),
            bytes(self.per_second(self.beats.nats)),
            both(self.mark(self.alone)),
            both(self.mark(self.gathered)),
            at_1_gb(self.mark(self.alone)),
            at_1_gb(self.mark(self.gathered)),
            self.peer.map_or("-".into(), |peer| bytes(peer as f64)),
            format!("{:.2} s", self.fresh.as_secs_f64()),
            format!("{:.2} s", self.whole.as_secs_f64()),
            self.repair.messages.to_string(),
            bytes(self.repair.nats as f64),
            format!("{:.2} s", self.settled.as_secs_f64()),
            self.confirmations.messages.to_string(),
        ]
    }
}

const ROWS: [&str; 16] = [
    "time from beat to beat",
    "a beat in bytes: its message, over NATS, over Redis",
    "beats into a node, in a second",
    "the same in bytes, over NATS",
    "beats out of the brokers, in a second",
    "a mark alone in a message: bytes over NATS, Redis",
    "a mark among 256 in a message: the same",
    "marks/s of 1 GB/s out of NATS, alone in messages",
    "the same, 256 in a message",
    "memory for each other node",
    "cut off for 3 beats: after its return nothing stale",
    "the same, and every question answered",
    "messages from node to node for that",
    "the same in bytes",
    "`settled` after",
    "confirmations for that",
];

/// Prints the figures for fleets of these sizes, a column each.
fn print(sizes: &[usize]) {
    // First, and one beside the other: memory that was freed would be used again.
    let ((_kept, alone), (_kept_too, gathered)) = (full_ring(1), full_ring(GATHERED));
    let mib = |bytes: Option<u64>| bytes.map_or("-".into(), |bytes| format!("{:.1} MiB", bytes as f64 / 1_048_576.0));
    println!("\nA full ring of 8 MiB: {} with a mark a message, {} with {GATHERED}.\n", mib(alone), mib(gathered));
    let figures: Vec<_> = sizes.iter().map(|nodes| measure(*nodes)).collect();
    let columns: Vec<_> = figures.iter().map(Figures::column).collect();
    let line = |cells: &[String]| println!("| {} |", cells.join(" | "));
    let sizes = sizes.iter().map(|nodes| format!("{nodes} nodes"));
    line(&Vec::from_iter([String::new()].into_iter().chain(sizes)));
    println!("|---|{}", "--:|".repeat(columns.len()));
    for (row, subject) in ROWS.iter().enumerate() {
        let cells = columns.iter().map(|column| column[row].clone());
        line(&Vec::from_iter([(*subject).to_owned()].into_iter().chain(cells)));
    }
}

/// Every node hears every mark once, nobody stays stale, and no byte is sent that the formulas of
/// docs/CLUSTER.md do not have.
#[test]
fn fifty_nodes_send_and_repair_what_the_formulas_say() {
    let figures = measure(50);
    assert_eq!(figures.beats.messages, 50 * 50 * u64::from(QUIET));
    let beat = |bytes: u64| bytes / figures.beats.messages;
    assert!(beat(figures.beats.payload) <= 50 + u64::from(LANES), "{:?}", figures.beats);
    for ((sum, marks), together) in [(figures.alone, 1.0), (figures.gathered, GATHERED as f64)] {
        let [nats, redis] = figures.mark((sum, marks));
        assert!(nats <= 9.0 + 60.0 / together && redis <= 9.0 + 100.0 / together, "{nats} {redis}");
    }
    assert!(figures.fresh <= figures.beat * 3 / 2, "{:?}", figures.fresh);
    assert!(figures.settled <= Duration::from_millis(100), "{:?}", figures.settled);
    assert_eq!(figures.confirmations.messages, 49);
}

/// What many actions took is given back with the next tick.
#[test]
fn a_burst_of_actions_leaves_no_room_behind() {
    let time = Time { since_start: Duration::ZERO, wall_ms: 0 };
    let mut engine = Engine::new(config(1, LANES, true, None), time);
    for key in 0..5000_u64 {
        engine.mark(&key.to_le_bytes(), 1);
        engine.flush(time);
    }
    engine.actions().for_each(drop);
    assert!(engine.actions.capacity() >= 5000);
    engine.tick(time);
    assert!(engine.actions.capacity() < 2000);
}

#[test]
#[ignore = "takes a minute and 1.2 GB: for docs/CLUSTER.md"]
fn thousand_nodes() {
    print(&[4, 100, 1000]);
}
