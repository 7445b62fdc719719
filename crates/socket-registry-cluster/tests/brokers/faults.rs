//! The faults that a cluster has to survive, with real processes. `--nocapture` shows the figures.
//!
//! A socket is stale if it has not fetched since its user was marked. No fault may leave one so.

use crate::bounds::outbox_overflows;
use crate::fleet::{Process, fetches, marked, refreshed, report, servers, stale, until};
use crate::hostile::{flood, garbage_on_the_subjects, random_faults};
use crate::mixed::{clock_is_a_year_ahead, other_version_is_refused, rolling_deploy};
use crate::node::{BEAT, SPREAD, TTL, USERS};
use crate::route::route_is_cut;
use crate::server::{Kind, Server};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
/// The wall clock orders takeovers by milliseconds; within one, the node's number decides.
pub(crate) const CLOCK: Duration = Duration::from_millis(20);
/// For a machine that has other things to do.
pub(crate) const SLACK: Duration = Duration::from_secs(5);

/// Repair by replay: no more fetches than one for each mark and server, and a twentieth.
fn assert_no_herd(fetches: usize, marks: u64, servers: usize) {
    let most = marks as usize * servers * 21 / 20;
    assert!(fetches <= most, "{fetches} fetches, {most} at most");
}

/// The broker dies amid marks, and comes back 2 s later.
fn broker_is_killed(kind: Kind) {
    let mut broker = Server::start(kind);
    let mut fleet = servers::<3>(&broker);
    let before = fetches(&mut fleet);
    fleet[0].ask(&format!("mark 0 {USERS} 500"));
    sleep(SECOND);
    broker.kill();
    sleep(2 * SECOND);
    broker.restart();
    let restarted = Instant::now();
    fleet[0].ask("idle");
    let marked = marked(&mut [&mut fleet[0]]);
    refreshed(&marked, &mut fleet, 3 * BEAT + SPREAD + SLACK);
    let (took, fetched) = (restarted.elapsed(), fetches(&mut fleet) - before);
    report(kind, "broker killed", format_args!("fresh {took:?} after the restart, {fetched} fetches of {}", 3 * USERS));
    sleep(2 * SPREAD);
    assert_no_herd(fetches(&mut fleet) - before, USERS, 3);
}

/// All are cut off amid marks, and come back in either order.
fn nodes_come_back_in_either_order(kind: Kind) {
    let broker = Server::start(kind);
    for order in [[0, 1], [1, 0]] {
        let mut fleet = servers::<2>(&broker);
        let before = fetches(&mut fleet);
        fleet[0].ask(&format!("mark 0 {USERS} 1000"));
        sleep(SECOND / 2);
        fleet.iter().for_each(|server| server.proxy.cut());
        sleep(SECOND);
        for server in order {
            fleet[server].proxy.heal();
            sleep(SECOND);
        }
        fleet[0].ask("idle");
        let marked = marked(&mut [&mut fleet[0]]);
        let took = refreshed(&marked, &mut fleet, 3 * BEAT + SPREAD + SLACK);
        let fetched = fetches(&mut fleet) - before;
        report(
            kind,
            "reconnect order",
            format_args!("{order:?}: fresh {took:?} later, {fetched} fetches of {}", 2 * USERS),
        );
    }
}

/// The broker is stopped while marks go on. Local sockets notice nothing, and memory stays.
fn broker_hangs(kind: Kind) {
    let broker = Server::start(kind);
    let mut fleet = servers::<2>(&broker);
    let before = fleet[0].resident();
    broker.pause();
    fleet[0].ask("mark 0 150000 5000"); // for 30 s
    fleet[0].ask("idle");
    let marked = marked(&mut [&mut fleet[0]]);
    refreshed(&marked, &mut fleet[..1], SECOND);
    let grown = fleet[0].resident().saturating_sub(before);
    broker.resume();
    let took = refreshed(&marked, &mut fleet, 3 * BEAT + SPREAD + SLACK);
    report(kind, "broker hangs", format_args!("+{grown} KiB, fresh {took:?} after it went on"));
    assert!(grown <= 16 << 10, "{grown} KiB more");
}

