//! When the server is asked to stop, and how its clients leave.

use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::join;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::app::App;

/// Ctrl-C or, where there is such a thing, SIGTERM. Both are caught as soon as this exists.
#[cfg(unix)]
pub(crate) struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits until it is asked for, once more.
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ctrl-C, which is caught as soon as this exists.
#[cfg(windows)]
pub(crate) struct Stop(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    /// Waits until it is asked for, once more.
    pub(crate) async fn asked(&mut self) {
        self.0.recv().await;
    }
}

/// How clients are told to go.
pub(crate) struct Drain {
    /// How many sockets of each registry are told at once.
    pub(crate) batch: NonZeroUsize,
    /// The pause after a batch.
    pub(crate) every: Duration,
    /// For clients to leave once all were told.
    pub(crate) within: Duration,
}

impl Drain {
    /// Takes no more connections and no more sockets, tells those that there are to go, a batch at a time, and waits until all are gone or the
    /// time is up. A request that is under way is finished; it holds a receiver of `going_away`.
    pub(crate) async fn run(&self, app: &App, going_away: &watch::Sender<bool>) {
        going_away.send_replace(true);
        let gone = async || join!(app.active_users.drained(), app.device_sockets.drained());
        let batch = self.batch.get();
        let mut registries = (app.active_users.close_gradually(batch), app.device_sockets.close_gradually(batch));
        loop {
            let told = [registries.0.next(), registries.1.next()].map(Option::unwrap_or_default);
            let left = app.active_users.socket_count() + app.device_sockets.socket_count();
            tracing::info!(told = told.iter().sum::<usize>(), left, "sockets are told to go");
            if told.iter().all(|&told| told < batch) {
                break;
            }
            // Over early if nobody is left.
            let _ = timeout(self.every, gone()).await;
        }
        let all_gone = async { join!(gone(), going_away.closed()) };
        if timeout(self.within, all_gone).await.is_err() {
            let sockets = app.active_users.socket_count() + app.device_sockets.socket_count();
            tracing::warn!(sockets, "some clients did not leave in time");
        }
    }
}
