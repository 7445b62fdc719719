//! What all requests share.

use std::error::Error;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use socket_registry::Registry;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::cli::Cli;
use crate::connection::Heartbeat;
use crate::devices::Devices;
use crate::feed::Feed;
use crate::identity::Identity;
use crate::input::UserId;

pub(crate) struct App {
    /// One fresh key per open page: the key count is the number of active users.
    pub(crate) active_users: Feed<Uuid>,
    /// The sockets that want to hear about a user's devices.
    pub(crate) device_sockets: Feed<UserId>,
    pub(crate) devices: Devices,
    pub(crate) identity: Identity,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) metrics: PrometheusHandle,
    /// True once the server stops. Every connection's task holds a receiver until it is done.
    pub(crate) going_away: watch::Sender<bool>,
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
            active_users: Feed::new(active_users.build()?, "active_users"),
            device_sockets: Feed::new(device_sockets.build()?, "devices"),
            devices: Devices::new(),
            identity: Identity::new(cli.auth_secret.as_ref())?,
            heartbeat: Heartbeat { every: cli.ping_every, within: cli.pong_within },
            metrics,
            going_away: watch::Sender::new(false),
        })
    }
}

/// Once a second: logs the number of active users when it changed, and lets the metrics empty their buffers, which
/// would grow for ever if nobody came for them.
pub(crate) async fn each_second(users: Feed<Uuid>, metrics: PrometheusHandle) {
    let mut logged = None;
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        second.tick().await;
        metrics.run_upkeep();
        let count = users.key_count();
        if logged.replace(count) != Some(count) {
            tracing::info!("active users {count}");
        }
    }
}