fn broker_comes_late(kind: Kind) {
    let mut broker = Server::absent(kind);
    let mut server = Process::start(&broker, "server");
    server.ask("open");
    server.ask("mark 0 100 1000");
    server.ask("idle");
    let marks = marked(&mut [&mut server]);
    let mut fleet = [server];
    refreshed(&marks, &mut fleet, SECOND);
    assert_eq!(fleet[0].ask("hearing"), "false");
    broker.restart();
    let begin = Instant::now();
    assert_eq!(fleet[0].ask("joined"), "true");
    report(kind, "broker comes late", format_args!("joined {:?} after it came", begin.elapsed()));
    assert!(begin.elapsed() <= 5 * BEAT + SLACK);
}

/// A connection that lets nothing through and does not say so, for longer than a node may be
/// silent.
fn connection_hangs(kind: Kind) {
    let broker = Server::start(kind);
    let mut fleet = servers::<3>(&broker);
    fleet[2].proxy.hang();
    fleet[0].ask(&format!("mark 0 {USERS} 1000"));
    let gone = until(TTL + SLACK, || fleet[0].number("peers") == 1);
    sleep(TTL);
    assert_eq!(fleet[2].ask("hearing"), "false");
    assert_eq!(fleet[2].number("peers"), 2, "the deaf judge nobody");
    fleet[0].ask("idle");
    let marked = marked(&mut [&mut fleet[0]]);
    refreshed(&marked, &mut fleet[..2], SECOND);
    fleet[2].proxy.heal();
    let took = refreshed(&marked, &mut fleet, 3 * BEAT + SPREAD + SLACK);
    until(SLACK, || fleet[0].number("peers") == 2);
    report(kind, "connection hangs", format_args!("gone after {gone:?}, fresh {took:?} after it healed"));
}

/// As when a firewall forgets a connection: it is dead for good, and neither end knows. The node
/// makes a new one.
fn connection_is_dead(kind: Kind) {
    let broker = Server::start(kind);
    let mut fleet = servers::<2>(&broker);
    fleet[1].proxy.kill_connections();
    fleet[0].ask(&format!("mark 0 {USERS} 1000"));
    fleet[0].ask("idle");
    let marked = marked(&mut [&mut fleet[0]]);
    let took = refreshed(&marked, &mut fleet, 5 * BEAT + 3 * BEAT + SPREAD + SLACK);
    report(kind, "connection dead", format_args!("fresh {took:?} after the last mark"));
    until(SLACK, || fleet[1].ask("hearing") == "true");
}

/// What it had not sent is with nobody: everything is due.
fn publisher_dies_in_an_outage(kind: Kind) {
    let mut broker = Server::start(kind);
    let mut fleet = servers::<2>(&broker);
    let mut worker = Process::worker(&broker);
    until(SLACK, || fleet[0].number("peers") == 2);
    worker.ask("mark 0 500 1000");
    worker.ask("idle");
    broker.kill();
    worker.ask("mark 500 1000 1000");
    worker.ask("idle");
    let marked = marked(&mut [&mut worker]);
    drop(worker);
    sleep(SECOND);
    broker.restart();
    let took = refreshed(&marked, &mut fleet, TTL + SPREAD + 3 * BEAT + SLACK);
    report(kind, "publisher dies in an outage", format_args!("fresh {took:?} after the restart"));
}

fn worker_comes_and_goes_while_a_node_is_deaf(kind: Kind) {
    let broker = Server::start(kind);
    let mut fleet = servers::<2>(&broker);
    fleet[1].proxy.hang();
    until(TTL + SLACK, || fleet[0].number("peers") == 0);
    let mut worker = Process::worker(&broker);
    worker.ask("mark 0 100 1000");
    worker.ask("idle");
    assert_eq!(worker.ask("settled"), "true");
    worker.ask("leave");
    let marked = marked(&mut [&mut worker]);
    drop(worker);
    fleet[1].proxy.cut();
    sleep(SECOND / 2);
    fleet[1].proxy.heal();
    let took = refreshed(&marked, &mut fleet, 6 * BEAT + SPREAD + SLACK);
    report(kind, "worker comes and goes", format_args!("fresh {took:?} after the node was back"));
}

