//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use socket_registry_axum::Drain;
use socket_registry_axum::serve::Server;
use tracing::Level;

use crate::metrics;

const SIGNALS: &str = "\
Routes for other programs; what one server is told reaches the sockets of all servers of its cluster:
  POST /devices-sockets?id=ID            mark: the id's pages fetch again
  DELETE /devices-sockets?id=ID&code=N   log out, with close code 4001 unless another is given
  GET /cluster                           what all servers have, and how they do";

/// Live count of active users, and devices that appear in every open tab the moment they are added.
#[derive(Parser)]
#[command(name = "demo-server", version, after_help = SIGNALS)]
pub struct Cli {
    /// Where to listen, on every address of a name; port 0 takes a free port. For phones in the
    /// same network: 0.0.0.0:3000
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    pub(crate) listen: String,

    /// How often the server pings each client: keep it below the minute after which many proxies
    /// cut an idle connection
    #[arg(long, value_name = "SECONDS", default_value = "45", value_parser = seconds)]
    pub(crate) ping_every: Duration,

    /// How long a client may take to answer a ping, or to accept what the server sends, before it
    /// counts as gone
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) pong_within: Duration,

    /// Join the servers on this broker: nats://HOST:PORT or redis://HOST:PORT. Needs the cargo
    /// feature `cluster`, and a file of devices that all servers share
    #[arg(long, value_name = "URL", requires = "devices")]
    pub(crate) cluster: Option<String>,

    /// The namespace of those servers in the broker
    #[arg(long, value_name = "NAME", default_value = "demo")]
    pub(crate) cluster_name: String,

    /// Keep the devices in this file instead of in memory; several servers may share it, as they
    /// would your database
    #[arg(long, value_name = "FILE")]
    pub(crate) devices: Option<PathBuf>,

    /// Most sockets of each kind, event streams included; more are answered 503 [default: the
    /// registry's own]
    #[arg(long, value_name = "N")]
    pub(crate) max_sockets: Option<usize>,

    /// Most sockets of one user id, event streams included; more are answered 429
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) max_sockets_per_id: usize,

    /// Shortest time between two updates to one device socket; what changes meanwhile is one update
    /// at its end
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds_or_none)]
    pub(crate) update_every: Duration,

    /// How long an id without a device socket still counts as online: a user who reloads the page
    /// has not left
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds_or_none)]
    pub(crate) online_grace: Duration,

    /// How long the server still accepts clients when it is asked to stop: /healthz answers 503
    /// meanwhile, so that a load balancer sends them elsewhere
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds_or_none)]
    pub(crate) drain_notice: Duration,

    /// How many sockets of each kind are closed together when the server is asked to stop
    #[arg(long, value_name = "N", default_value = "10000")]
    pub(crate) drain_batch: NonZeroUsize,

    /// The pause between two such batches, so that not all clients turn to another server at the
    /// same moment
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds_or_none)]
    pub(crate) drain_every: Duration,

    /// How long clients may take to leave after the last batch. A second request to stop ends the
    /// server immediately
    #[arg(long, value_name = "SECONDS", default_value = "8", value_parser = seconds)]
    pub(crate) drain_within: Duration,

    /// Ask for proof: users are who their token says, a JWT signed with HS256 and the secret in
    /// this file, not who `?id=` says
    #[arg(long, value_name = "FILE")]
    pub(crate) auth_secret: Option<PathBuf>,

    /// The audience that tokens must name in `aud`
    #[arg(long, value_name = "NAME", requires = "auth_secret")]
    pub(crate) auth_audience: Option<String>,

    /// The issuer that tokens must name in `iss`
    #[arg(long, value_name = "NAME", requires = "auth_secret")]
    pub(crate) auth_issuer: Option<String>,

    /// Let in pages of this origin as well, such as `https://app.example`; may be given more than
    /// once
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,

    /// Where clients find the server, for the QR code: an origin such as `https://live.example`
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) public_url: Option<String>,

    /// Believe `Forwarded` and `X-Forwarded-*`: only behind a proxy that sets them itself
    #[arg(long)]
    pub(crate) trust_proxy: bool,

    /// How long a client may take for the header of a request
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) header_within: Duration,

    /// How long a connection may be idle between two requests: more than the minute of a load
    /// balancer in front
    #[arg(long, value_name = "SECONDS", default_value = "75", value_parser = seconds)]
    pub(crate) idle_within: Duration,

    /// What is logged: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log: Level,
}

impl Cli {
    pub(crate) fn drain(&self) -> Drain {
        let drain = Drain::new().notice(self.drain_notice).batch(self.drain_batch);
        drain.every(self.drain_every).within(self.drain_within)
    }

    pub(crate) fn server(&self) -> Server {
        Server::new()
            .header_within(self.header_within)
            .idle_within(self.idle_within)
            .acknowledged_within(self.pong_within)
            .on_accept_failure(|| metrics::accept_failures().increment(1))
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match seconds_or_none(text)? {
        Duration::ZERO => Err("must be above 0".to_owned()),
        duration => Ok(duration),
    }
}

fn seconds_or_none(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "not a number".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if seconds <= 86_400.0 => Ok(duration),
        _ => Err("must be from 0 to a day".to_owned()),
    }
}
