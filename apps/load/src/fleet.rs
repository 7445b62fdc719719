//! The processes under this one: servers, and a process of clients for each.

use std::fs::File;
use std::net::SocketAddrV4;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::try_join_all;
use serde_json::{Value, from_slice, from_str, to_string};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use crate::Failure;
use crate::broker::Broker;
use crate::cli::{Settings, Subject};
use crate::http::Http;
use crate::progress::Progress;
use crate::tally::Tally;
use crate::wire::{Answer, Marks, Order};

const START_WITHIN: Duration = Duration::from_secs(20);
const STOP_WITHIN: Duration = Duration::from_secs(20);

pub(crate) struct Fleet {
    /// Empty where the target was running already.
    servers: Vec<Child>,
    server_pids: Vec<u32>,
    hosts: Vec<Http>,
    clients: Vec<Clients>,
}

impl Fleet {
    pub(crate) async fn start(settings: &Settings, subject: Subject, broker: Option<&Broker>) -> Result<Self, Failure> {
        let pairs = settings.pairs();
        let (count, program, log) = match subject {
            Subject::Target(_) => (0, "", ""),
            Subject::Server => (pairs, "server", "server"),
            Subject::Polling => (pairs, "polling", "polling"),
            Subject::Alone => (1, "server", "alone"),
            Subject::Cluster(kind) => (settings.cluster_servers(), "server", kind.scheme()),
        };
        let devices = settings.out.join("devices").display().to_string();
        let options = match broker {
            Some(broker) => vec!["--cluster".to_owned(), broker.url(), "--devices".to_owned(), devices],
            None => Vec::new(),
        };
        let (mut servers, mut targets) = (Vec::new(), Vec::new());
        for n in 0..count {
            let log = File::create(settings.out.join(format!("{log}-{n}.log")))?;
            let (server, target) = start_server(program, &options, log).await?;
            servers.push(server);
            targets.push(target);
        }
        if let Subject::Target(address) = subject {
            targets.push(address);
        }
        let hosts: Vec<_> = targets.iter().copied().map(Http::new).collect();
        let entry = match subject {
            Subject::Server | Subject::Polling | Subject::Target(_) => None,
            Subject::Alone => {
                targets = vec![targets[0]; pairs];
                Some(targets[0])
            }
            Subject::Cluster(_) => {
                joined(&hosts).await?;
                Some(targets.remove(0))
            }
        };
        let share = |n| settings.connections as usize / pairs + usize::from(n < settings.connections as usize % pairs);
        let clients = targets.iter().enumerate();
        let clients = clients.map(|(n, &target)| Clients::start(n, target, entry, share(n), settings.tabs));
        Ok(Self {
            server_pids: servers.iter().filter_map(Child::id).chain(settings.target_pid).collect(),
            clients: clients.collect::<Result<_, _>>()?,
            hosts,
            servers,
        })
    }

    pub(crate) fn server_pids(&self) -> &[u32] {
        &self.server_pids
    }

    pub(crate) fn client_pids(&self) -> Vec<u32> {
        self.clients.iter().filter_map(|clients| clients.process.id()).collect()
    }

    /// Has all clients obey, each taking its share of a rate.
    pub(crate) async fn order(
        &mut self,
        order: &Order,
        within: Duration,
        progress: &Progress,
    ) -> Result<Tally, Failure> {
        let shares = self.clients.len() as f64;
        let mut order = order.clone();
        match &mut order {
            Order::Open { per_second: Some(rate) } => *rate /= shares,
            Order::Mark(Marks { per_second, churned_per_second, .. }) => {
                *per_second /= shares;
                *churned_per_second /= shares;
            }
            Order::Open { per_second: None } | Order::Rest { .. } | Order::Vanish => {}
        }
        let tallies = try_join_all(self.clients.iter_mut().map(|clients| clients.obey(&order, progress)));
        let tallies = timeout(within, tallies).await.map_err(|_| format!("the clients took over {within:?}"))??;
        let mut sum = Tally::default();
        tallies.into_iter().for_each(|tally| sum.add(tally));
        Ok(sum)
    }

