//! How long a session's proof of identity is valid.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// When a session ends because its proof of identity is no longer valid. A clone is the same
/// expiry.
///
/// Keep a clone to renew it while the session goes on, for example when the client sends a new
/// token:
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use socket_registry_axum::Expiry;
///
/// let expiry = Expiry::at(SystemTime::now());
/// let renewal = expiry.clone();
/// assert!(expiry.is_over());
/// renewal.renew(SystemTime::now() + Duration::from_secs(600));
/// assert!(!expiry.is_over());
/// ```
#[derive(Clone, Debug)]
pub struct Expiry(Arc<AtomicU64>);

impl Expiry {
    /// An expiry at that time of the clock on the wall, which is what tokens name.
    #[must_use]
    pub fn at(time: SystemTime) -> Self {
        Self(Arc::new(AtomicU64::new(millis(time))))
    }

    /// Moves it to another time. The session notices a later time by itself, and an earlier one
    /// within [`ping_every`](crate::Builder::ping_every).
    pub fn renew(&self, time: SystemTime) {
        // Ordering: the number stands for itself, nothing else is published with it.
        self.0.store(millis(time), Ordering::Relaxed);
    }

    /// Whether the time has come.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    fn left(&self) -> Duration {
        // Ordering: the number stands for itself.
        Duration::from_millis(self.0.load(Ordering::Relaxed).saturating_sub(millis(SystemTime::now())))
    }

    /// On the clock of the timers. The clock on the wall may be set: ask [`is_over`](Self::is_over)
    /// then.
    pub(crate) fn instant(&self) -> Instant {
        // A year is as good as no end, and later times may not be possible.
        Instant::now() + self.left().min(Duration::from_secs(365 * 86_400))
    }
}

fn millis(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
