//! The processes of one fault: a broker, and nodes that reach it through a proxy each.

use crate::disguise::Disguise;
use crate::node::{ORDERS, USERS};
use crate::proxy::Proxy;
use crate::server::{Kind, Server, signal};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A node in a process of its own. Its drop kills it.
pub(crate) struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    pub(crate) proxy: Proxy,
}

impl Process {
    pub(crate) fn start(broker: &Server, role: &str) -> Self {
        Self::start_as(broker, role, Disguise::Plain)
    }

    fn start_as(broker: &Server, role: &str, disguise: Disguise) -> Self {
        let proxy = Proxy::to(broker.port());
        let url = broker.url_at(proxy.port());
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["node::process", "--exact", "--ignored", "--nocapture"])
            .env(ORDERS, format!("{:?} {url} {role} {disguise:?}", broker.kind()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdin, stdout, proxy }
    }

    /// A server that has joined, and has a socket of every user.
    pub(crate) fn server(broker: &Server) -> Self {
        Self::server_as(broker, Disguise::Plain)
    }

    pub(crate) fn server_as(broker: &Server, disguise: Disguise) -> Self {
        let mut server = Self::start_as(broker, "server", disguise);
        assert_eq!(server.ask("joined"), "true");
        server.ask("open");
        server
    }

    pub(crate) fn worker(broker: &Server) -> Self {
        let mut worker = Self::start(broker, "worker");
        assert_eq!(worker.ask("joined"), "true");
        worker
    }

    /// Gives a command, and waits for its answer.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        writeln!(self.stdin, "{command}").unwrap();
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "the node ended at {command:?}");
            if let Some(answer) = line.strip_prefix("> ") {
                return answer.trim_end().to_owned();
            }
        }
    }

    pub(crate) fn number(&mut self, command: &str) -> usize {
        self.ask(command).parse().unwrap()
    }

    fn times(&mut self, command: &str) -> Vec<u64> {
        self.ask(command).split(' ').map(|time| time.parse().unwrap()).collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// What the process has in memory, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many of the servers' sockets have not fetched since their user was marked last.
pub(crate) fn stale(marked: &[u64], servers: &mut [Process]) -> usize {
    let is_stale = |(marked, fetched): (&u64, u64)| *marked != 0 && fetched < *marked;
    servers
        .iter_mut()
        .map(|server| marked.iter().zip(server.times("fetched")).filter(|pair| is_stale(*pair)).count())
        .sum()
}

/// When each user was marked last, by any of these.
pub(crate) fn marked(markers: &mut [&mut Process]) -> Vec<u64> {
    let mut last = vec![0; USERS as usize];
    for marker in markers {
        last.iter_mut().zip(marker.times("marked")).for_each(|(last, time)| *last = time.max(*last));
    }
    last
}

/// Waits until no socket is stale. Returns how long that took.
pub(crate) fn refreshed(marked: &[u64], servers: &mut [Process], limit: Duration) -> Duration {
    let begin = Instant::now();
    loop {
        let stale = stale(marked, servers);
        if stale == 0 {
            return begin.elapsed();
        }
        assert!(begin.elapsed() < limit, "{stale} sockets are stale after {:?}", begin.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until it is true. Returns how long that took.
pub(crate) fn until(limit: Duration, mut is_true: impl FnMut() -> bool) -> Duration {
    let begin = Instant::now();
    while !is_true() {
        assert!(begin.elapsed() < limit, "not yet after {:?}", begin.elapsed());
        thread::sleep(Duration::from_millis(10));
    }
    begin.elapsed()
}

pub(crate) fn servers<const N: usize>(broker: &Server) -> [Process; N] {
    let mut servers = [(); N].map(|()| Process::start(broker, "server"));
    for server in &mut servers {
        assert_eq!(server.ask("joined"), "true");
        server.ask("open");
    }
    // All have heard all, and what was due at the start has been fetched.
    for server in &mut servers {
        until(Duration::from_secs(20), || server.number("peers") == N - 1);
    }
    servers
}

pub(crate) fn fetches(servers: &mut [Process]) -> usize {
    servers.iter_mut().map(|server| server.number("fetches")).sum()
}

/// Says what a row has measured: `--nocapture` shows it.
pub(crate) fn report(kind: Kind, row: &str, figures: std::fmt::Arguments<'_>) {
    println!("{kind:?} | {row} | {figures}");
}
