//! Faults at random, and messages from elsewhere.

use crate::faults::SLACK;
use crate::fleet::{Process, marked, refreshed, report, servers, until};
use crate::node::{BEAT, SPREAD, TTL, USERS};
use crate::server::{Kind, Server};
use socket_registry_cluster::broker::{Broker, Message, Nats, Redis};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long faults come at random.
const RANDOM_TIME: Duration = Duration::from_secs(60);

/// Kills, stops and cuts at random, while three nodes mark all users again and again.
pub(crate) fn random_faults(kind: Kind, seed: u64) {
    let mut random = Random(seed);
    let mut broker = Server::start(kind);
    let mut fleet = servers::<3>(&broker);
    let mut worker = Process::worker(&broker);
    let end = Instant::now() + RANDOM_TIME;
    for server in &mut fleet {
        server.ask(&format!("mark 0 {} 1000", 1000 * RANDOM_TIME.as_secs()));
    }
    let mut faults = 0;
    while Instant::now() < end {
        let victim = random.below(3);
        let pause = Duration::from_millis(200 + random.below(3_000) as u64);
        match random.below(6) {
            0 => {
                broker.kill();
                sleep(pause);
                broker.restart();
            }
            1 => {
                broker.pause();
                sleep(pause);
                broker.resume();
            }
            2 => {
                fleet[victim].proxy.cut();
                sleep(pause);
                fleet[victim].proxy.heal();
            }
            3 => {
                fleet[victim].proxy.hang();
                sleep(pause);
                fleet[victim].proxy.heal();
            }
            4 => {
                fleet[victim].signal("STOP");
                sleep(pause);
                fleet[victim].signal("CONT");
            }
            _ => {
                worker.ask("mark 0 100 1000");
                sleep(pause / 4);
            }
        }
        faults += 1;
    }
    let mut markers = Vec::from_iter(fleet.iter_mut().chain([&mut worker]));
    markers.iter_mut().for_each(|marker| assert_eq!(marker.ask("idle"), "true"));
    let marked = marked(&mut markers);
    let took = refreshed(&marked, &mut fleet, TTL + 3 * BEAT + 2 * SPREAD + SLACK);
    report(kind, "random faults", format_args!("seed {seed}: {faults} faults, fresh {took:?} after the last mark"));
    assert!(fleet.iter_mut().all(|server| server.number("peers") == 3), "nobody is gone, and no ghost is there");
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % limit
    }
}

/// What is no message of ours, or a forged one.
pub(crate) fn garbage_on_the_subjects(kind: Kind) {
    let broker = Server::start(kind);
    let mut fleet = servers::<2>(&broker);
    publish(&broker, litter());
    fleet[0].ask(&format!("mark 0 {USERS} 5000"));
    fleet[0].ask("idle");
    let marked = marked(&mut [&mut fleet[0]]);
    let took = refreshed(&marked, &mut fleet, 3 * BEAT + SPREAD + SLACK);
    report(kind, "garbage", format_args!("fresh {took:?} after the last mark"));
    until(SLACK, || fleet.iter_mut().all(|server| server.number("total messages_refused bad") != 0));
    assert_eq!(fleet[1].number("sockets"), USERS as usize);
}

/// Sends this many messages of 60,000 bytes, which mean nothing, to every server.
pub(crate) fn flood(broker: &Server, count: usize) {
    let message = Message { subject: "srg1.faults.b.presence".to_owned(), payload: vec![0xff; 60_000].into() };
    publish(broker, vec![message; count]);
}

fn publish(broker: &Server, messages: Vec<Message>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = broker.url();
    runtime.block_on(async {
        match broker.kind() {
            Kind::Nats => Nats::connect(&url).await.unwrap().publish(messages).await,
            Kind::Redis => Redis::new(&url[..]).unwrap().publish(messages).await,
        }
        .unwrap();
    });
}

fn litter() -> Vec<Message> {
    let mut payloads = vec![vec![], vec![1], vec![0xff; 900_000]];
    payloads.extend((0..14).map(|kind| [&[1, kind][..], &[0xee; 100]].concat()));
    // Marks of lane 3 from a sender nobody knows, numbered 2^62.
    let forged = [&[1, 1], &[7; 8][..], &[3, 0], &(1_u64 << 62).to_le_bytes(), &[1, 0, 0, 0], &[0]].concat();
    payloads.push(forged);
    let subjects = ["b.m.3", "b.m.4096", "b.beat", "b.presence", "n.1", "b", "b.m.x"];
    let to = |subject: &&str| {
        let subject = format!("srg1.faults.{subject}");
        Vec::from_iter(payloads.iter().map(move |payload| (subject.clone(), payload.clone())))
    };
    let message = |(subject, payload): (String, Vec<u8>)| Message { subject, payload: payload.into() };
    subjects.iter().flat_map(to).map(message).collect()
}
