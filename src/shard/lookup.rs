//! From a key to its bucket, from an address to its slot.

use crate::shard::{PLACES_STAY, Shard};
use crate::storage::fingerprint::Fingerprint;
use crate::storage::slab::OverflowSlot;
use crate::storage::slot::{SlotAddr, SlotRef, SlotState};
use crate::storage::table::{ActiveKey, Candidate, Table};

impl<K, M> Shard<K, M> {
    /// The key, if it is active.
    #[inline]
    pub(crate) fn find(&self, print: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        self.glance(print).or_else(|| {
            // Copied and taken apart, lest all of this goes through memory also if a glance was enough.
            let print = *print;
            let ActiveKey { table, number, bucket, seen } = self.search(&print)?;
            Some(ActiveKey { table, number, bucket, seen })
        })
    }

    /// Where the key is, if it is where it is looked for first, or next.
    #[inline]
    pub(crate) fn guess(&self, print: &Fingerprint, distance: usize) -> Option<Candidate<'_, K, M>> {
        self.tables.newest()?.guess(print, distance)
    }

    /// The key, if it is active and where it is looked for first.
    #[inline]
    pub(crate) fn glance(&self, print: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        self.tables.newest()?.glance(print)
    }

    /// The key, if it is active, wherever it may be.
    #[inline(never)]
    pub(crate) fn search(&self, print: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        self.tables.iter().find_map(|table| table.find(print))
    }

    #[inline]
    pub(crate) fn table(&self, number: u32) -> Option<&Table<K, M>> {
        let newest = self.tables.newest()?;
        if newest.number() == number { Some(newest) } else { self.older_table(number) }
    }

    #[inline(never)]
    fn older_table(&self, number: u32) -> Option<&Table<K, M>> {
        self.tables.iter().map(|layer| &**layer).find(|table| table.number() == number)
    }

    /// The place at `spot`, if there is one.
    pub(crate) fn place(&self, spot: SlotAddr) -> Option<SlotRef<'_, M>> {
        if spot.is_slot() {
            self.slab.slot(spot).map(|slot| slot.place())
        } else {
            self.table(spot.layer())?.place(spot.offset())
        }
    }

    /// The place of a socket that exists.
    pub(crate) fn trusted_place(&self, spot: SlotAddr) -> SlotRef<'_, M> {
        self.place(spot).expect(PLACES_STAY)
    }

    /// Where the socket at `spot` is, by who knows that its key is in `bucket`.
    #[inline]
    pub(crate) fn place_of<'a>(&'a self, table: &'a Table<K, M>, bucket: u32, spot: SlotAddr) -> SlotRef<'a, M> {
        if spot.is_slot() { self.trusted_place(spot) } else { table.own_place(bucket) }
    }

    /// The word of the place at `spot`, if there is one.
    #[inline]
    pub(crate) fn word(&self, spot: SlotAddr) -> Option<&SlotState> {
        if spot.is_slot() {
            self.slab.slot(spot).map(OverflowSlot::word)
        } else {
            self.table(spot.layer())?.word(spot.offset())
        }
    }

    /// Where a word of this shard is.
    pub(crate) fn spot_of(&self, word: &SlotState) -> SlotAddr {
        let in_tables =
            self.tables.iter().find_map(|table| Some(SlotAddr::bucket(table.number(), table.bucket_of(word)?)));
        in_tables.or_else(|| self.slab.spot_of(word)).expect(PLACES_STAY)
    }

    /// Asks for the memory that looking the key up will need: first, or next if the key is not there.
    #[inline]
    pub(crate) fn prefetch(&self, print: &Fingerprint, distance: usize) {
        if let Some(table) = self.tables.newest() {
            table.prefetch(print, distance);
        }
    }
}
