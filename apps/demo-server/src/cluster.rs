//! Several servers as one, through a broker: `--cluster`.

mod file;
mod roster;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use socket_registry::{CloseReason, Topics};
use socket_registry_axum::metered::Timed;
use socket_registry_cluster::broker::Broker;
use socket_registry_cluster::{Claim, Cluster, ClusterKey, Health, Online, Options};
use tokio::time::{MissedTickBehavior, interval, timeout};
use uuid::Uuid;

use crate::app::{App, Feed};
use crate::cli::Cli;
use crate::error::ApiError;
use crate::input::UserId;

pub(crate) use file::{Line, SharedFile};
pub(crate) use roster::follow;

/// A server opens its listener after this, whether it hears the others or not: its own sockets work
/// without them.
const JOIN_WITHIN: Duration = Duration::from_secs(5);

type Node<K> = Cluster<K, Timed<Topics>>;

/// This server as one of several: a node for each registry, each in a namespace of its own.
pub(crate) struct Servers {
    /// Of which only the counts matter, so that its nodes need not know each other's keys.
    pages: Node<Uuid>,
    users: Node<UserId>,
}

impl Servers {
    /// Starts the nodes and waits until they know the others.
    pub(crate) async fn join(
        url: &str,
        cli: &Cli,
        pages: &Feed<Uuid>,
        users: &Feed<UserId>,
    ) -> Result<Self, Box<dyn Error>> {
        let servers = connect(url, cli, pages, users).await?;
        let joined = async { tokio::join!(servers.pages.joined(), servers.users.joined()) };
        if timeout(JOIN_WITHIN, joined).await.is_err() {
            tracing::warn!("the cluster is not heard: the server begins without it, and keeps trying");
        }
        Ok(servers)
    }

    fn over<B: Broker>(
        mut broker: impl FnMut() -> Result<B, Box<dyn Error>>,
        cli: &Cli,
        pages: &Feed<Uuid>,
        users: &Feed<UserId>,
    ) -> Result<Self, Box<dyn Error>> {
        let namespace = &cli.cluster_name;
        let for_users = Options::new(namespace).presence(true);
        Ok(Self {
            pages: Cluster::start(pages.registry().clone(), broker()?, Options::new(format!("{namespace}-pages")))?,
            users: Cluster::start(users.registry().clone(), broker()?, for_users)?,
        })
    }

    pub(crate) fn users(&self) -> &Node<UserId> {
        &self.users
    }

    pub(crate) fn page_count(&self) -> u64 {
        self.pages.counts().keys
    }

    pub(crate) fn server_count(&self) -> usize {
        self.users.counts().nodes
    }

    /// Says goodbye, so that the others need not wait for this server's silence.
    pub(crate) async fn leave(&self) {
        tokio::join!(self.pages.leave(), self.users.leave());
    }

    /// For `/healthz`. None of this is a reason to send clients elsewhere: the others have the same
    /// broker, and what was missed meanwhile is repaired.
    pub(crate) fn health(&self) -> &'static str {
        let all = [self.pages.health(), self.users.health()];
        let any = |is: fn(&Health) -> bool| all.iter().any(is);
        if any(|health| !health.hearing) {
            "ok, but the cluster is not heard"
        } else if any(|health| !health.joined) {
            "ok, joining the cluster"
        } else if any(|health| health.lanes_mismatch) {
            "ok, but another server has other lanes"
        } else {
            "ok, in a cluster"
        }
    }
}

#[cfg(feature = "cluster")]
async fn connect(url: &str, cli: &Cli, pages: &Feed<Uuid>, users: &Feed<UserId>) -> Result<Servers, Box<dyn Error>> {
    use socket_registry_cluster::broker::{Nats, Redis};
    match url.split_once(':') {
        Some(("nats" | "tls", _)) => {
            let nats = Nats::connect(url).await?;
            Servers::over(|| Ok(nats.clone()), cli, pages, users)
        }
        Some(("redis", _)) => Servers::over(|| Ok(Redis::new(url)?), cli, pages, users),
        _ => Err("--cluster: a broker's address begins with nats://, tls:// or redis://".into()),
    }
}

