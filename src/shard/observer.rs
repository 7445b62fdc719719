//! What a shard tells those who watch it.

use crate::shard::Shard;
use crate::shard::register::Registered;
use crate::storage::table::Table;
use crate::storage::table::epoch::{offline, online};
use crate::util::panic::DeferredPanics;

/// What one who leaves owes to the watchers.
#[derive(Default)]
pub(crate) struct PendingNotice {
    /// The counts were changed, and somebody may be watching: `flush` it.
    is_due: bool,
    panics: DeferredPanics,
}

impl PendingNotice {
    /// The counts were changed, and may be watched.
    #[inline]
    pub(crate) fn note(&mut self, is_watched: bool) {
        self.is_due |= is_watched;
    }
}

impl<K, M> Shard<K, M> {
    /// Tells the watchers of a registration, by who now has its socket, under `key`.
    #[cold]
    pub(crate) fn notify_active(&self, registered: &Registered<K>, key: &K) {
        let Some(watchers) = &self.watchers else { return };
        let mut panics = DeferredPanics::default();
        if registered.is_first() {
            let (table, bucket) = self.bucket_of(registered.addr);
            // Not for certain: somebody may have taken over, and left.
            let is_active = || table.bucket(bucket).key_state.load().is_active();
            let number = table.cold(bucket).epoch.number(&watchers.clock, is_active);
            if let Some(number) = number {
                watchers.push(key, online(number), &mut panics);
            }
        }
        watchers.mark(&mut panics);
        panics.resume();
    }

    /// Tells the watchers that a key's epoch has ended, by whose step it was. The key and the bucket stay for the time of the call.
    #[cold]
    pub(crate) fn notify_idle(&self, table: &Table<K, M>, bucket: u32, key: &K, notice: &mut PendingNotice) {
        notice.is_due = true;
        // Without a number nobody ever learnt of the epoch.
        if let (Some(watchers), Some(number)) = (&self.watchers, table.cold(bucket).epoch.end()) {
            watchers.push(key, offline(number), &mut notice.panics);
        }
    }

    /// Drops what a removal left behind, and tells who watches the counts if there may be any.
    #[inline]
    pub(crate) fn flush_if_due(&self, notice: PendingNotice, drops: impl Sized) {
        if notice.is_due {
            self.flush(notice, drops);
        }
    }

    #[cold]
    fn flush(&self, notice: PendingNotice, drops: impl Sized) {
        let PendingNotice { mut panics, .. } = notice;
        panics.catch(|| drop(drops));
        if let Some(watchers) = &self.watchers {
            watchers.mark(&mut panics);
        }
        panics.resume_unless_panicking();
    }
}