/// That one's own beat comes back is not enough: a worker stays until the deaf have heard it, too.
/// Then it leaves, before they can ask it for anything more.
fn settled_waits_for_the_deaf(kind: Kind) {
    const DEAF: Duration = Duration::from_secs(3);
    let broker = Server::start(kind);
    let mut fleet = servers::<3>(&broker);
    let mut worker = Process::worker(&broker);
    fleet[2].proxy.cut();
    worker.ask(&format!("mark 0 {USERS} 4000"));
    worker.ask("idle");
    let marked = marked(&mut [&mut worker]);
    assert_ne!(stale(&marked, &mut fleet[2..]), 0, "it is deaf");
    let begin = Instant::now();
    let settled = scope(|scope| {
        scope.spawn(|| {
            sleep(DEAF);
            fleet[2].proxy.heal();
        });
        assert_eq!(worker.ask("settled"), "true");
        begin.elapsed()
    });
    worker.ask("leave");
    drop(worker);
    assert!(settled >= DEAF, "settled after {settled:?}, when one had not heard it");
    let took = refreshed(&marked, &mut fleet, 6 * BEAT + SPREAD + SLACK);
    report(kind, "settled waits", format_args!("{settled:?}, fresh {took:?} after the worker left"));
}

fn node_is_killed_leaves_and_restarts(kind: Kind) {
    let broker = Server::start(kind);
    let [mut a, b, mut c] = servers::<3>(&broker);
    drop(b);
    let killed = until(TTL + SLACK, || a.number("peers") == 1);
    c.ask("leave");
    let left = until(SLACK, || a.number("peers") == 0);
    drop(c);
    let mut again = Process::server(&broker);
    a.ask("mark 0 2000 5000");
    a.ask("idle");
    let marks = marked(&mut [&mut a]);
    let mut fleet = [a, again];
    refreshed(&marks, &mut fleet, SLACK);
    [_, again] = fleet;
    assert_eq!(again.number("peers"), 1);
    report(kind, "node killed, node left", format_args!("gone after {killed:?}, after {left:?}"));
    assert!(left < SECOND, "it says that it leaves: {left:?}");
    assert!(killed >= TTL - BEAT, "only silence says that it is gone: {killed:?}");
}

/// Stopped and continued, for less and for more than a node may be silent.
fn node_is_paused(kind: Kind) {
    let broker = Server::start(kind);
    let mut fleet = servers::<2>(&broker);
    for pause in [3 * SECOND, 30 * SECOND] {
        fleet[1].signal("STOP");
        fleet[0].ask(&format!("mark 0 {USERS} 4000"));
        fleet[0].ask("idle");
        sleep(pause);
        if pause > TTL {
            until(SLACK, || fleet[0].number("peers") == 0);
        }
        fleet[1].signal("CONT");
        let marked = marked(&mut [&mut fleet[0]]);
        let took = refreshed(&marked, &mut fleet, 3 * BEAT + SPREAD + SLACK);
        until(SLACK, || fleet[0].number("peers") == 1);
        report(kind, "node paused", format_args!("fresh {took:?} after {pause:?}"));
    }
}

/// One is live while the broker is there, one on each side while it is not, one afterwards.
fn takeovers_with_the_broker_killed_in_between(kind: Kind) {
    const SINGLE: &str = "take 100000";
    let mut broker = Server::start(kind);
    let [mut a, mut b] = [(); 2].map(|()| Process::start(&broker, "server"));
    for server in [&mut a, &mut b] {
        assert_eq!(server.ask("joined"), "true");
    }
    let live = |a: &mut Process, b: &mut Process| (a.number("sockets"), b.number("sockets"));
    a.ask(SINGLE);
    sleep(CLOCK);
    b.ask(SINGLE);
    until(SLACK, || live(&mut a, &mut b) == (0, 1));
    broker.kill();
    a.ask(SINGLE);
    assert_eq!(live(&mut a, &mut b), (1, 1));
    sleep(CLOCK);
    b.ask(SINGLE);
    sleep(SECOND);
    broker.restart();
    let took = until(3 * BEAT + SPREAD + SLACK, || live(&mut a, &mut b) == (0, 1));
    sleep(2 * SECOND);
    assert_eq!(live(&mut a, &mut b), (0, 1), "never zero");
    report(kind, "takeovers", format_args!("one is live {took:?} after the restart"));
}

