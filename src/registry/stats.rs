//! Statistics of what a registry has done since it was created. Counted only with the feature
//! `stats`.

use crate::id::SocketId;
use crate::registry::Registry;
#[cfg(feature = "stats")]
use crate::registry::RegistryShard;
use crate::shard::counters::Event;

/// What a registry has done since it was created, and how large its tables are: from
/// [`Registry::stats`].
#[cfg(feature = "stats")]
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Marked sockets, counted once for each mark: the sum of what all marks returned. Topics
    /// that an owner gives back, or that a takeover hands on, were counted when they were marked.
    pub marks: u64,
    /// Those of `marks` that changed nothing, because the topics were already due.
    pub coalesced: u64,
    /// Waiting tasks that were woken, by marks or because their sockets were closed.
    pub wakes: u64,
    /// Sockets that were registered.
    pub registrations: u64,
    /// Sockets that were removed.
    pub removals: u64,
    /// Operations by [`SocketId`] that found no live socket.
    pub stale_ids: u64,
    /// Registrations that were refused because a limit was reached.
    pub refusals: u64,
    /// Sockets that were closed because another socket took over their key, in this registry or
    /// elsewhere (see [`Registry::supersede`]).
    pub takeovers: u64,
    /// Tables of all shards that are in use. A shard has none before its first registration. It
    /// gets one more each time that it grows, or that the buckets within reach of a key are used
    /// up.
    pub tables: usize,
    /// Buckets in these tables. Each can hold one key.
    pub buckets: usize,
    /// Tables that were replaced and are empty. They stay in memory as long as the registry.
    pub retired_tables: usize,
    /// Slots for additional sockets of keys: in use, vacant or used up.
    pub slots: usize,
    /// Groups of 16 neighbouring buckets or slots, of which at least one is in use. A walk over
    /// all sockets, such as [`mark_all`](Registry::mark_all), looks at all 16 of each such group,
    /// and at one number for every four groups.
    pub groups_in_use: usize,
    /// The share of addresses that is used up in the shard where it is largest. Tables and slots
    /// take addresses that are never used again, so that ids do not repeat. A shard that has none
    /// left refuses sockets as [`Full`](crate::RegisterError::Full); create a new registry before
    /// that.
    pub addresses: f64,
    /// Active keys per bucket, or 0 if there are no buckets.
    pub load: f64,
}

#[cfg(feature = "stats")]
impl Stats {
    fn add<K, M>(&mut self, shard: &RegistryShard<K, M>) {
        let read = |event| shard.counters.read(event);
        let coalesced = read(Event::Coalesced);
        self.marks += read(Event::Changed) + coalesced;
        self.coalesced += coalesced;
        self.wakes += read(Event::Woke);
        self.registrations += read(Event::Registered);
        self.removals += read(Event::Removed);
        self.stale_ids += read(Event::StaleId);
        self.refusals += read(Event::Refused);
        self.takeovers += read(Event::Superseded);
        self.tables += shard.tables.iter().count();
        self.buckets += shard.tables.iter().map(|table| table.bucket_count() as usize).sum::<usize>();
        self.retired_tables += shard.tables.len().saturating_sub(shard.tables.iter().count());
        let (buckets, slots) = (shard.tables.newest().map_or(0, |table| table.end() as usize), shard.slab.slot_count());
        self.slots += slots;
        self.groups_in_use += shard.groups_in_use();
        self.addresses = self.addresses.max(buckets.max(slots) as f64 / shard.geometry.addresses as f64);
    }
}

#[cfg(feature = "stats")]
impl<K, M> Registry<K, M> {
    /// Returns what the registry has done since it was created, and how large its tables are.
    /// Needs the feature `stats`.
    ///
    /// Each number is exact if no call is in flight. While calls are in flight, the numbers may
    /// belong to different moments. Wait-free.
    ///
    /// ```
    /// use socket_registry::Registry;
    ///
    /// let registry: Registry<u64> = Registry::new();
    /// let socket = registry.register(42)?;
    /// registry.mark(&42);
    /// registry.mark(&42);
    /// let stats = registry.stats();
    /// assert_eq!((stats.registrations, stats.marks, stats.coalesced), (1, 2, 1));
    /// assert_eq!(stats.load, 1.0 / stats.buckets as f64);
    /// # Ok::<(), socket_registry::RegisterError>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        for shard in self.shards() {
            stats.add(shard);
        }
        if stats.buckets > 0 {
            stats.load = self.key_count() as f64 / stats.buckets as f64;
        }
        stats
    }
}

impl<K, M> Registry<K, M> {
    /// Counts an operation by id that found no socket. Returns `found`.
    #[inline]
    pub(super) fn note_stale(&self, id: SocketId, found: bool) -> bool {
        if !found {
            self.shard_of(id).counters.count(Event::StaleId);
        }
        found
    }
}