#[cfg(not(feature = "cluster"))]
async fn connect(_: &str, _: &Cli, _: &Feed<Uuid>, _: &Feed<UserId>) -> Result<Servers, Box<dyn Error>> {
    Err("--cluster: this server was built without brokers: build it with `--features cluster`".into())
}

/// As it is in a token and in a query: UTF-8.
impl ClusterKey for UserId {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        String::read(bytes)?.try_into().ok()
    }
}

/// What reaches the sockets of all servers. The numbers that are returned are of this one.
impl App {
    pub(crate) fn mark(&self, id: &UserId) -> usize {
        match &self.servers {
            Some(servers) => {
                self.device_sockets.note(id);
                servers.users.mark(id)
            }
            None => self.device_sockets.mark(id),
        }
    }

    pub(crate) fn disconnect(&self, id: &UserId, reason: CloseReason) -> usize {
        match &self.servers {
            Some(servers) => servers.users.disconnect(id, reason),
            None => self.device_sockets.registry().disconnect(id, reason),
        }
    }

    /// Calls `register`, which registers the id's only socket.
    pub(crate) fn take_over<T, E>(
        &self,
        id: &UserId,
        register: impl FnOnce() -> Result<T, E>,
    ) -> Result<(T, Option<Claim<UserId>>), E> {
        match &self.servers {
            Some(servers) => servers.users.take_over(id, register).map(|(registered, claim)| (registered, Some(claim))),
            None => Ok((register()?, None)),
        }
    }

    /// What pages are told of their number.
    pub(crate) fn count(&self) -> String {
        match &self.servers {
            Some(servers) => {
                json!({ "active_users": servers.page_count(), "servers": servers.server_count() }).to_string()
            }
            None => format!(r#"{{"active_users":{}}}"#, self.active_users.registry().key_count()),
        }
    }

    /// How many sockets the id has. Of other servers only whether there are any is known, which is
    /// `None`.
    pub(crate) fn sockets_of(&self, id: &UserId) -> Option<usize> {
        let here = self.device_sockets.registry().count_of(id);
        let is_elsewhere = || self.servers.as_ref().is_some_and(|servers| servers.users.online(id) != Online::No);
        if here == 0 && is_elsewhere() { None } else { Some(here) }
    }

    /// A number of sockets of this server, and of how many other servers there may be more.
    pub(crate) fn told(&self, name: &str, sockets: usize) -> Value {
        match &self.servers {
            Some(servers) => json!({ name: sockets, "other_servers": servers.server_count() - 1 }),
            None => json!({ name: sockets }),
        }
    }
}

/// Tells the pages here of those on other servers, whose beats say how many they are.
pub(crate) async fn tell_count(app: Arc<App>, pace: Duration) {
    let mut pace = interval(pace);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = app.count();
    loop {
        pace.tick().await;
        let count = app.count();
        if std::mem::replace(&mut told, count.clone()) != count {
            app.active_users.registry().mark_all();
        }
    }
}

/// `GET /cluster`: what all servers have together, and each of them.
pub(crate) async fn show(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    let Some(servers) = &app.servers else {
        let message = "this server is in no cluster: see --cluster".to_owned();
        return Err(ApiError(StatusCode::NOT_FOUND, "no_cluster", message));
    };
    let (counts, health) = (servers.users.counts(), servers.users.health());
    let others = servers.users.nodes().into_iter().map(|node| {
        json!({
            "id": format!("{:016x}", node.id),
            "has_sockets": node.serves,
            "keys": node.keys,
            "sockets": node.sockets,
            "age_seconds": node.age.as_secs_f64(),
        })
    });
    Ok(Json(json!({
        "active_users": servers.page_count(),
        "device_sockets": counts.sockets,
        "servers": counts.nodes,
        "age_seconds": counts.age.as_secs_f64(),
        "hearing": health.hearing,
        "joined": health.joined,
        "missing": health.missing,
        "others": others.collect::<Vec<_>>(),
    })))
}
