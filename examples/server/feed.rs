//! A registry whose work is counted, and the sockets that are registered in it.

use std::hash::Hash;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use metrics::Counter;
use socket_registry::{Closed, RegisterError, Registry, Socket};

use crate::metrics::Meter;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

#[derive(Clone)]
pub(crate) struct Feed<K> {
    registry: Registry<K, FirstMark>,
    meter: Meter,
}

impl<K: Eq + Hash + Send + Sync + 'static> Feed<K> {
    pub(crate) fn new(registry: Registry<K, FirstMark>, name: &'static str) -> Self {
        Self { registry, meter: Meter::new(name) }
    }

    pub(crate) fn register(&self, key: K) -> Result<Subscription<K>, RegisterError> {
        let socket = self.registry.register(key)?;
        self.meter.registrations.increment(1);
        let removal = CountRemoval(self.meter.removals.clone());
        Ok(Subscription { socket, meter: self.meter.clone(), _removal: removal })
    }

    /// Marks the key's sockets, and notes the time for those that have no mark unsent.
    pub(crate) fn mark(&self, key: &K) -> usize {
        // The time first: whoever takes the mark sees it.
        for id in self.registry.sockets_of(key) {
            if self.registry.with_socket(id, |socket| socket.metadata().note()) == Some(false) {
                self.meter.coalesced.increment(1);
            }
        }
        let marked = self.registry.mark(key);
        self.meter.marks.increment(marked as u64);
        marked
    }

    /// Marks every socket. The times of these marks are not noted: that would be a second walk over all of them.
    pub(crate) fn mark_all(&self) {
        let marked = self.registry.mark_all();
        self.meter.marks.increment(marked as u64);
    }

    pub(crate) fn key_count(&self) -> usize {
        self.registry.key_count()
    }

    pub(crate) fn socket_count(&self) -> usize {
        self.registry.socket_count()
    }

    /// Sets the gauges to what the registry says now.
    pub(crate) fn gauge(&self) {
        self.meter.sockets.set(self.socket_count() as f64);
        self.meter.keys.set(self.key_count() as f64);
    }
}

/// One registered socket, removed when it is dropped. The fields drop in this order: a removal is counted when it is done.
pub(crate) struct Subscription<K> {
    socket: Socket<K, FirstMark>,
    meter: Meter,
    _removal: CountRemoval,
}

impl<K: Eq + Hash + Send + Sync + 'static> Subscription<K> {
    pub(crate) fn key(&self) -> &K {
        self.socket.key()
    }

    /// Waits until an update is due, and takes it. May be dropped at any point without loss.
    pub(crate) async fn due(&mut self) -> Result<Update, Closed> {
        self.socket.due().await?;
        Ok(Update { marked_at: self.socket.metadata().take() })
    }

    pub(crate) fn sent(&self, update: &Update) {
        self.meter.sent.increment(1);
        if let Some(marked_at) = update.marked_at {
            self.meter.mark_to_send.record(START.elapsed().saturating_sub(marked_at));
        }
    }

    pub(crate) fn not_sent(&self) {
        self.meter.failed.increment(1);
    }
}

/// What was taken, and is to be sent.
pub(crate) struct Update {
    /// Since the start. Unknown after `mark_all`, and where a mark's time was taken with the mark before it.
    marked_at: Option<Duration>,
}

struct CountRemoval(Counter);

impl Drop for CountRemoval {
    fn drop(&mut self) {
        self.0.increment(1);
    }
}

/// When the earliest mark was made that no update tells of yet: nanoseconds since the start, 0 for none.
#[derive(Default)]
pub(crate) struct FirstMark(AtomicU64);

// Ordering: relaxed throughout. The mark that follows a note, and the take that precedes a reading, order them.
impl FirstMark {
    /// False if an earlier mark is unsent.
    fn note(&self) -> bool {
        let now = START.elapsed().as_nanos() as u64;
        self.0.compare_exchange(0, now.max(1), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn take(&self) -> Option<Duration> {
        match self.0.swap(0, Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }
}
