//! What a shard tells those who watch it.
//!
//! # Why a key's coming is told in time, and by whom
//! - *Not after its going.* A takeover can supersede the new socket and leave before the
//!   registration has told. So who tells joins the key meanwhile: its epoch cannot end, and so
//!   nobody tells the end, nor of a later epoch, before this was told.
//! - *Before any registration of the epoch returns.* The first one may be stopped while it tells.
//!   So every registration that finds the epoch not told tells it, also beside another; a
//!   subscription ignores what it knows.
//! - *Who finds TOLD may rely on it.* It is set after the telling, and a subscription that joined
//!   the watchers too late for that finds the key by its walk: the key was there before the
//!   teller's step in the counts, and that step before the subscription's.

use crate::shard::Shard;
use crate::shard::hold::KeyHold;
use crate::storage::slot::SlotAddr;
use crate::storage::table::epoch::{offline, online};
use crate::storage::table::key_state::MAX_LIVE;
use crate::storage::table::{ActiveKey, Table};
use crate::util::panic::DeferredPanics;
use crate::watch::Watchers;

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
    /// Tells the watchers of the registration of the socket at `addr`, by its owner.
    #[cold]
    pub(crate) fn notify_active(&self, addr: SlotAddr) {
        let Some(watchers) = &self.watchers else { return };
        let mut panics = DeferredPanics::default();
        let (table, bucket) = self.bucket_of(addr);
        if !table.cold(bucket).epoch.is_told() {
            self.tell_active(watchers, table, bucket, &mut panics);
        }
        watchers.mark(&mut panics);
        panics.resume();
    }

    /// Tells the watchers of the epoch of the key that is in a bucket, by the owner of one of its
    /// sockets.
    fn tell_active(&self, watchers: &Watchers<K>, table: &Table<K, M>, bucket: u32, panics: &mut DeferredPanics) {
        let Some(hold) = KeyHold::new(self, &ActiveKey::now(table, bucket)) else { return };
        // Gone: the caller's socket was superseded, and the epoch has ended. Full: as many others
        // are telling.
        let Ok(Some(guard)) = hold.join(MAX_LIVE) else { return };
        let epoch = &table.cold(bucket).epoch;
        if let Some(number) = epoch.number(&watchers.clock, || true) {
            watchers.push(&guard.key(), online(number), panics);
            epoch.set_told();
        }
        panics.catch(|| drop(guard));
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
