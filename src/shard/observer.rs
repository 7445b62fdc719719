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
use crate::storage::table::epoch::ActivityEpoch;
use crate::storage::table::key_state::MAX_LIVE;
use crate::storage::table::{ActiveKey, Table};
use crate::util::panic::DeferredPanics;

/// Who is told what changes in a shard. It is called only if the shard's totals are watched.
pub(crate) trait Observer<K> {
    /// A key became active, and stays so during the call. Tells of its epoch, and then sets TOLD.
    fn key_active(&self, key: &K, epoch: &ActivityEpoch, panics: &mut DeferredPanics);

    /// A key became idle. Ends its epoch, and tells that.
    fn key_idle(&self, key: &K, epoch: &ActivityEpoch, panics: &mut DeferredPanics);

    /// The number of keys or sockets changed.
    fn counts_changed(&self, panics: &mut DeferredPanics);
}

/// Nobody: the totals of its shard are never watched.
impl<K> Observer<K> for () {
    fn key_active(&self, _: &K, _: &ActivityEpoch, _: &mut DeferredPanics) {}

    fn key_idle(&self, _: &K, _: &ActivityEpoch, _: &mut DeferredPanics) {}

    fn counts_changed(&self, _: &mut DeferredPanics) {}
}

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

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Tells the watchers of the registration of the socket at `addr`, by its owner.
    #[cold]
    pub(crate) fn notify_active(&self, addr: SlotAddr) {
        let mut panics = DeferredPanics::default();
        let (table, bucket) = self.bucket_of(addr);
        if !table.cold(bucket).epoch.is_told() {
            self.tell_active(table, bucket, &mut panics);
        }
        self.observer.counts_changed(&mut panics);
        panics.resume();
    }

    /// Tells the watchers of the epoch of the key that is in a bucket, by the owner of one of its
    /// sockets.
    fn tell_active(&self, table: &Table<K, M>, bucket: u32, panics: &mut DeferredPanics) {
        let Some(hold) = KeyHold::new(self, &ActiveKey::now(table, bucket)) else { return };
        // Gone: the caller's socket was superseded, and the epoch has ended. Full: as many others
        // are telling.
        let Ok(Some(guard)) = hold.join(MAX_LIVE) else { return };
        self.observer.key_active(&guard.key(), &table.cold(bucket).epoch, panics);
        panics.catch(|| drop(guard));
    }

    /// Tells the watchers that a key's epoch has ended, by whose step it was. The key and the bucket stay for the time of the call.
    #[cold]
    pub(crate) fn notify_idle(&self, table: &Table<K, M>, bucket: u32, key: &K, notice: &mut PendingNotice) {
        notice.is_due = true;
        self.observer.key_idle(key, &table.cold(bucket).epoch, &mut notice.panics);
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
        self.observer.counts_changed(&mut panics);
        panics.resume_unless_panicking();
    }
}
