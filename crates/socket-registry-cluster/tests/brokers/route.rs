//! A broker of two servers that lose each other. No client notices.

use crate::faults::SLACK;
use crate::fleet::{Process, marked, refreshed, report, stale, until};
use crate::node::{BEAT, SPREAD, TTL, USERS};
use crate::proxy::Proxy;
use crate::server::{Kind, Server, free_port};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread::sleep;
use std::time::Duration;

/// Two servers that pass on to each other what is published, over proxies alone.
fn pair(kind: Kind) -> ([Server; 2], Vec<Proxy>) {
    match kind {
        Kind::Nats => {
            let route = free_port();
            let between = Proxy::to(route);
            let cluster = ["--cluster_name", "faults", "--no_advertise", "--cluster"];
            let first = Server::start_with(kind, &[&cluster[..], &[&format!("nats://127.0.0.1:{route}")]].concat());
            let own = format!("nats://127.0.0.1:{}", free_port());
            let other = format!("nats://127.0.0.1:{}", between.port());
            let second = Server::start_with(kind, &[&cluster[..], &[&own, "--routes", &other]].concat());
            ([first, second], vec![between])
        }
        Kind::Redis => {
            // Each connects to the other at the port that it announces.
            let buses = [(); 2].map(|()| free_port());
            let between = buses.map(Proxy::to);
            let servers = [0, 1].map(|server| {
                let [bus, announced] = [buses[server], between[server].port()].map(|port| port.to_string());
                let ports = ["--cluster-port", &bus, "--cluster-announce-bus-port", &announced];
                Server::start_with(kind, &[&["--cluster-enabled", "yes"][..], &ports].concat())
            });
            let meet = format!("CLUSTER MEET 127.0.0.1 {} {}\r\n", servers[1].port(), between[1].port());
            let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, servers[0].port())).unwrap();
            client.write_all(meet.as_bytes()).unwrap();
            let mut answer = [0; 5];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"+OK\r\n");
            (servers, between.into())
        }
    }
}

/// The route hangs, and what was on its way arrives late; or it is reset, and that is lost.
pub(crate) fn route_is_cut(kind: Kind) {
    let (brokers, between) = pair(kind);
    let mut fleet = brokers.each_ref().map(Process::server);
    for cut in [Proxy::hang, Proxy::cut] {
        until(4 * SLACK, || fleet.iter_mut().all(|server| server.number("peers") == 1));
        sleep(SPREAD + Duration::from_secs(1));
        between.iter().for_each(cut);
        fleet[0].ask(&format!("mark 0 {USERS} 1000"));
        fleet[0].ask("idle");
        let gone = until(TTL + SLACK, || fleet.iter_mut().all(|server| server.number("peers") == 0));
        assert!(fleet.iter_mut().all(|server| server.ask("hearing") == "true"), "each hears its own server");
        let marked = marked(&mut [&mut fleet[0]]);
        assert_ne!(stale(&marked, &mut fleet), 0, "the route is cut");
        between.iter().for_each(Proxy::heal);
        // The servers take their time, and the nodes begin when they hear each other.
        let took = refreshed(&marked, &mut fleet, 3 * BEAT + SPREAD + 3 * SLACK);
        report(kind, "route cut", format_args!("gone after {gone:?}, fresh {took:?} after it healed"));
    }
}
