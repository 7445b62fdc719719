//! Single faults, and what must come of each; with its repair left out it must not.

use super::ops::{KEYS, Op, Run};
use super::world::World;
use crate::engine::config::Repair;

fn world(without: Option<Repair>) -> World {
    let run = Run { seed: 7, lanes: 64, ring_bytes: 1 << 20, skews: Vec::new(), ops: Vec::new() };
    World::new(run, without)
}

fn play(world: &mut World, ops: &[Op]) {
    ops.iter().for_each(|op| world.step(op));
}

/// Marks every 10 ms for four seconds.
fn mark_for_a_while(world: &mut World) {
    for n in 0..400_usize {
        play(world, &[Op::Mark { node: n % 2, key: (n % 5) as u8 }, Op::Wait { ms: 10 }]);
    }
}

#[test]
fn a_broker_killed_for_two_seconds_costs_no_fetch_more() {
    let fetches = |without, outage: bool| {
        let mut world = world(without);
        mark_for_a_while(&mut world);
        play(&mut world, &[Op::Broker { is_up: !outage }]);
        (0..200_usize).for_each(|n| play(&mut world, &[Op::Mark { node: n % 3, key: 1 }, Op::Wait { ms: 10 }]));
        play(&mut world, &[Op::Broker { is_up: true }, Op::Wait { ms: 2500 }]);
        // The neighbours are still asked for publishers that came and left.
        let wrong = world.faults().into_iter().filter(|fault| !fault.contains("catching up"));
        assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new(), "2.5 s after the broker's restart");
        world.heal();
        world.fetches()
    };
    let undisturbed = fetches(None, false);
    assert_eq!(fetches(None, true), undisturbed);
    let mut without = world(Some(Repair::Replay));
    play(&mut without, &[Op::Broker { is_up: false }, Op::Burst { node: 0, key: 1, count: 200 }]);
    play(&mut without, &[Op::Wait { ms: 2000 }]);
    without.heal();
    assert!(without.node(1).engine.stats().lane_repairs > 0, "without replay a lane becomes due");
}

/// What a publisher has marked and not even sent, when it is killed while the broker is down.
#[test]
fn a_publisher_killed_while_all_are_deaf_makes_everything_due() {
    let sees_it = |without, outage| {
        let mut world = world(without);
        play(&mut world, &[Op::Broker { is_up: false }, Op::Mark { node: 0, key: 5 }]);
        let number = world.truth.now();
        play(&mut world, &[Op::Crash { node: 0 }, Op::Wait { ms: outage }]);
        world.heal();
        let repairs = [1, 2].map(|node| world.node(node).engine.stats().full_repairs);
        assert!(repairs.iter().all(|repairs| *repairs <= 2), "one at joining, one now: {repairs:?}");
        world.node(1).has_seen(number) && world.node(2).has_seen(number)
    };
    // The second outage lasts longer than `ttl`: a node that is deaf must not judge it gone then.
    assert!([2000, 9000].iter().all(|outage| sees_it(None, *outage)));
    assert!(!sees_it(Some(Repair::DeafJudgesNobody), 9000));
    assert!(!sees_it(Some(Repair::Everything), 2000));
}

#[test]
fn a_deaf_node_judges_nobody_gone() {
    let peers = |without| {
        let mut world = world(without);
        play(&mut world, &[Op::Mute { node: 0 }, Op::Wait { ms: 20_000 }]);
        let health = world.node(0).engine.health(world.node(0).time(world.now));
        assert!(!health.hearing);
        let others = world.node(1).engine.health(world.node(1).time(world.now));
        assert_eq!((others.hearing, others.peers), (true, 1), "the others hear, and judge it gone");
        health.peers
    };
    assert_eq!(peers(None), 2);
    assert_eq!(peers(Some(Repair::DeafJudgesNobody)), 0);
}

/// That its own beat comes back does not let a worker leave while a node is deaf.
#[test]
fn a_worker_stays_until_the_deaf_have_heard_it() {
    let stays = |without| {
        let mut world = world(without);
        play(&mut world, &[Op::Deafen { node: 1 }, Op::Worker { key: 0 }, Op::Wait { ms: 10_000 }]);
        let stays = world.nodes.iter().flatten().count() == 4;
        play(&mut world, &[Op::Mend { node: 1 }, Op::Wait { ms: 4000 }]);
        assert_eq!(world.nodes.iter().flatten().count(), 3, "it leaves when all have heard it");
        stays
    };
    assert!(stays(None));
    assert!(!stays(Some(Repair::Confirm)));
}

