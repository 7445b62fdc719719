//! One shard: its tables and its slab; looking up, marking and walking in terms of them.

use crate::id::SocketId;
use crate::identity::Fingerprint;
use crate::layers::Layers;
use crate::ledger::Ledger;
use crate::limits::Sizes;
use crate::panics::Panics;
use crate::place::{Marked, Place};
use crate::slab::{Chain, Slab};
use crate::spot::Spot;
use crate::sync::Arc;
use crate::table::{Found, Table};
use crate::topics::Topics;
use crate::word::{self, Generation};
use crossbeam_utils::CachePadded;

/// One shard. Its first cache lines are read by every operation and written by none that is frequent.
pub(crate) struct Shard<K, M> {
    pub(crate) tables: CachePadded<Layers<Table<K, M>>>,
    pub(crate) slab: CachePadded<Slab<M>>,
    pub(crate) sizes: Sizes,
    pub(crate) index: usize,
    pub(crate) ledger: Arc<Ledger>,
}

impl<K, M> Shard<K, M> {
    pub(crate) fn new(index: usize, sizes: Sizes, ledger: Arc<Ledger>) -> Self {
        let slab = Slab::new(2 * sizes.max_lines);
        Self { tables: CachePadded::new(Layers::default()), slab: CachePadded::new(slab), sizes, index, ledger }
    }

    pub(crate) fn id(&self, spot: Spot, generation: Generation) -> SocketId {
        SocketId::new(self.index, self.sizes.shard_bits, spot, generation)
    }

    /// Asks for the memory that looking the key up will need.
    #[inline]
    pub(crate) fn prefetch(&self, print: &Fingerprint) {
        if let Some(table) = self.tables.newest() {
            table.prefetch(print);
        }
    }

    /// The key, if it is active.
    #[inline]
    pub(crate) fn find(&self, print: &Fingerprint) -> Option<Found<'_, K, M>> {
        self.tables.iter().find_map(|table| table.find(print))
    }

    pub(crate) fn table(&self, number: u32) -> Option<&Table<K, M>> {
        self.tables.iter().map(|layer| &**layer).find(|table| table.number() == number)
    }

    /// The place at `spot`, if there is one.
    pub(crate) fn place(&self, spot: Spot) -> Option<Place<'_, M>> {
        if spot.is_slot() {
            self.slab.slot(spot).map(|slot| slot.place())
        } else {
            self.table(spot.layer())?.place(spot.offset())
        }
    }

    /// Marks all sockets of a key; returns how many.
    #[inline]
    pub(crate) fn mark(&self, print: &Fingerprint, topics: Topics, panics: &mut Panics) -> usize {
        let mut marked = 0;
        if let Some(key) = self.find(print) {
            self.walk_key(&key, |spot, place, seen| {
                marked += usize::from(self.done(spot, place.mark(seen, topics), panics));
            });
        }
        marked
    }

    /// Marks one socket; false if it is gone.
    pub(crate) fn mark_socket(&self, spot: Spot, generation: Generation, topics: Topics, panics: &mut Panics) -> bool {
        self.live_place(spot, generation).is_some_and(|(place, seen)| self.done(spot, place.mark(seen, topics), panics))
    }

    /// Marks every socket; returns how many.
    pub(crate) fn mark_all(&self, topics: Topics, panics: &mut Panics) -> usize {
        let mut marked = 0;
        self.walk(|spot, place, seen| marked += usize::from(self.done(spot, place.mark(seen, topics), panics)));
        marked
    }

    /// Tells every socket to go.
    pub(crate) fn close_all(&self, panics: &mut Panics) {
        self.walk(|spot, place, seen| {
            self.done(spot, place.close(seen.generation()), panics);
        });
    }

    /// Tells one socket to go; false if it is gone.
    pub(crate) fn close_socket(&self, spot: Spot, generation: Generation, panics: &mut Panics) -> bool {
        self.place(spot).is_some_and(|place| self.done(spot, place.close(generation), panics))
    }

    /// Does what a mark asks for; false if the socket was gone.
    #[inline]
    fn done(&self, spot: Spot, marked: Marked<'_, M>, panics: &mut Panics) -> bool {
        match marked {
            Marked::Gone => return false,
            Marked::Live => {}
            Marked::Wake(waking) => {
                if let Some(last) = waking.wake(panics) {
                    let leftovers = self.settle(spot, last);
                    panics.catch(|| drop(leftovers));
                }
            }
        }
        true
    }

    /// The place of the socket of that generation, if it is live.
    pub(crate) fn live_place(&self, spot: Spot, generation: Generation) -> Option<(Place<'_, M>, word::Seen)> {
        let place = self.place(spot)?;
        let seen = place.word.load();
        seen.is_live_as(generation).then_some((place, seen))
    }

    /// Calls `f` for each live socket of the key: for all that are live from before the call until after it, and for none of another key.
    ///
    /// A socket's word is read first, then the key's presence. If that is as it was, the word is of that key; the chain
    /// stays the key's as long.
    #[inline]
    pub(crate) fn walk_key<'a>(&'a self, key: &Found<'a, K, M>, mut f: impl FnMut(Spot, Place<'a, M>, word::Seen)) {
        let &Found { table, bucket, seen } = key;
        let presence = &table.bucket(bucket).presence;
        let Some(own) = table.place(bucket) else { return };
        let own_seen = own.word.load();
        let mut now = presence.load();
        if now.is_still(seen) && own_seen.is_live() {
            f(Spot::bucket(table.number(), bucket), own, own_seen);
        }
        if !now.is_chained() {
            return;
        }
        let mut next = table.extras(bucket).chain.first();
        while let Some((spot, slot)) = next.and_then(|spot| Some((spot, self.slab.slot(spot)?))) {
            let place = slot.place();
            let slot_seen = place.word.load();
            next = Chain::after(slot);
            now = presence.load();
            if !now.is_still(seen) {
                return;
            }
            if slot_seen.is_live() {
                f(spot, place, slot_seen);
            }
        }
    }

    /// Calls `f` for each live socket: once for each that is live from before the call until after it.
    pub(crate) fn walk<'a>(&'a self, mut f: impl FnMut(Spot, Place<'a, M>, word::Seen)) {
        for table in self.tables.iter() {
            for (bucket, word) in table.words() {
                let seen = word.load();
                if seen.is_live()
                    && let Some(place) = table.place(bucket)
                {
                    f(Spot::bucket(table.number(), bucket), place, seen);
                }
            }
        }
        for (spot, slot) in self.slab.iter() {
            let place = slot.place();
            let seen = place.word.load();
            if seen.is_live() {
                f(spot, place, seen);
            }
        }
    }
}
