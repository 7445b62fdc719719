//! A registry whose work is counted, and the sockets that are registered in it.

use std::hash::Hash;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use metrics::Counter;
use socket_registry::{CloseReason, Closed, CountsWatch, Presence, RegisterError, Registry, Socket, Topics};
use tokio::time::sleep_until;

use crate::metrics::Meter;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

#[derive(Clone)]
pub(crate) struct Feed<K> {
    registry: Registry<K, Notes>,
    /// Between two updates of one socket, at least.
    pace: Duration,
    meter: Meter,
}

/// What a socket wants, other than to be told of updates.
#[derive(Default)]
pub(crate) struct Wishes {
    /// To be the only socket of its key.
    pub(crate) takes_over: bool,
    /// To be told of these right away.
    pub(crate) due: Topics,
    /// To be told of these besides.
    pub(crate) hears: Topics,
}

impl<K: Eq + Hash + Send + Sync + 'static> Feed<K> {
    pub(crate) fn new(registry: Registry<K, Notes>, name: &'static str, pace: Duration) -> Self {
        Self { registry, pace, meter: Meter::new(name) }
    }

    pub(crate) fn register(&self, key: K, wishes: Wishes) -> Result<Subscription<K>, RegisterError> {
        let Wishes { takes_over, due, hears } = wishes;
        let notes = Notes { first_mark: FirstMark::default(), hears };
        let registration = self.registry.registration(key, notes).due(due);
        let registration = if takes_over { registration.taking_over() } else { registration };
        let socket = registration.register()?;
        self.meter.registrations.increment(1);
        let removal = CountRemoval(self.meter.removals.clone());
        Ok(Subscription {
            socket,
            held: Update::default(),
            free_at: tokio::time::Instant::now(),
            pace: self.pace,
            meter: self.meter.clone(),
            _removal: removal,
        })
    }

    /// Marks the key's sockets, and notes the time for those that have no mark unsent.
    pub(crate) fn mark(&self, key: &K) -> usize {
        // The time first: whoever takes the mark sees it.
        self.registry.for_each_of(key, |socket| {
            if !socket.metadata().first_mark.note() {
                self.meter.coalesced.increment(1);
            }
        });
        let marked = self.registry.mark(key);
        self.meter.marks.increment(marked as u64);
        marked
    }

    /// Marks every socket. The times of these marks are not noted: that would be a second walk over all of them.
    pub(crate) fn mark_all(&self) {
        let marked = self.registry.mark_all();
        self.meter.marks.increment(marked as u64);
    }

    /// Marks the sockets that want to hear of `topic`.
    pub(crate) fn mark_who_hears(&self, topic: Topics) {
        let marked = self.registry.mark_where_topics(|socket| socket.metadata().hears.contains(topic), topic);
        self.meter.marks.increment(marked as u64);
    }

    /// Tells the key's sockets to go; returns how many there are.
    pub(crate) fn disconnect(&self, key: &K, reason: CloseReason) -> usize {
        self.registry.disconnect(key, reason)
    }

    /// Takes no more sockets from now on, and tells those that there are to go, so many whenever it is asked for the next.
    pub(crate) fn close_gradually(&self, batch: usize) -> impl Iterator<Item = usize> {
        self.registry.close_gradually(batch)
    }

    /// Waits until no socket is left.
    pub(crate) async fn drained(&self) {
        self.registry.drained().await;
    }

    pub(crate) fn watch_counts(&self) -> CountsWatch<K, Notes> {
        self.registry.watch_counts()
    }

    pub(crate) fn presence(&self) -> Presence<K, Notes>
    where
        K: Clone,
    {
        self.registry.presence()
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
    socket: Socket<K, Notes>,
    /// Was taken during the pause, and is to be sent after it.
    held: Update,
    free_at: tokio::time::Instant,
    pace: Duration,
    meter: Meter,
    _removal: CountRemoval,
}

impl<K: Eq + Hash + Send + Sync + 'static> Subscription<K> {
    pub(crate) fn key(&self) -> &K {
        self.socket.key()
    }

    /// Waits until an update is due and the pause after the last one is over. May be dropped at any point without loss.
    ///
    /// Through the pause the socket is waited for as well: who is told to go should not go on until it is over.
    pub(crate) async fn due(&mut self) -> Result<Update, Closed> {
        loop {
            if !self.held.topics.is_empty() && self.free_at <= tokio::time::Instant::now() {
                return Ok(std::mem::take(&mut self.held));
            }
            tokio::select! {
                biased;
                due = self.socket.due() => match due {
                    Ok(topics) => self.held.add(topics, self.socket.metadata().first_mark.take()),
                    Err(closed) => {
                        self.meter.told_to_go(closed).increment(1);
                        return Err(closed);
                    }
                },
                () = sleep_until(self.free_at), if !self.held.topics.is_empty() => {}
            }
        }
    }

    pub(crate) fn sent(&mut self, update: &Update) {
        self.free_at = tokio::time::Instant::now() + self.pace;
        self.meter.sent.increment(1);
        if let Some(marked_at) = update.marked_at {
            self.meter.mark_to_send.record(START.elapsed().saturating_sub(marked_at));
        }
    }

    /// Whoever has taken over is to send it.
    pub(crate) fn not_sent(&self, update: &Update) {
        self.socket.restore_due(update.topics);
        self.meter.failed.increment(1);
    }

    /// Whether it was told to go because the server stops.
    pub(crate) fn stops(&self) -> bool {
        self.socket.close_reason() == Some(Closed::Shutdown)
    }
}

/// What was held is for whoever has taken over.
impl<K> Drop for Subscription<K> {
    fn drop(&mut self) {
        self.socket.restore_due(self.held.topics);
    }
}

/// What was taken, and is to be sent.
#[derive(Default)]
pub(crate) struct Update {
    pub(crate) topics: Topics,
    /// Since the start. Unknown after `mark_all`, and where a mark's time was taken with the mark before it.
    marked_at: Option<Duration>,
}

impl Update {
    fn add(&mut self, topics: Topics, marked_at: Option<Duration>) {
        self.topics |= topics;
        self.marked_at = self.marked_at.or(marked_at);
    }
}

/// What is known of a socket beside its key.
pub(crate) struct Notes {
    first_mark: FirstMark,
    hears: Topics,
}

struct CountRemoval(Counter);

impl Drop for CountRemoval {
    fn drop(&mut self) {
        self.0.increment(1);
    }
}

/// When the earliest mark was made that no update tells of yet: nanoseconds since the start, 0 for none.
#[derive(Default)]
struct FirstMark(AtomicU64);

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
