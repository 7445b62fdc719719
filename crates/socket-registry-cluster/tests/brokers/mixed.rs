//! Nodes that are not alike: of two versions, or with clocks that are far apart.

use crate::disguise::Disguise;
use crate::faults::{CLOCK, SLACK};
use crate::fleet::{Process, fetches, marked, refreshed, report, servers, stale, until};
use crate::node::{BEAT, SPREAD, USERS};
use crate::server::{Kind, Server};
use std::thread::sleep;
use std::time::Instant;

/// What the repair of a lane counts as, and a message that is refused.
const LANES: &str = "total repairs lane";
const REFUSED: &str = "total messages_refused bad";

/// Node by node the next version takes the place of this one, while marks go on.
pub(crate) fn rolling_deploy(kind: Kind) {
    let broker = Server::start(kind);
    let mut fleet = servers::<3>(&broker);
    let mut worker = Process::worker(&broker);
    worker.ask("mark 0 15000 1000");
    let mut longest = BEAT;
    for server in 0..3 {
        assert_eq!(fleet[server].number(LANES), 0);
        fleet[server].ask("leave");
        let begin = Instant::now();
        fleet[server] = Process::server_as(&broker, Disguise::Newer);
        longest = longest.max(begin.elapsed());
        until(SLACK, || fleet.iter_mut().all(|server| server.number("peers") == 3));
        // The others are of both versions, but for the last time.
        fleet[server].ask(&format!("mark 0 {USERS} 4000"));
        fleet[server].ask("idle");
        assert_eq!(fleet[server].ask("settled"), "true");
        let marked = marked(&mut [&mut fleet[server]]);
        assert_eq!(stale(&marked, &mut fleet), 0, "settled is settled");
        let old = server + 1..3;
        until(SLACK, || fleet[old.clone()].iter_mut().all(|server| server.number(REFUSED) != 0));
    }
    worker.ask("idle");
    worker.ask(&format!("mark 0 {USERS} 4000"));
    worker.ask("idle");
    assert_eq!(worker.ask("settled"), "true");
    let marked = marked(&mut [&mut worker]);
    assert_eq!(stale(&marked, &mut fleet), 0, "settled is settled");
    assert!(fleet.iter_mut().all(|server| server.number(LANES) == 0), "no lane was repaired");
    assert!(longest <= 4 * BEAT + SLACK, "{longest:?} until a node has joined");
    report(kind, "rolling deploy", format_args!("joined after {longest:?} at most, no lane repaired"));
}

/// A node that sends the next version although there are nodes of this one. They count what it says
/// and do nothing, and are there for each other as before.
pub(crate) fn other_version_is_refused(kind: Kind) {
    let broker = Server::start(kind);
    let mut fleet = servers::<2>(&broker);
    let before = (fetches(&mut fleet), fleet[0].number(LANES) + fleet[1].number(LANES));
    let mut alien = Process::server_as(&broker, Disguise::Alien);
    alien.ask(&format!("mark 0 {USERS} 4000"));
    alien.ask("idle");
    alien.ask("disconnect 7");
    // Each mark has a message or shares one, and the log-out comes last.
    until(SLACK, || fleet.iter_mut().all(|server| server.number(REFUSED) > 10));
    sleep(3 * BEAT);
    let after = (fetches(&mut fleet), fleet[0].number(LANES) + fleet[1].number(LANES));
    assert_eq!(after, before, "nothing of it is acted on, and nothing of it is missing");
    for server in &mut fleet {
        assert_eq!((server.number("sockets"), server.number("peers")), (USERS as usize, 1));
    }
    fleet[0].ask(&format!("mark 0 {USERS} 4000"));
    fleet[0].ask("idle");
    assert_eq!(fleet[0].ask("settled"), "true");
    let marked = marked(&mut [&mut fleet[0]]);
    assert_eq!(stale(&marked, &mut fleet), 0, "settled is settled");
    report(kind, "other version", format_args!("{} messages refused", fleet[0].number(REFUSED)));
}

/// What it says of times is not believed; its marks and log-outs are as good as others'.
pub(crate) fn clock_is_a_year_ahead(kind: Kind) {
    const SINGLE: &str = "take 100000";
    const NOT_BELIEVED: &str = "total messages_refused clock";
    let broker = Server::start(kind);
    let disguises = [Disguise::Plain, Disguise::Plain, Disguise::Ahead];
    let mut fleet = disguises.map(|disguise| Process::server_as(&broker, disguise));
    until(SLACK, || fleet.iter_mut().all(|server| server.number("peers") == 2));
    for marker in 0..3 {
        fleet[marker].ask(&format!("mark 0 {USERS} 4000"));
        fleet[marker].ask("idle");
        assert_eq!(fleet[marker].ask("settled"), "true");
        let marked = marked(&mut [&mut fleet[marker]]);
        refreshed(&marked, &mut fleet, SLACK);
    }
    let live = |fleet: &mut [Process; 3]| fleet.each_mut().map(|server| server.number("sockets") - USERS as usize);
    fleet[2].ask(SINGLE);
    fleet[0].ask(SINGLE);
    sleep(CLOCK);
    fleet[1].ask(SINGLE);
    until(SLACK, || live(&mut fleet) == [0, 1, 1]);
    fleet[2].ask(SINGLE);
    sleep(CLOCK);
    fleet[0].ask(SINGLE);
    until(SLACK, || live(&mut fleet) == [1, 0, 1]);
    sleep(3 * BEAT + SPREAD);
    assert_eq!(live(&mut fleet), [1, 0, 1], "the takeovers of the others are as ever");
    for server in &mut fleet[..2] {
        assert_ne!(server.number(NOT_BELIEVED), 0);
        assert_eq!(server.number(REFUSED), 0);
    }
    fleet[2].ask("disconnect 7");
    until(SLACK, || fleet[0].number("sockets") == USERS as usize);
    report(kind, "clock a year ahead", format_args!("{} stamps not believed", fleet[0].number(NOT_BELIEVED)));
}
