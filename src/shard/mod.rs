//! One shard: the state that it owns. Each module below holds the operations of one kind of call.

pub(crate) mod counters;
pub(crate) mod evict;
pub(crate) mod geometry;
pub(crate) mod gradual;
pub(crate) mod hold;
pub(crate) mod lookup;
pub(crate) mod mark;
pub(crate) mod mark_many;
pub(crate) mod observer;
pub(crate) mod owner;
pub(crate) mod register;
pub(crate) mod remove;
pub(crate) mod shards;
pub(crate) mod sweep;
pub(crate) mod takeover;
pub(crate) mod totals;
pub(crate) mod visit;
pub(crate) mod walk;

use crate::id::SocketId;
use crate::shard::counters::Counters;
use crate::shard::geometry::Geometry;
use crate::shard::observer::Observer;
use crate::shard::shards::ArrayPtr;
use crate::shard::totals::{ShardTotals, Totals};
use crate::storage::slab::Slab;
use crate::storage::slot::{LocalId, TakeoverClock};
use crate::storage::table::Table;
use crate::sync::Arc;
use crate::util::append_list::AppendList;
use crossbeam_utils::CachePadded;

/// Holds one shard. Every operation reads the fields that are not padded, and no frequent operation
/// writes them, so they share two lines. A shard has 384 bytes. If it had 512, as with `stats`,
/// these lines of all shards would fall into the same few sets of the cache.
#[repr(align(128))] // for `ShardHold`, whatever `CachePadded` is aligned to
pub(crate) struct Shard<K, M, O> {
    pub(crate) tables: AppendList<Table<K, M>>,
    pub(crate) slab: CachePadded<Slab<M>>,
    pub(crate) geometry: Geometry,
    pub(crate) index: usize,
    pub(crate) totals: Arc<Totals>,
    /// This shard's part of `totals`.
    pub(crate) own_totals: Arc<CachePadded<ShardTotals>>,
    pub(crate) counters: Counters,
    pub(crate) takeovers: CachePadded<TakeoverClock>,
    pub(crate) observer: O,
    /// Where this shard is.
    array: ArrayPtr<K, M, O>,
}

/// States why the slot of a socket is found: the message of every `expect` on a slot.
pub(crate) const SLOTS_STAY: &str = "a table is linked as long as a key is in it, a page as long as the shard";

impl<K, M, O> Shard<K, M, O> {
    fn new(index: usize, geometry: Geometry, totals: Arc<Totals>, array: ArrayPtr<K, M, O>, observer: O) -> Self {
        let (tables, slab) = (AppendList::default(), CachePadded::new(Slab::new(geometry.addresses)));
        let (counters, takeovers) = (Counters::default(), CachePadded::default());
        let own_totals = Arc::clone(totals.shard(index));
        Self { tables, slab, geometry, index, totals, own_totals, counters, takeovers, observer, array }
    }
}

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    pub(crate) fn id(&self, LocalId { addr, generation }: LocalId) -> SocketId {
        SocketId::new(self.index, self.geometry.shard_bits, addr, generation)
    }
}
