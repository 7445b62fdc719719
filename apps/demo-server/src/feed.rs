//! A registry whose work is counted, and the sessions on it.

use std::hash::Hash;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use socket_registry::{Closed, Registry, Topics};
use socket_registry_axum::{Metrics, Sessions};

use crate::cli::Cli;
use crate::metrics::Meter;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

#[derive(Clone)]
pub(crate) struct Feed<K> {
    pub(crate) sessions: Sessions<K, Notes>,
    meter: Meter,
}

impl<K: Eq + Hash + Send + Sync + 'static> Feed<K> {
    pub(crate) fn new(registry: Registry<K, Notes>, name: &'static str, pace: Duration, cli: &Cli) -> Self {
        let meter = Meter::new(name);
        let sessions = Sessions::builder(registry)
            .ping_every(cli.ping_every)
            .pong_within(cli.pong_within)
            .send_within(cli.pong_within)
            .min_interval(pace)
            .metrics(meter.clone())
            .build();
        Self { sessions, meter }
    }

    pub(crate) fn registry(&self) -> &Registry<K, Notes> {
        self.sessions.registry()
    }

    /// Marks the key's sockets, and notes the time for those that have no mark unsent.
    pub(crate) fn mark(&self, key: &K) -> usize {
        // The time first, so that the task that takes the mark sees it.
        self.registry().for_each_of(key, |socket| {
            if !socket.metadata().marked_at.note() {
                self.meter.coalesced.increment(1);
            }
        });
        let marked = self.registry().mark(key);
        self.meter.marks.increment(marked as u64);
        marked
    }

    /// Marks every socket. The times of these marks are not noted: that would be a second walk over
    /// all of them.
    pub(crate) fn mark_all(&self) {
        let marked = self.registry().mark_all();
        self.meter.marks.increment(marked as u64);
    }

    /// Marks the sockets that want to hear of `topic`.
    pub(crate) fn mark_who_hears(&self, topic: Topics) {
        let marked = self.registry().mark_where_topics(|socket| socket.metadata().hears.contains(topic), topic);
        self.meter.marks.increment(marked as u64);
    }

    /// Sets the gauges to what the registry says now.
    pub(crate) fn gauge(&self) {
        self.meter.sockets.set(self.registry().socket_count() as f64);
        self.meter.keys.set(self.registry().key_count() as f64);
    }
}

/// What is known of a socket besides its key.
#[derive(Default)]
pub(crate) struct Notes {
    /// What it wants to be told of, besides what it is marked for by its key.
    hears: Topics,
    /// The earliest mark that was not taken yet, and the earliest of those that were taken and not
    /// sent.
    marked_at: MarkTime,
    taken: MarkTime,
}

impl Notes {
    pub(crate) fn hearing(hears: Topics) -> Self {
        Self { hears, ..Self::default() }
    }
}

impl Metrics<Notes> for Meter {
    fn registered(&self) {
        self.registrations.increment(1);
    }

    fn removed(&self) {
        self.removals.increment(1);
    }

    fn due(&self, notes: &Notes) {
        notes.taken.set_if_none(notes.marked_at.take());
    }

    fn sent(&self, notes: &Notes) {
        self.sent.increment(1);
        if let Some(marked_at) = notes.taken.take() {
            self.mark_to_send.record(START.elapsed().saturating_sub(Duration::from_nanos(marked_at)));
        }
    }

    fn not_sent(&self) {
        self.failed.increment(1);
    }

    fn closed(&self, reason: Closed) {
        self.told_to_go(reason).increment(1);
    }

    fn expired(&self) {
        self.expired.increment(1);
    }
}

/// Nanoseconds since the start, 0 for none.
#[derive(Default)]
struct MarkTime(AtomicU64);

// Ordering: relaxed throughout. The mark that follows a note, and the take that precedes a reading,
// order them.
impl MarkTime {
    /// False if there is an earlier one.
    fn note(&self) -> bool {
        self.set_if_none(Some((START.elapsed().as_nanos() as u64).max(1)))
    }

    fn set_if_none(&self, time: Option<u64>) -> bool {
        let time = time.unwrap_or_default();
        self.0.compare_exchange(0, time, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn take(&self) -> Option<u64> {
        Some(self.0.swap(0, Ordering::Relaxed)).filter(|&time| time > 0)
    }
}
