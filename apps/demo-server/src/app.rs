//! What all requests share, and the tasks that run meanwhile.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use socket_registry::Registry;
use socket_registry_axum::{Drain, OriginPolicy, Sessions, follow_online};
use tokio::time::{MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use crate::cli::Cli;
use crate::devices::Devices;
use crate::feed::Feed;
use crate::identity::Identity;
use crate::input::UserId;
use crate::log::Log;
use crate::onboard::Invitations;
use crate::online;
use crate::sockets::ONLINE;

/// However fast users come and go, no user can read what changes faster.
const COUNT_PACE: Duration = Duration::from_millis(100);

pub(crate) struct App {
    /// One fresh key per open page: the key count is the number of active users.
    pub(crate) active_users: Feed<Uuid>,
    /// The sockets that want to hear about a user's devices.
    pub(crate) device_sockets: Feed<UserId>,
    /// Which ids have those, as it is told.
    pub(crate) online: Mutex<Utf8Bytes>,
    pub(crate) devices: Devices,
    pub(crate) identity: Identity,
    pub(crate) invitations: Invitations,
    /// What a client is sent with every ping that wants to see them.
    pub(crate) ping: Utf8Bytes,
    /// For test suites.
    pub(crate) echoes: Sessions<Uuid>,
    pub(crate) origins: OriginPolicy,
    pub(crate) trusts_proxy: bool,
    /// What the QR code leads to, if it is not where the page was asked for.
    pub(crate) public_url: Option<String>,
    pub(crate) drain: Drain,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) log: Log,
}

impl App {
    pub(crate) fn new(cli: &Cli, metrics: PrometheusHandle, log: Log) -> Result<Self, Box<dyn Error>> {
        let mut active_users = Registry::builder().max_sockets_per_key(1);
        let mut device_sockets = Registry::builder().max_sockets_per_key(cli.max_sockets_per_id);
        if let Some(max) = cli.max_sockets {
            active_users = active_users.max_sockets(max);
            device_sockets = device_sockets.max_sockets(max);
        }
        let active_users = Feed::new(active_users.build()?, "active_users", COUNT_PACE, cli);
        let device_sockets = Feed::new(device_sockets.build()?, "devices", cli.update_every, cli);
        let origins =
            if cli.trust_proxy { OriginPolicy::same_origin().trusting_proxy() } else { OriginPolicy::same_origin() };
        Ok(Self {
            drain: cli.drain().of(&active_users.sessions).of(&device_sockets.sessions),
            active_users,
            device_sockets,
            online: Mutex::new(Utf8Bytes::from_static(r#"{"online":{"count":0,"ids":[],"sockets":[]}}"#)),
            devices: Devices::new(),
            identity: Identity::new(cli)?,
            invitations: Invitations::new(),
            ping: format!(r#"{{"ping":{}}}"#, cli.ping_every.as_secs_f64().ceil()).into(),
            echoes: Sessions::builder(Registry::new()).max_message(1 << 20).max_outgoing(2 << 20).build(),
            origins: cli.allow_origin.iter().chain(&cli.public_url).try_fold(origins, |all, one| all.allow(one))?,
            trusts_proxy: cli.trust_proxy,
            public_url: cli.public_url.clone(),
            metrics,
            log,
        })
    }
}

/// Tells all active users when their number changed. It comes to one walk over them in each pause,
/// however many join and leave.
///
/// The watch begins with the call: a task's first turn may come after the first users.
pub(crate) fn tell_count(users: Feed<Uuid>) -> impl Future<Output = ()> {
    let mut counts = users.registry().watch_counts();
    async move {
        loop {
            counts.changed().await;
            users.mark_all();
            sleep(COUNT_PACE).await;
        }
    }
}

/// Tells the pages that want to know who is online.
pub(crate) async fn tell_online(app: Arc<App>, grace: Duration) {
    let registry = app.device_sockets.registry();
    let mut told = String::new();
    let tell = |ids: &BTreeSet<UserId>| {
        let text = online::text(ids, |id| registry.sockets_of(id).len());
        if text != told {
            told.clone_from(&text);
            *app.online.lock() = text.into();
            app.active_users.mark_who_hears(ONLINE);
        }
    };
    follow_online(registry.presence(), registry.watch_counts(), grace, COUNT_PACE, tell).await;
}

/// Logs the number of active users when it changed, at most once a second. Its watch begins with
/// the call, too.
pub(crate) fn log_count(users: Feed<Uuid>) -> impl Future<Output = ()> {
    let mut counts = users.registry().watch_counts();
    async move {
        let mut logged = 0;
        loop {
            counts.changed().await;
            let count = counts.key_count();
            if std::mem::replace(&mut logged, count) != count {
                tracing::info!("active users {count}");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Once a second: lets the metrics empty their buffers, which would grow without end if no scraper
/// came for them.
pub(crate) async fn keep_up(metrics: PrometheusHandle) {
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        second.tick().await;
        metrics.run_upkeep();
    }
}