fn log_out_during_a_partition(kind: Kind) {
    let broker = Server::start(kind);
    let mut fleet = servers::<2>(&broker);
    fleet[1].proxy.cut();
    fleet[0].ask("disconnect 7");
    sleep(SECOND);
    assert_eq!(fleet[1].number("sockets"), USERS as usize);
    fleet[1].proxy.heal();
    let took = until(3 * BEAT + SPREAD + SLACK, || fleet[1].number("sockets") == USERS as usize - 1);
    report(kind, "log-out in a partition", format_args!("told {took:?} after it healed"));
}

/// The broker drops a connection that takes too little.
fn subscriber_is_too_slow(kind: Kind) {
    let config = std::env::temp_dir().join(format!("cluster-slow-{}-{kind:?}", std::process::id()));
    std::fs::write(&config, "max_pending: 131072\nmax_payload: 131072\n").unwrap();
    let (arguments, complaint) = match kind {
        Kind::Nats => (["--config", config.to_str().unwrap()], "Slow Consumer"),
        Kind::Redis => (["--client-output-buffer-limit", "pubsub 65536 0 0"], "output buffer limits"),
    };
    let broker = Server::start_with(kind, &arguments);
    let mut fleet = servers::<2>(&broker);
    fleet[1].proxy.hang();
    // More than the kernel's buffers hold.
    flood(&broker, 400);
    fleet[0].ask(&format!("mark 0 {USERS} 4000"));
    fleet[0].ask("idle");
    let marked = marked(&mut [&mut fleet[0]]);
    assert!(broker.has_logged(complaint), "the broker has dropped it");
    fleet[1].proxy.heal();
    let took = refreshed(&marked, &mut fleet, 3 * BEAT + SPREAD + 2 * SLACK);
    report(kind, "subscriber too slow", format_args!("fresh {took:?} after it went on"));
    std::fs::remove_file(config).unwrap();
}

/// Without a fault nothing is stale and nothing is fetched twice, also at a rate that gathers.
fn no_fault(kind: Kind) {
    let broker = Server::start(kind);
    let mut fleet = servers::<3>(&broker);
    let mut worker = Process::worker(&broker);
    let before = fetches(&mut fleet);
    worker.ask(&format!("mark 0 {USERS} 20000"));
    worker.ask("idle");
    assert_eq!(worker.ask("settled"), "true");
    let marked = marked(&mut [&mut worker]);
    assert_eq!(stale(&marked, &mut fleet), 0, "settled is settled");
    let fetched = fetches(&mut fleet) - before;
    report(kind, "no fault", format_args!("{fetched} fetches of {}", 3 * USERS));
    assert_eq!(fetched, 3 * USERS as usize);
}

macro_rules! rows {
    ($($row:ident)*) => {
        mod nats {
            rows! { @tests super::Kind::Nats; $($row)* }
        }
        mod redis {
            rows! { @tests super::Kind::Redis; $($row)* }
        }
    };
    (@tests $kind:expr; $($row:ident)*) => {
        $(#[test] fn $row() { super::$row($kind); })*
        rows! { @random $kind; random_faults_1 1 random_faults_2 2 random_faults_3 3 random_faults_4 4 random_faults_5 5 }
    };
    (@random $kind:expr; $($name:ident $seed:literal)*) => {
        $(#[test] fn $name() { super::random_faults($kind, $seed); })*
    };
}

rows! {
    no_fault
    broker_is_killed
    nodes_come_back_in_either_order
    broker_hangs
    broker_comes_late
    connection_hangs
    connection_is_dead
    publisher_dies_in_an_outage
    worker_comes_and_goes_while_a_node_is_deaf
    settled_waits_for_the_deaf
    node_is_killed_leaves_and_restarts
    node_is_paused
    takeovers_with_the_broker_killed_in_between
    log_out_during_a_partition
    route_is_cut
    garbage_on_the_subjects
    subscriber_is_too_slow
    outbox_overflows
    rolling_deploy
    other_version_is_refused
    clock_is_a_year_ahead
}
