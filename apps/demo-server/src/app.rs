//! What all requests share, and the tasks that run meanwhile.

use std::collections::BTreeSet;
use std::error::Error;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use socket_registry::{Registry, Topics};
use socket_registry_axum::metered::{Metered, Timed};
use socket_registry_axum::{Drain, OriginPolicy, Sessions, follow_count, follow_online};
use tokio::time::{MissedTickBehavior, interval};
use tracing_appender::non_blocking::ErrorCounter;
use uuid::Uuid;

use crate::cli::Cli;
use crate::cluster::Servers;
use crate::devices::Devices;
use crate::identity::Identity;
use crate::input::UserId;
use crate::onboard::Invitations;
use crate::sockets::ONLINE;
use crate::{cluster, online};

/// However fast users come and go, no user can read what changes faster.
const COUNT_PACE: Duration = Duration::from_millis(100);

/// The metadata of a socket is what it hears of, besides what it is marked for by its key.
pub(crate) type Feed<K> = Metered<K, Topics>;

pub(crate) struct App {
    /// One fresh key per open page: the key count is the number of active users.
    pub(crate) active_users: Feed<Uuid>,
    /// The sockets that want to hear about a user's devices.
    pub(crate) device_sockets: Feed<UserId>,
    /// Which ids have those, as it is told.
    pub(crate) online: Mutex<Utf8Bytes>,
    pub(crate) devices: Devices,
    /// The other servers, if there are any.
    pub(crate) servers: Option<Servers>,
    pub(crate) identity: Identity,
    pub(crate) invitations: Invitations,
    /// What a client is sent with every ping that wants to see them.
    pub(crate) ping: Utf8Bytes,
    pub(crate) origins: OriginPolicy,
    pub(crate) trusts_proxy: bool,
    /// What the QR code leads to, if it is not where the page was asked for.
    pub(crate) public_url: Option<String>,
    pub(crate) drain: Drain,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) log_lines_dropped: ErrorCounter,
}

impl App {
    pub(crate) async fn new(
        cli: &Cli,
        metrics: PrometheusHandle,
        log_lines_dropped: ErrorCounter,
    ) -> Result<Self, Box<dyn Error>> {
        let active_users = feed("active_users", 1, COUNT_PACE, cli)?;
        let device_sockets = feed("devices", cli.max_sockets_per_id, cli.update_every, cli)?;
        let servers = match &cli.cluster {
            Some(url) => Some(Servers::join(url, cli, &active_users, &device_sockets).await?),
            None => None,
        };
        let origins =
            if cli.trust_proxy { OriginPolicy::same_origin().trusting_proxy() } else { OriginPolicy::same_origin() };
        Ok(Self {
            drain: cli.drain().of(active_users.sessions()).of(device_sockets.sessions()),
            active_users,
            device_sockets,
            online: Mutex::new(Utf8Bytes::from_static(r#"{"online":{"count":0,"ids":[],"sockets":[]}}"#)),
            devices: Devices::new(cli.devices.as_deref())
                .map_err(|error| format!("cannot open the file of devices: {error}"))?,
            servers,
            identity: Identity::new(cli)?,
            invitations: Invitations::new(),
            ping: format!(r#"{{"ping":{}}}"#, cli.ping_every.as_secs_f64().ceil()).into(),
            origins: cli.allow_origin.iter().chain(&cli.public_url).try_fold(origins, |all, one| all.allow(one))?,
            trusts_proxy: cli.trust_proxy,
            public_url: cli.public_url.clone(),
            metrics,
            log_lines_dropped,
        })
    }
}

fn feed<K: Eq + Hash + Send + Sync + 'static>(
    name: &'static str,
    max_sockets_per_key: usize,
    pace: Duration,
    cli: &Cli,
) -> Result<Feed<K>, Box<dyn Error>> {
    let registry = Registry::<K, Timed<Topics>>::builder().max_sockets_per_key(max_sockets_per_key);
    let registry = cli.max_sockets.into_iter().fold(registry, |registry, max| registry.max_sockets(max));
    let sessions = Sessions::builder(registry.build()?)
        .ping_every(cli.ping_every)
        .pong_within(cli.pong_within)
        .send_within(cli.pong_within)
        .min_interval(pace);
    Ok(Metered::new(name, sessions))
}

/// The tasks that tell who is here, and that number to the log.
pub(crate) fn spawn_tasks(app: &Arc<App>, cli: &Cli) {
    let users = app.active_users.registry().clone();
    tokio::spawn(follow_count(users.watch_counts(), Duration::from_secs(1), |count| {
        tracing::info!("active users {count}");
    }));
    tokio::spawn(follow_count(users.watch_counts(), COUNT_PACE, move |_| {
        users.mark_all();
    }));
    tokio::spawn(tell_online(Arc::clone(app), cli.online_grace));
    if app.servers.is_some() {
        tokio::spawn(cluster::tell_count(Arc::clone(app), COUNT_PACE));
    }
    tokio::spawn(keep_up(app.metrics.clone()));
}

/// Tells the pages that want to know who is online.
async fn tell_online(app: Arc<App>, grace: Duration) {
    let (registry, users) = (app.device_sockets.registry(), app.active_users.registry());
    let mut told = String::new();
    let tell = |ids: &BTreeSet<UserId>| {
        let text = online::text(ids, |id| app.sockets_of(id));
        if text != told {
            told.clone_from(&text);
            *app.online.lock() = text.into();
            users.mark_where_topics(|socket| socket.metadata().contains(ONLINE), ONLINE);
        }
    };
    match &app.servers {
        Some(servers) => cluster::follow(servers.users().presence(), grace, COUNT_PACE, tell).await,
        None => follow_online(registry.presence(), registry.watch_counts(), grace, COUNT_PACE, tell).await,
    }
}

/// Once a second: lets the metrics empty their buffers, which would grow without end if no scraper
/// came for them.
async fn keep_up(metrics: PrometheusHandle) {
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        second.tick().await;
        metrics.run_upkeep();
    }
}
