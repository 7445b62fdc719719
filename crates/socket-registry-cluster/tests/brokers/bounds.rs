//! More than there is room for.

use crate::faults::SLACK;
use crate::fleet::{marked, refreshed, report, servers, until};
use crate::node::{BEAT, SPREAD, USERS};
use crate::server::{Kind, Server};
use std::time::Duration;

/// The outbox holds 65,536 users.
const STRANGERS: u64 = 1_000_000;
/// What a node may take more than before, in KiB: its outbox, its ring, and what waits for the
/// broker, with what the allocator keeps. All of the strangers would take five times that.
const ROOM: u64 = 16 << 10;

/// The broker is away, and so many users are marked meanwhile that the last find no room. They are
/// the ones with sockets.
pub(crate) fn outbox_overflows(kind: Kind) {
    let mut broker = Server::start(kind);
    let mut fleet = servers::<2>(&broker);
    let before = fleet[0].resident();
    broker.kill();
    until(SLACK, || fleet[0].ask("hearing") == "false");
    fleet[0].ask(&format!("strangers {STRANGERS}"));
    fleet[0].ask(&format!("mark 0 {USERS} 100000"));
    fleet[0].ask("idle");
    let marked = marked(&mut [&mut fleet[0]]);
    refreshed(&marked, &mut fleet[..1], Duration::from_secs(1));
    let grown = fleet[0].resident().saturating_sub(before);
    assert!(grown <= ROOM, "{grown} KiB more");
    broker.restart();
    let took = refreshed(&marked, &mut fleet, 3 * BEAT + SPREAD + SLACK);
    report(kind, "outbox overflows", format_args!("+{grown} KiB, fresh {took:?} after the restart"));
    until(SLACK, || fleet[0].number("total overflows") != 0);
    until(SLACK, || fleet[1].number("total repairs lane") != 0);
    assert_eq!(fleet[0].ask("settled"), "true");
}
