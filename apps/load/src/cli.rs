//! The command line, and what it may not ask for.

use std::fs;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::broker::Kind;

/// What the demo server keeps: a device for each mark, so many in all and so many of one id, with
/// some to spare.
const MARKS_PER_SERVER: f64 = 95_000.0;
const MARKS_PER_ID: f64 = 950.0;
/// A cluster has one server where marks enter, and others with the sockets.
const CLUSTER_SERVERS: std::ops::RangeInclusive<usize> = 2..=3;
/// What a run with clusters may take as planned, so that it ends in time whatever happens.
const CLUSTER_SECONDS: u64 = 200;
/// How long marks go on while the broker is killed and started again.
pub(crate) const OUTAGE_SECONDS: u64 = 8;
/// How long after a mark its update is waited for then.
pub(crate) const OUTAGE_PATIENCE_SECONDS: u64 = 20;
/// Marks after the storm, to see that everybody hears again.
pub(crate) const AFTER_STORM_SECONDS: u64 = 2;

/// Opens thousands of WebSockets to the demo server on this machine, marks their users, and
/// accounts for every update.
#[derive(Parser)]
#[command(name = "load", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,

    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Subcommand)]
pub(crate) enum Role {
    /// What the package `demo-server` runs.
    #[command(hide = true)]
    Server(Box<demo_server::Cli>),
    /// What the package `polling` runs.
    #[command(hide = true)]
    Polling(polling::Cli),
    /// A process of clients, which takes its orders on stdin.
    #[command(hide = true)]
    Clients(Clients),
}

#[derive(Args)]
pub(crate) struct Clients {
    #[arg(long, value_parser = loopback)]
    pub(crate) target: SocketAddrV4,
    /// Tells the processes of clients apart: the second number of their source addresses, the
    /// beginning of their ids.
    #[arg(long)]
    pub(crate) lane: u8,
    #[arg(long)]
    pub(crate) connections: usize,
    #[arg(long)]
    pub(crate) tabs: usize,
    /// The server of a cluster that is told of marks, where that is not the target.
    #[arg(long, value_parser = loopback)]
    pub(crate) entry: Option<SocketAddrV4>,
}

#[derive(Args)]
pub(crate) struct Settings {
    /// WebSockets in all
    #[arg(long, value_name = "N", default_value = "1000", value_parser = value_parser!(u32).range(1..=200_000))]
    pub(crate) connections: u32,

    /// WebSockets of each user
    #[arg(long, value_name = "N", default_value = "1", value_parser = value_parser!(u32).range(1..=50))]
    pub(crate) tabs: u32,

    /// Connections opened per second while ramping up
    #[arg(long, value_name = "R", default_value = "1000", value_parser = value_parser!(u32).range(1..=20_000))]
    pub(crate) rate: u32,

    /// How long nothing happens after that
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = value_parser!(u64).range(0..=600))]
    pub(crate) idle: u64,

    /// Marks per second
    #[arg(long, value_name = "M", default_value = "1000", value_parser = value_parser!(u32).range(1..=20_000))]
    pub(crate) marks: u32,

    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = value_parser!(u64).range(0..=600))]
    pub(crate) mark_seconds: u64,

    /// Which users are marked
    #[arg(long, value_enum, default_value = "uniform")]
    pub(crate) draw: Draw,

    /// Share of the connections replaced per second, while marks go on
    #[arg(long, value_name = "PERCENT", default_value = "1", value_parser = percent)]
    pub(crate) churn: f64,

    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = value_parser!(u64).range(0..=600))]
    pub(crate) churn_seconds: u64,

    /// Leave out the mass disconnect and the reconnect storm
    #[arg(long)]
    pub(crate) no_storm: bool,

    /// Instead of all that: ramp up, then churn and mark for so long, and report how memory grows
    #[arg(long, value_name = "MINUTES", value_parser = value_parser!(u64).range(1..=1_440))]
    pub(crate) soak: Option<u64>,

    /// Instead of all that: a cluster of servers on such a broker, and one server alone to compare
    /// with. Marks enter on one server, sockets are on the others; then the broker is killed amid
    /// marks, and is back after 2 s. Needs the cargo feature `cluster`, and nats-server or
    /// redis-server
    #[arg(long, value_enum, value_delimiter = ',', value_name = "BROKER", conflicts_with_all =
        ["target", "subject", "soak", "idle", "churn", "churn_seconds", "no_storm"])]
    pub(crate) cluster: Vec<Kind>,

    /// Which server to start and measure; several are measured one after the other
    #[arg(long, value_enum, value_delimiter = ',', default_value = "server", conflicts_with = "target")]
    subject: Vec<Subject>,

    /// A server that runs already, on this machine: an address of 127.0.0.0/8
    #[arg(long, value_name = "ADDR", value_parser = loopback)]
    pub(crate) target: Option<SocketAddrV4>,

    /// Its process, to sample CPU and memory
    #[arg(long, value_name = "PID", requires = "target")]
    pub(crate) target_pid: Option<u32>,

    /// Servers to start, each with a process of clients [default: as many as the limit of open
    /// files asks for]; in a cluster 2 or 3, one of them without clients [default: 3]
    #[arg(long, value_name = "N", conflicts_with = "target", value_parser = value_parser!(u32).range(1..=64))]
    servers: Option<u32>,

    /// Where to write load.json, load.md and latency.svg
    #[arg(long, value_name = "DIR", default_value = "target/load")]
    pub(crate) out: PathBuf,

    /// Also put the tables and the plot into docs/LOAD.md, between the markers of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) section: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Draw {
    /// All alike
    Uniform,
    /// The n-th most popular one with a weight of 1/n
    Zipf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// apps/demo-server
    Server,
    /// apps/polling: one lock, and every connection looks once a second
    Polling,
    /// A server alone, with the marks and the sockets of a cluster
    #[value(skip)]
    Alone,
    /// Servers on such a broker
    #[value(skip)]
    Cluster(Kind),
    /// What runs at --target
    #[value(skip)]
    Target(SocketAddrV4),
}

