//! What a shard reports to its watchers.
//!
//! # Why the start of an epoch is reported in time
//! - *Not after its end.* A takeover can supersede the new socket, and the takeover's socket can be
//!   dropped, before the registration has reported. So the reporting registration joins the key
//!   meanwhile. Its epoch cannot end, and so neither the end nor a later epoch is reported before
//!   this report is complete.
//! - *Before any registration of the epoch returns.* The first registration may be stopped while it
//!   reports. So every registration that finds TOLD unset reports the epoch, even while another one
//!   does. A subscription ignores what it already knows.
//! - *TOLD can be relied on.* It is set after the report. A subscription that joined the watchers
//!   too late for the report finds the key by its walk: the key was there before the reporter's
//!   step in the counts, and that step came before the subscription's.

use crate::shard::Shard;
use crate::shard::hold::KeyHold;
use crate::storage::slot::SlotAddr;
use crate::storage::table::epoch::ActivityEpoch;
use crate::storage::table::key_state::MAX_LIVE;
use crate::storage::table::{ActiveKey, BucketRef};
use crate::util::panic::DeferredPanics;

/// Receives the changes of a shard. The shard calls it only if its totals are watched.
pub(crate) trait Observer<K> {
    /// Reports the epoch of a key that became active, and then sets TOLD. The key stays active
    /// during the call. The two words are those of the key's identity.
    fn key_active(&self, key: &K, words: [u64; 2], epoch: &ActivityEpoch, panics: &mut DeferredPanics);

    /// Ends the epoch of a key that became idle, and reports that.
    fn key_idle(&self, key: &K, words: [u64; 2], epoch: &ActivityEpoch, panics: &mut DeferredPanics);

    /// Reports that the number of keys or sockets changed.
    fn counts_changed(&self, panics: &mut DeferredPanics);
}

/// Ignores everything: the totals of this observer's shard are never watched.
impl<K> Observer<K> for () {
    fn key_active(&self, _: &K, _: [u64; 2], _: &ActivityEpoch, _: &mut DeferredPanics) {}

    fn key_idle(&self, _: &K, _: [u64; 2], _: &ActivityEpoch, _: &mut DeferredPanics) {}

    fn counts_changed(&self, _: &mut DeferredPanics) {}
}

/// Notifications that a removal owes to the watchers.
#[derive(Default)]
pub(crate) struct PendingNotice {
    /// Whether the counts were changed and may be watched: `flush` is then due.
    is_due: bool,
    panics: DeferredPanics,
}

impl PendingNotice {
    /// Records a change of the counts, and whether they may be watched.
    #[inline]
    pub(crate) fn note(&mut self, is_watched: bool) {
        self.is_due |= is_watched;
    }
}

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Notifies the watchers of the registration of the socket at `addr`. Called by its owner.
    #[cold]
    pub(crate) fn notify_active(&self, addr: SlotAddr) {
        DeferredPanics::scope(|panics| {
            let bucket = self.bucket_of(addr);
            if !bucket.cold().epoch.is_told() {
                self.tell_active(bucket, panics);
            }
            self.observer.counts_changed(panics);
        });
    }

    /// Reports the epoch of the key in a bucket. Called by the owner of one of the key's sockets.
    fn tell_active(&self, bucket: BucketRef<'_, K, M>, panics: &mut DeferredPanics) {
        let Some(hold) = KeyHold::new(self, &ActiveKey::now(bucket)) else { return };
        // `Ok(None)`: the caller's socket was superseded, and the epoch has ended. `Err`: as many
        // other registrations as the count can hold are reporting.
        let Ok(Some(guard)) = hold.join(MAX_LIVE) else { return };
        let words = bucket.identity.words();
        self.observer.key_active(&guard.key(), words, &bucket.cold().epoch, panics);
        panics.catch(|| drop(guard));
    }

    /// Reports that a key's epoch has ended. Called by the thread whose step ended it. The key and
    /// the bucket stay during the call.
    #[cold]
    pub(crate) fn notify_idle(&self, bucket: BucketRef<'_, K, M>, key: &K) -> PendingNotice {
        let mut panics = DeferredPanics::default();
        self.observer.key_idle(key, bucket.identity.words(), &bucket.cold().epoch, &mut panics);
        PendingNotice { is_due: true, panics }
    }

    /// Drops what a removal left behind and, if the counts may be watched, notifies the count
    /// watches.
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