    /// Until no server has a socket left.
    pub(crate) async fn deserted(&self, within: Duration) -> Result<(), Failure> {
        let deserted = async {
            for host in &self.hosts {
                loop {
                    let reply = host.send("GET", "/stats", "", || ()).await;
                    let reply =
                        reply.map_err(|error| format!("a server does not tell how many sockets it has: {error}"))?;
                    if from_slice::<Value>(&reply.body)?["device_sockets"] == 0 {
                        break;
                    }
                    sleep(Duration::from_millis(10)).await;
                }
            }
            Ok(())
        };
        timeout(within, deserted).await.map_err(|_| format!("after {within:?} a server still has sockets"))?
    }

    pub(crate) async fn stop(self) -> Result<(), Failure> {
        for clients in self.clients {
            clients.stop().await?;
        }
        for server in self.servers {
            stop_server(server).await?;
        }
        Ok(())
    }
}

/// A process of clients.
struct Clients {
    process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Clients {
    fn start(
        lane: usize,
        target: SocketAddrV4,
        entry: Option<SocketAddrV4>,
        connections: usize,
        tabs: u32,
    ) -> Result<Self, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("clients")
            .args(["--lane", &lane.to_string()])
            .args(["--target", &target.to_string()])
            .args(["--connections", &connections.to_string()])
            .args(["--tabs", &tabs.to_string()])
            .args(entry.map(|entry| format!("--entry={entry}")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let orders = process.stdin.take().ok_or("stdin is piped")?;
        let answers = BufReader::new(process.stdout.take().ok_or("stdout is piped")?).lines();
        Ok(Self { process, orders, answers })
    }

    async fn obey(&mut self, order: &Order, progress: &Progress) -> Result<Tally, Failure> {
        self.orders.write_all(format!("{}\n", to_string(order)?).as_bytes()).await?;
        let mut so_far = (0, 0);
        while let Some(line) = self.answers.next_line().await? {
            match from_str(&line)? {
                Answer::Progress { done, marks } => {
                    progress.add(done - so_far.0, marks - so_far.1);
                    so_far = (done, marks);
                }
                Answer::Done(tally) => return Ok(*tally),
            }
        }
        Err("a process of clients ended early".into())
    }

    async fn stop(mut self) -> Result<(), Failure> {
        drop(self.orders);
        timeout(STOP_WITHIN, self.process.wait()).await??;
        Ok(())
    }
}

/// Until every server of the cluster hears all of them.
async fn joined(hosts: &[Http]) -> Result<(), Failure> {
    let joined = async {
        for host in hosts {
            loop {
                let cluster = from_slice::<Value>(&host.send("GET", "/cluster", "", || ()).await?.body)?;
                if cluster["joined"] == true && cluster["hearing"] == true && cluster["servers"] == hosts.len() {
                    break;
                }
                sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(())
    };
    timeout(START_WITHIN, joined).await.map_err(|_| "the servers did not find each other")?
}

/// The program is a role of this one.
async fn start_server(program: &str, options: &[String], log: File) -> Result<(Child, SocketAddrV4), Failure> {
    let mut process = Command::new(std::env::current_exe()?)
        .args([program, "--listen", "127.0.0.1:0"])
        .args(options)
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(process.stdout.take().ok_or("stdout is piped")?).lines();
    let line = timeout(START_WITHIN, lines.next_line()).await??;
    let address = line.as_deref().and_then(|line| line.strip_prefix("listening on http://")?.parse().ok());
    Ok((process, address.ok_or(format!("{program} did not say where it listens"))?))
}

/// Asks it to stop; who does not obey is killed when dropped.
async fn stop_server(mut server: Child) -> Result<(), Failure> {
    let Some(pid) = server.id() else { return Err("a server ended early".into()) };
    Command::new("kill").arg(pid.to_string()).status().await?;
    let status = timeout(STOP_WITHIN, server.wait()).await.map_err(|_| "a server did not stop")??;
    match status.code() {
        Some(0) | None => Ok(()), // none: it does not handle the signal
        Some(_) => Err(format!("a server failed: {status}").into()),
    }
}
