//! Lookups: from a key to its bucket, from an address to its slot.

use crate::shard::observer::Observer;
use crate::shard::{SLOTS_STAY, Shard};
use crate::storage::fingerprint::Fingerprint;
use crate::storage::slab::OverflowSlot;
use crate::storage::slot::{SlotAddr, SlotHead, SlotRef};
use crate::storage::table::{ActiveKey, BucketRef, Table};

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Finds the key, if it is active.
    #[inline(always)]
    pub(crate) fn find(&self, fingerprint: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        self.find_near(fingerprint).or_else(|| {
            // The fingerprint is copied and the result taken apart. Otherwise both would go through
            // memory even if `find_near` succeeds.
            let fingerprint = *fingerprint;
            let ActiveKey { bucket, seen } = self.find_slow(&fingerprint)?;
            Some(ActiveKey { bucket, seen })
        })
    }

    /// Returns the bucket where the key is, if it is in its first pair.
    #[inline]
    pub(crate) fn candidate(&self, fingerprint: &Fingerprint) -> Option<BucketRef<'_, K, M>> {
        Some(self.tables.newest()?.candidate(fingerprint))
    }

    /// Returns the buckets where the key may be in the newest table, if it is not in its first
    /// pair.
    #[inline]
    pub(crate) fn displaced(&self, fingerprint: &Fingerprint) -> impl Iterator<Item = BucketRef<'_, K, M>> {
        self.tables.newest().into_iter().flat_map(|table| table.displaced(table.start(fingerprint.hash)))
    }

    /// Finds the key, if it is active and in its first pair.
    #[inline(always)]
    pub(crate) fn find_near(&self, fingerprint: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        self.tables.newest()?.find_near(fingerprint)
    }

    /// Tells whether the key is surely not active, by a look at the identities where it may be in
    /// the newest table, and at its home in each older one, or at the identities there. Most absent
    /// keys end here. The newest table comes first, as in `find_slow`.
    #[inline]
    pub(crate) fn lacks(&self, fingerprint: &Fingerprint) -> bool {
        let mut tables = self.tables.iter();
        let newest_lacks = tables.next().is_none_or(|newest| newest.lacks(fingerprint));
        newest_lacks && tables.all(|older| older.filters_out(fingerprint) || older.lacks(fingerprint))
    }

    /// Finds the key, if it is active, in any table.
    #[inline(never)]
    pub(crate) fn find_slow(&self, fingerprint: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        let newest = self.tables.newest()?;
        newest.find(fingerprint).or_else(|| {
            let mut older = std::iter::successors(newest.older(), |segment| segment.older());
            older.find_map(|table| table.find_superseded(fingerprint))
        })
    }

    /// Returns the bucket at `addr`, if its table is linked.
    #[inline]
    pub(crate) fn bucket(&self, addr: SlotAddr) -> Option<BucketRef<'_, K, M>> {
        let newest = self.tables.newest()?;
        newest.bucket_at_index(addr.index()).or_else(|| self.older_bucket(addr))
    }

    /// Returns the newest linked table that begins at this index or a lower one.
    pub(crate) fn table_up_to(&self, index: u32) -> Option<&Table<K, M>> {
        self.tables.iter().map(|segment| &**segment).find(|table| table.first() <= index)
    }

    #[inline(never)]
    fn older_bucket(&self, addr: SlotAddr) -> Option<BucketRef<'_, K, M>> {
        self.tables.iter().find_map(|table| table.bucket_at_index(addr.index()))
    }

    /// Returns the slot at `addr`, if it exists. For ids from outside.
    pub(crate) fn slot(&self, addr: SlotAddr) -> Option<SlotRef<'_, M>> {
        if addr.is_overflow() {
            self.slab.slot(addr).map(|slot| slot.slot_ref())
        } else {
            let bucket = self.bucket(addr)?;
            Some(bucket.inline_slot())
        }
    }

    /// Returns the slot of a socket that exists.
    pub(crate) fn slot_at(&self, addr: SlotAddr) -> SlotRef<'_, M> {
        self.slot(addr).expect(SLOTS_STAY)
    }

    /// Returns the slot at `addr` of a socket whose key is in `bucket`, without a search for the
    /// table.
    #[inline]
    pub(crate) fn slot_of<'a>(&'a self, bucket: BucketRef<'a, K, M>, addr: SlotAddr) -> SlotRef<'a, M> {
        debug_assert!(addr.is_overflow() || addr == bucket.addr());
        if addr.is_overflow() { self.slab.slot_at(addr).slot_ref() } else { bucket.inline_slot() }
    }

    /// Returns the head of the slot at `addr`, if the slot exists.
    #[inline]
    pub(crate) fn head(&self, addr: SlotAddr) -> Option<&SlotHead> {
        if addr.is_overflow() {
            self.slab.slot(addr).map(OverflowSlot::head)
        } else {
            self.bucket(addr).map(BucketRef::head)
        }
    }

    /// Returns the address of the slot that has this head.
    pub(crate) fn addr_of(&self, head: &SlotHead) -> SlotAddr {
        let in_tables = self.tables.iter().find_map(|table| table.bucket_of(head).map(BucketRef::addr));
        in_tables.or_else(|| self.slab.addr_of(head)).expect(SLOTS_STAY)
    }

    /// Prefetches the memory that a lookup of the key reads first.
    #[inline]
    pub(crate) fn prefetch(&self, fingerprint: &Fingerprint) {
        if let Some(table) = self.tables.newest() {
            table.prefetch(fingerprint);
        }
    }
}
