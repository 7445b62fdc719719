//! What all requests share, and the tasks beside them.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use socket_registry::Registry;
use tokio::time::{MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use crate::cli::Cli;
use crate::connection::Heartbeat;
use crate::devices::Devices;
use crate::feed::Feed;
use crate::identity::Identity;
use crate::input::UserId;
use crate::online;
use crate::sockets::ONLINE;

/// However fast users come and go, nobody reads what changes faster.
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
    pub(crate) heartbeat: Heartbeat,
    pub(crate) metrics: PrometheusHandle,
}

impl App {
    pub(crate) fn new(cli: &Cli, metrics: PrometheusHandle) -> Result<Self, Box<dyn Error>> {
        let mut active_users = Registry::builder().max_sockets_per_key(1);
        let mut device_sockets = Registry::builder().max_sockets_per_key(cli.max_sockets_per_id);
        if let Some(max) = cli.max_sockets {
            active_users = active_users.max_sockets(max);
            device_sockets = device_sockets.max_sockets(max);
        }
        Ok(Self {
            active_users: Feed::new(active_users.build()?, "active_users", COUNT_PACE),
            device_sockets: Feed::new(device_sockets.build()?, "devices", cli.update_every),
            online: Mutex::new(Utf8Bytes::from_static(r#"{"online":{"count":0,"ids":[],"sockets":[]}}"#)),
            devices: Devices::new(),
            identity: Identity::new(cli.auth_secret.as_ref())?,
            heartbeat: Heartbeat { every: cli.ping_every, within: cli.pong_within },
            metrics,
        })
    }
}

/// Tells all active users when their number changed. It comes to one walk over them in each pause, however many join and leave.
///
/// The watch begins with the call: a task's first turn may come after the first users.
pub(crate) fn tell_count(users: Feed<Uuid>) -> impl Future<Output = ()> {
    let mut counts = users.watch_counts();
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
    let tell = |text: String| {
        *app.online.lock() = text.into();
        app.active_users.mark_who_hears(ONLINE);
    };
    let sockets = &app.device_sockets;
    let socket_count = |id: &UserId| sockets.socket_count_of(id);
    online::follow(sockets.presence(), sockets.watch_counts(), socket_count, grace, COUNT_PACE, tell).await;
}

/// Logs the number of active users when it changed, at most once a second. Its watch begins with the call, too.
pub(crate) fn log_count(users: Feed<Uuid>) -> impl Future<Output = ()> {
    let mut counts = users.watch_counts();
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

/// Once a second: lets the metrics empty their buffers, which would grow for ever if nobody came for them.
pub(crate) async fn keep_up(metrics: PrometheusHandle) {
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        second.tick().await;
        metrics.run_upkeep();
    }
}
