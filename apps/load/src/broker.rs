//! The broker of a cluster: started here, killed amid the marks, and started again.

use std::fs::File;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use clap::ValueEnum;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::Failure;

const START_WITHIN: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Nats,
    Redis,
}

impl Kind {
    /// The scheme of its address, and the name of its log.
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Redis => "redis",
        }
    }

    /// Whether it can be started: better known before anything is measured.
    pub(crate) fn check(self) -> Result<(), Failure> {
        let program = self.program();
        let found = std::process::Command::new(program).arg("--version").output();
        found.map(drop).map_err(|error| match error.kind() {
            ErrorKind::NotFound => format!("{program} is not installed: on Debian, apt-get install {program}").into(),
            _ => format!("{program} does not start: {error}").into(),
        })
    }

    fn program(self) -> &'static str {
        match self {
            Self::Nats => "nats-server",
            Self::Redis => "redis-server",
        }
    }
}

/// A server on a port of loopback, killed when dropped.
pub(crate) struct Broker {
    kind: Kind,
    port: u16,
    folder: PathBuf,
    process: Child,
}

impl Broker {
    /// Starts one on a free port, with its log in this folder.
    pub(crate) async fn start(kind: Kind, folder: &Path) -> Result<Self, Failure> {
        // Free a moment ago: the broker comes back on the same one.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.port();
        let process = spawn(kind, port, folder).await?;
        Ok(Self { kind, port, folder: folder.to_owned(), process })
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.kind.scheme(), self.port)
    }

    /// Kills it, as a crash does, and starts it again after that time.
    pub(crate) async fn interrupt(&mut self, away: Duration) -> Result<(), Failure> {
        self.process.kill().await?;
        sleep(away).await;
        self.process = spawn(self.kind, self.port, &self.folder).await?;
        Ok(())
    }

    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        Ok(self.process.kill().await?)
    }
}

/// Returns once it takes connections.
async fn spawn(kind: Kind, port: u16, folder: &Path) -> Result<Child, Failure> {
    let (program, number) = (kind.program(), port.to_string());
    let arguments = match kind {
        Kind::Nats => &["--addr", "127.0.0.1", "--port", &number][..],
        Kind::Redis => &["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &number],
    };
    let log = File::options().append(true).create(true).open(folder.join(format!("{program}.log")))?;
    let mut process = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    let listening = async {
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            if let Some(status) = process.try_wait()? {
                return Err(format!("{program} ended with {status}: see its log in {}", folder.display()).into());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok::<_, Failure>(())
    };
    timeout(START_WITHIN, listening).await.map_err(|_| format!("{program} takes no connections"))??;
    Ok(process)
}
