//! What the crate costs, against what it must not exceed. Everything is a ratio, taken in one run
//! whose rounds alternate between the two sides, or a number of bytes or fetches:
//!
//! `cargo bench -p socket-registry-cluster --features nats,redis`
//!
//! With names behind `--` it measures only these: `local`, `nats`, `redis`. It starts `nats-server`
//! and `redis-server` on free ports of loopback, and says which of them is not installed.

mod brokers;
mod marks;
mod memory;
mod peer;
#[path = "../../tests/brokers/server.rs"]
#[allow(dead_code, reason = "the faults need more of it")]
mod server;
mod table;

use server::{Kind, Server};
use socket_registry_cluster::broker::{Nats, Redis};
use std::env;
use std::process::Command;
use table::Table;
use testkit::LiveBytes;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: LiveBytes = LiveBytes;

fn main() {
    let wanted: Vec<_> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
    let mut table = Table::default();
    if is_wanted("local") {
        marks::run(&mut table);
        memory::run(&mut table);
    }
    for (kind, program) in [(Kind::Nats, "nats-server"), (Kind::Redis, "redis-server")] {
        if !is_wanted(&format!("{kind:?}")) {
            continue;
        }
        if Command::new(program).arg("--version").output().is_err() {
            table.leave_out(&format!("{kind:?}"), &format!("{program} is not installed"));
            continue;
        }
        let mut server = Server::start(kind);
        let url = server.url();
        let runtime = Runtime::new().unwrap();
        match kind {
            Kind::Nats => {
                let connect = async || Nats::connect(url.as_str()).await.unwrap();
                runtime.block_on(brokers::run(&mut table, &mut server, connect));
            }
            Kind::Redis => {
                let connect = async || Redis::new(url.as_str()).unwrap();
                runtime.block_on(brokers::run(&mut table, &mut server, connect));
            }
        }
    }
    print!("{table}");
}

/// The value in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    quantile(&mut values, 0.5)
}

/// The value that this part of the others does not exceed.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() as f64 * part) as usize]
}