#[test]
fn a_worker_that_came_and_left_while_a_node_was_away_is_made_up_for() {
    let sees_it = |without, away: Op| {
        let mut world = world(without);
        play(&mut world, &[away, Op::Wait { ms: 7000 }, Op::Worker { key: 0 }, Op::Wait { ms: 9000 }]);
        assert_eq!(world.nodes.iter().flatten().count(), 3, "the worker has left");
        let number = world.truth.now();
        assert!(!world.node(1).has_seen(number));
        world.heal();
        assert_eq!(world.node(1).engine.stats().full_repairs, 1, "that at joining; its lane suffices");
        world.faults().is_empty()
    };
    for away in [Op::Mute { node: 1 }, Op::Cut { sides: 2 }, Op::Pause { node: 1 }] {
        assert!(sees_it(None, away.clone()), "{away:?}");
    }
    assert!(!sees_it(Some(Repair::History), Op::Mute { node: 1 }));
    assert!(!sees_it(Some(Repair::History), Op::Cut { sides: 2 }));
}

#[test]
fn a_node_that_was_paused_catches_up_by_replay() {
    for ms in [3000, 30_000] {
        let mut world = world(None);
        play(&mut world, &[Op::Pause { node: 2 }]);
        let marks = (0..40_u8).map(|n| Op::Mark { node: 0, key: n % KEYS });
        marks.for_each(|mark| play(&mut world, &[mark, Op::Wait { ms: 20 }]));
        play(&mut world, &[Op::Wait { ms }, Op::Resume { node: 2 }, Op::Wait { ms: 3000 }]);
        assert_eq!(world.faults(), Vec::<String>::new(), "{ms} ms");
        let stats = world.node(2).engine.stats();
        assert_eq!((stats.full_repairs, stats.lane_repairs), (1, 0), "{stats:?}");
    }
}

/// Both nodes take over while the broker is down: after it is back the later takeover has won.
#[test]
fn of_two_takeovers_around_an_outage_the_later_remains() {
    for nodes in [[0, 1], [1, 0], [2, 0]] {
        let mut world = world(None);
        play(&mut world, &[Op::Broker { is_up: false }]);
        for node in nodes {
            play(&mut world, &[Op::Takeover { node, key: 3 }, Op::Wait { ms: 40 }]);
        }
        play(&mut world, &[Op::Wait { ms: 2000 }, Op::Broker { is_up: true }, Op::Wait { ms: 2500 }]);
        let has_one = [0, 1, 2].map(|node| world.node(node).sessions.contains_key(&3));
        let expected = [0, 1, 2].map(|node| node == nodes[1]);
        assert_eq!(has_one, expected, "2.5 s after the restart");
    }
}

#[test]
fn a_node_whose_clock_is_a_year_ahead_harms_only_its_own_takeovers() {
    let year = 365 * 86_400_000;
    let run = Run { seed: 7, lanes: 4, ring_bytes: 1 << 20, skews: vec![0, 0, year], ops: Vec::new() };
    let mut world = World::new(run, None);
    play(&mut world, &[Op::Takeover { node: 0, key: 1 }, Op::Takeover { node: 2, key: 1 }, Op::Wait { ms: 1000 }]);
    assert!(world.node(0).sessions.contains_key(&1), "it is not believed");
    play(&mut world, &[Op::Takeover { node: 0, key: 2 }, Op::Wait { ms: 500 }, Op::Takeover { node: 1, key: 2 }]);
    play(&mut world, &[Op::Mark { node: 2, key: 0 }, Op::Wait { ms: 1000 }]);
    assert!(!world.node(0).sessions.contains_key(&2) && world.node(1).sessions.contains_key(&2));
    assert!(world.node(0).engine.stats().bad_stamps > 0);
    assert!([0, 1, 2].iter().all(|node| world.node(*node).engine.health(world.node(*node).time(world.now)).peers == 2));
    world.truth.claims.remove(&1);
    world.heal();
    assert_eq!(world.faults(), Vec::<String>::new(), "marks and presence do not need clocks");
}

#[test]
fn what_found_no_room_in_the_outbox_makes_every_lane_due() {
    let mut world = world(None);
    let number = world.truth.now();
    let now = world.now;
    let node = world.nodes[0].as_mut().expect("it lives");
    // Keys of no socket here: their first byte, which is all that the sockets look at, is another.
    (0..70_000_u32).for_each(|key| node.engine.mark(&(key | 1 << 31).to_be_bytes(), 1));
    node.engine.flush(node.time(now));
    world.truth.change(0, 0, false);
    world.wait(6000);
    assert!(world.node(1).has_seen(number + 1) && world.node(2).has_seen(number + 1));
    assert_eq!(world.node(0).engine.stats().overflows, 1);
}

#[test]
fn a_node_that_says_goodbye_is_gone_and_one_that_is_killed_is_gone_after_the_ttl() {
    let mut world = world(None);
    let peers = |world: &World| world.node(0).engine.health(world.node(0).time(world.now)).peers;
    play(&mut world, &[Op::Leave { node: 1 }, Op::Wait { ms: 100 }]);
    assert_eq!(peers(&world), 1);
    play(&mut world, &[Op::Crash { node: 2 }, Op::Wait { ms: 4000 }]);
    assert_eq!(peers(&world), 1, "its beats may only be late");
    play(&mut world, &[Op::Wait { ms: 2100 }]);
    assert_eq!(peers(&world), 0);
    assert_eq!(world.node(0).engine.stats().full_repairs, 1, "this node heard all along");
}
