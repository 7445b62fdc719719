//! How a server that stops lets its clients go.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use socket_registry::Registry;
use tokio::join;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::sessions::Sessions;

/// Lets the clients of one or more registries go, a batch at a time. A clone is the same drain.
///
/// [`run`](Self::run) does it, in four steps:
/// 1. During the *notice*, [`is_stopping`](Self::is_stopping) returns true, and everything else
///    continues. So a load balancer that asks for the server's health stops sending clients.
/// 2. [`closing`](Self::closing) completes, and the listener should close.
/// 3. The drain closes the sockets batch by batch, with close code 1001.
/// 4. The drain waits until the sockets have left.
///
/// ```
/// use std::time::Duration;
/// use axum::{Router, http::StatusCode, routing::get};
/// use socket_registry::Registry;
/// use socket_registry_axum::{Drain, Sessions};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let sessions: Sessions<u64> = Sessions::new(Registry::new());
/// let drain = Drain::new().of(&sessions).notice(Duration::from_millis(5));
/// let health = drain.clone();
/// let healthz = async move || if health.is_stopping() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
/// let app = Router::new().route("/healthz", get(healthz));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
///
/// let server = axum::serve(listener, app).with_graceful_shutdown(drain.closing());
/// let asked = async {}; // … a signal
/// let (served, left_behind) = tokio::join!(server.into_future(), async {
///     asked.await;
///     drain.run().await
/// });
/// assert_eq!(left_behind, 0);
/// # served }
/// ```
#[derive(Clone)]
pub struct Drain {
    phase: Arc<watch::Sender<Phase>>,
    guards: Arc<watch::Sender<()>>,
    registries: Vec<Arc<dyn Drained>>,
    notice: Duration,
    batch: NonZeroUsize,
    every: Duration,
    within: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Phase {
    Serving,
    Notice,
    Closing,
}

/// Keeps [`Drain::run`] waiting as long as it exists: see [`Drain::guard`].
#[derive(Debug)]
pub struct DrainGuard {
    _guard: watch::Receiver<()>,
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}

impl Drain {
    /// Creates a drain without sessions.
    #[must_use]
    pub fn new() -> Self {
        Self {
            phase: Arc::new(watch::Sender::new(Phase::Serving)),
            guards: Arc::new(watch::Sender::new(())),
            registries: Vec::new(),
            notice: Duration::ZERO,
            batch: NonZeroUsize::new(10_000).expect("above 0"),
            every: Duration::from_secs(2),
            within: Duration::from_secs(8),
        }
    }

    /// Adds these sessions to the drain.
    #[must_use]
    pub fn of<K, M>(mut self, sessions: &Sessions<K, M>) -> Self
    where
        K: Eq + Hash + Send + Sync + 'static,
        M: Send + Sync + 'static,
    {
        self.registries.push(Arc::new(sessions.registry().clone()));
        self
    }

    /// Sets how long the server says that it stops, and still serves (default: not at all).
    #[must_use]
    pub fn notice(mut self, notice: Duration) -> Self {
        self.notice = notice;
        self
    }

    /// Sets how many sockets of each registry are closed together (default: 10,000).
    #[must_use]
    pub fn batch(mut self, batch: NonZeroUsize) -> Self {
        self.batch = batch;
        self
    }

    /// Sets the pause after a batch, so that not all clients turn to another server at the same
    /// moment (default: 2 seconds).
    #[must_use]
    pub fn every(mut self, pause: Duration) -> Self {
        self.every = pause;
        self
    }

    /// Sets how long clients may take to leave once all sockets are closed (default: 8 seconds).
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Returns whether the server is stopping: what `/healthz` should say.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.phase.borrow() > Phase::Serving
    }

    /// Waits until the notice is over and nothing new should come in: for
    /// [`axum::serve`](fn@axum::serve)'s `with_graceful_shutdown`.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut phase = self.phase.subscribe();
        async move {
            // An error means that there is no drain any more that could begin.
            if phase.wait_for(|&phase| phase == Phase::Closing).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Returns a guard that the drain waits for, as it waits for the sockets. Hold it during a
    /// request, for example.
    #[must_use]
    pub fn guard(&self) -> DrainGuard {
        DrainGuard { _guard: self.guards.subscribe() }
    }

    /// Runs the drain. Returns how many sockets are left because their clients did not leave in
    /// time.
    ///
    /// Dropping the future ends the drain early.
    pub async fn run(&self) -> usize {
        self.phase.send_replace(Phase::Notice);
        sleep(self.notice).await;
        self.phase.send_replace(Phase::Closing);
        let batch = self.batch.get();
        let mut walks: Vec<_> = self.registries.iter().map(|registry| registry.close_gradually(batch)).collect();
        loop {
            let told: Vec<_> = walks.iter_mut().map(|walk| walk.next().unwrap_or_default()).collect();
            tracing::info!(told = told.iter().sum::<usize>(), left = self.left(), "sockets are closed");
            if told.iter().all(|&told| told < batch) {
                break;
            }
            // Over early if no socket is left.
            let _ = timeout(self.every, self.all_left()).await;
        }
        let all_done = async { join!(self.all_left(), self.guards.closed()) };
        if timeout(self.within, all_done).await.is_err() {
            tracing::warn!(sockets = self.left(), "some clients did not leave in time");
        }
        self.left()
    }

    fn left(&self) -> usize {
        self.registries.iter().map(|registry| registry.socket_count()).sum()
    }

    async fn all_left(&self) {
        join_all(self.registries.iter().map(|registry| registry.drained())).await;
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain")
            .field("phase", &*self.phase.borrow())
            .field("registries", &self.registries.len())
            .finish_non_exhaustive()
    }
}

/// A registry of any keys.
trait Drained: Send + Sync {
    fn close_gradually(&self, batch: usize) -> Box<dyn Iterator<Item = usize> + Send + '_>;
    fn drained(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    fn socket_count(&self) -> usize;
}

impl<K, M> Drained for Registry<K, M>
where
    K: Eq + Hash + Send + Sync + 'static,
    M: Send + Sync + 'static,
{
    fn close_gradually(&self, batch: usize) -> Box<dyn Iterator<Item = usize> + Send + '_> {
        Box::new(self.close_gradually(batch))
    }

    fn drained(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.drained())
    }

    fn socket_count(&self) -> usize {
        self.socket_count()
    }
}
