//! How long a session's proof of identity is valid.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The time at which a session ends because its proof of identity is no longer valid. A clone is
/// the same expiry.
///
/// Keep a clone to renew it during the session, for example when the client sends a new token:
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
    /// Creates an expiry at that time of the wall clock, as tokens name it.
    #[must_use]
    pub fn at(time: SystemTime) -> Self {
        Self(Arc::new(AtomicU64::new(millis(time))))
    }

    /// Moves it to another time. The session notices a later time by itself, and an earlier one
    /// within [`ping_every`](crate::Builder::ping_every).
    pub fn renew(&self, time: SystemTime) {
        // Ordering: Relaxed. This is only a number: nothing else is published with it.
        self.0.store(millis(time), Ordering::Relaxed);
    }

    /// Returns whether the time has come.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    fn left(&self) -> Duration {
        // Ordering: Relaxed, as in `renew`.
        Duration::from_millis(self.0.load(Ordering::Relaxed).saturating_sub(millis(SystemTime::now())))
    }

    /// Returns the time on the clock of the timers. The wall clock may be set meanwhile: so ask
    /// [`is_over`](Self::is_over) at that time.
    pub(crate) fn instant(&self) -> Instant {
        // A year is as good as no end, and later times may not be possible.
        Instant::now() + self.left().min(Duration::from_secs(365 * 86_400))
    }
}

fn millis(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
