//! Brokers that a test starts, hurts and stops.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Which broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nats,
    Redis,
}

/// A server on a free port of loopback, with a folder of its own. Its drop kills it.
pub(crate) struct Server {
    kind: Kind,
    port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// A server that has yet to be started.
    pub(crate) fn absent(kind: Kind) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("cluster-broker-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Self { kind, port: free_port(), folder, arguments: Vec::new(), child: None }
    }

    /// A server with further arguments.
    pub(crate) fn start_with(kind: Kind, arguments: &[&str]) -> Self {
        let mut server = Self::absent(kind);
        server.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        server.restart();
        server
    }

    /// A server that runs.
    pub(crate) fn start(kind: Kind) -> Self {
        let mut server = Self::absent(kind);
        server.restart();
        server
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The address through a proxy.
    pub(crate) fn url_at(&self, port: u16) -> String {
        let scheme = match self.kind {
            Kind::Nats => "nats",
            Kind::Redis => "redis",
        };
        format!("{scheme}://127.0.0.1:{port}")
    }

    /// Whether the server's log says this.
    pub(crate) fn has_logged(&self, text: &str) -> bool {
        fs::read_to_string(self.folder.join("log")).unwrap().contains(text)
    }

    /// Starts the server, and waits until it takes connections.
    pub(crate) fn restart(&mut self) {
        assert!(self.child.is_none(), "the server runs");
        let port = self.port.to_string();
        let (program, arguments) = match self.kind {
            Kind::Nats => ("nats-server", vec!["--addr", "127.0.0.1", "--port", &port]),
            Kind::Redis => {
                let arguments = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port];
                ("redis-server", arguments.to_vec())
            }
        };
        let log = File::options().append(true).create(true).open(self.folder.join("log")).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .args(&self.arguments)
            .current_dir(&self.folder)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{program} does not start: {error}. Install it: apt-get install {program}"));
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < deadline, "{program} takes no connections");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the server without a warning, as a crash does.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("the server runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Stops the server: connections stay open, and nothing is read or answered.
    pub(crate) fn pause(&self) {
        signal(self.id(), "STOP");
    }

    pub(crate) fn resume(&self) {
        signal(self.id(), "CONT");
    }

    fn id(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Sends a signal to one process.
pub(crate) fn signal(id: u32, name: &str) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status().unwrap();
    assert!(status.success(), "kill -{name} {id}");
}

/// A port that was free a moment ago: the server has to come back on it.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