impl Subject {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Server => "server".to_owned(),
            Self::Polling => "polling".to_owned(),
            Self::Alone => "one server".to_owned(),
            Self::Cluster(Kind::Nats) => "NATS cluster".to_owned(),
            Self::Cluster(Kind::Redis) => "Redis cluster".to_owned(),
            Self::Target(address) => address.to_string(),
        }
    }
}

impl Settings {
    pub(crate) fn subjects(&self) -> Vec<Subject> {
        match self.target {
            Some(address) => vec![Subject::Target(address)],
            None if !self.cluster.is_empty() => {
                [Subject::Alone].into_iter().chain(self.cluster.iter().copied().map(Subject::Cluster)).collect()
            }
            None => self.subject.clone(),
        }
    }

    /// How many servers a cluster has.
    pub(crate) fn cluster_servers(&self) -> usize {
        self.servers.map_or(*CLUSTER_SERVERS.end(), |servers| servers as usize)
    }

    /// How many servers with sockets, each with a process of clients. A connection is an open file
    /// on either side.
    pub(crate) fn pairs(&self) -> usize {
        if !self.cluster.is_empty() {
            return self.cluster_servers() - 1;
        }
        let needed = (self.connections as usize).div_ceil(connections_per_process());
        self.servers.map_or(needed, |servers| servers as usize)
    }

    pub(crate) fn users(&self) -> usize {
        (self.connections as usize).div_ceil(self.tabs as usize)
    }

    pub(crate) fn command(&self) -> String {
        let arguments = std::env::args().skip(1).collect::<Vec<_>>();
        let features = if self.cluster.is_empty() { "" } else { " --features cluster" };
        format!("cargo run --release -p load{features} -- {}", arguments.join(" ")).trim_end().to_owned()
    }

    /// What single options cannot tell.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if !self.cluster.is_empty() {
            self.check_cluster()?;
        }
        let (pairs, most) = (self.pairs(), connections_per_process());
        if self.target.is_some() && pairs > 1 {
            return Err(format!("a process may open {most} connections here (ulimit -n), and a target is one").into());
        }
        if self.users() < pairs {
            return Err(format!("{pairs} servers want a user each; there are {}", self.users()).into());
        }
        if (self.connections as usize).div_ceil(pairs) > most {
            return Err(format!("a process may open {most} connections here (ulimit -n): more --servers").into());
        }
        if !self.cluster.is_empty() {
            return Ok(()); // its marks keep no devices
        }
        let seconds = match self.soak {
            Some(minutes) => minutes * 60,
            None => self.mark_seconds + self.churn_seconds + if self.no_storm { 0 } else { AFTER_STORM_SECONDS },
        };
        let per_server = f64::from(self.marks) * seconds as f64 / pairs as f64;
        let users = self.users() / pairs;
        let hottest = match self.draw {
            Draw::Uniform => per_server / users as f64,
            Draw::Zipf => per_server / (1..=users).map(|rank| 1.0 / rank as f64).sum::<f64>(),
        };
        if self.target.is_none() && (per_server > MARKS_PER_SERVER || hottest > MARKS_PER_ID) {
            return Err(format!(
                "{} marks/s for {seconds} s are {per_server:.0} for a server and {hottest:.0} for one of its users; \
                 it keeps a device for each, {MARKS_PER_SERVER} and {MARKS_PER_ID} at most: \
                 fewer --marks, or less time",
                self.marks
            )
            .into());
        }
        Ok(())
    }

    fn check_cluster(&self) -> Result<(), Failure> {
        if !cfg!(feature = "cluster") {
            return Err("--cluster: built without brokers: cargo run --release -p load --features cluster".into());
        }
        if !CLUSTER_SERVERS.contains(&self.cluster_servers()) || self.cluster.len() > 2 {
            return Err("a cluster has 2 or 3 --servers, and there are two kinds of brokers".into());
        }
        let most = connections_per_process();
        if self.connections as usize > most {
            return Err(format!("one server alone has all sockets first, and may have {most} here (ulimit -n)").into());
        }
        let each = u64::from(self.connections.div_ceil(self.rate)) + self.mark_seconds;
        let outage = OUTAGE_SECONDS + OUTAGE_PATIENCE_SECONDS;
        let clusters = self.cluster.len() as u64;
        let planned = each + clusters * (each + outage);
        if planned > CLUSTER_SECONDS {
            return Err(format!("that may take {planned} s, {CLUSTER_SECONDS} at most: fewer --mark-seconds").into());
        }
        self.cluster.iter().try_for_each(|broker| broker.check())
    }
}

/// A twentieth is left for other files, and for connections that are there before the one that they
/// replace is gone.
fn connections_per_process() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let files = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(1_024);
    files / 20 * 19
}

fn loopback(text: &str) -> Result<SocketAddrV4, String> {
    match text.parse() {
        Ok(SocketAddr::V4(address)) if address.ip().is_loopback() => Ok(address),
        _ => Err("only this machine is put under load: an address of 127.0.0.0/8, such as 127.0.0.1:3000".to_owned()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(percent) if (0.0..=50.0).contains(&percent) => Ok(percent),
        _ => Err("must be from 0 to 50".to_owned()),
    }
}
