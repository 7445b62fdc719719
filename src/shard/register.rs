//! How sockets enter a shard: the steps of a registration, in order.
//!
//! 1. Take a permit.
//! 2. Be counted in the key's state: insert the key; or hold it, compare it, and join it.
//! 3. Claim a slot and occupy it: the bucket's inline slot, a vacant slot of the key's chain, or a
//!    new one.
//! 4. Count the key in the totals. If the registry is closed, close the new socket.
//! 5. Make the handle. If the key may be revoked, see whether it is, and if so close the socket. If
//!    the socket takes over, supersede the others (see `takeover`). If the shard evicts and the key
//!    has more sockets than its limit, evict the oldest (see `evict`). If the registry is watched,
//!    notify the watchers.

use crate::error::{CloseReason, Closed, RegisterError, RejectedRegistration};
use crate::shard::Shard;
use crate::shard::counters::Event;
use crate::shard::geometry::{Geometry, TableSize};
use crate::shard::hold::{JoinGuard, KeyHold};
use crate::shard::observer::{Observer, PendingNotice};
use crate::shard::owner::Owner;
use crate::shard::shards::{ShardHold, Shards};
use crate::shard::totals::Flags;
use crate::storage::fingerprint::Fingerprint;
use crate::storage::slot::{Claimed, LocalId, SlotHead};
use crate::storage::table::insert::InsertOutcome;
use crate::storage::table::key_state::MAX_LIVE;
use crate::storage::table::{ActiveKey, Table};
use crate::sync::fence_after_step;
use crate::topics::Topics;
use crate::util::append_list::Segment;
use crate::util::panic::DeferredPanics;

/// Holds the options of a registration.
#[derive(Clone, Copy, Default)]
pub(crate) struct RegisterOptions {
    /// The topics that are due for the socket from the beginning.
    pub(crate) due: Topics,
    /// Whether the socket supersedes the other sockets of its key.
    pub(crate) takes_over: bool,
}

/// A socket that is published and has no handle yet.
pub(crate) struct Published<'a, K, M, O> {
    pub(crate) head: &'a SlotHead,
    /// That of the handle.
    pub(crate) hold: ShardHold<K, M, O>,
    /// The caller's key, if an equal one was already there.
    spare: Option<K>,
    /// The counts' word before the socket's step.
    before: Flags,
}

/// A permit for one more socket. Dropping it returns the permit.
struct Permit<'a, K, M, O: Observer<K>>(&'a Shard<K, M, O>);

impl<K, M, O: Observer<K>> Drop for Permit<'_, K, M, O> {
    fn drop(&mut self) {
        let mut notice = PendingNotice::default();
        notice.note(self.0.own_totals.release_permit());
        self.0.flush_if_due(notice, ());
    }
}

impl<K: Eq, M, O: Observer<K>> Shards<K, M, O> {
    /// Registers a socket, or returns the key and the metadata. `revocation` returns why the key is
    /// revoked, if it is.
    ///
    /// Lock-free, except for the allocator when the shard grows.
    #[inline]
    pub(crate) fn register(
        &self,
        fingerprint: &Fingerprint,
        key: K,
        metadata: M,
        options: RegisterOptions,
        revocation: impl Fn() -> Option<CloseReason>,
    ) -> Result<Owner<K, M, O>, RejectedRegistration<K, M>> {
        let shard = self.of(fingerprint);
        let flags = shard.own_totals.flags();
        if flags.has_revocations() && revocation().is_some() {
            return Err(RejectedRegistration { error: RegisterError::Revoked, key, metadata });
        }
        if flags.is_closed() {
            return Err(RejectedRegistration { error: RegisterError::Closed, key, metadata });
        }
        let published = shard.publish(fingerprint, key, metadata, options).inspect_err(|rejected| {
            if matches!(rejected.error, RegisterError::Full | RegisterError::KeyFull) {
                shard.counters.count(Event::Refused);
            }
        })?;
        shard.counters.count(Event::Registered);
        let Published { head, hold, spare, before } = published;
        let mut owner = Owner::new(hold, head);
        if before.has_revocations() {
            if let Some(reason) = revocation() {
                owner.close(Closed::Disconnected(reason));
            }
        }
        if options.takes_over {
            owner.take_over();
        }
        if shard.geometry.evicts_oldest {
            owner.evict_oldest();
        }
        if before.is_watched() {
            owner.notify_active();
        }
        // The spare key is dropped last: if its drop panics, the handle's drop removes the socket.
        drop(spare);
        Ok(owner)
    }
}

impl<K: Eq, M, O: Observer<K>> Shard<K, M, O> {
    /// Runs steps 1 to 4.
    #[inline(always)]
    pub(crate) fn publish(
        &self,
        fingerprint: &Fingerprint,
        key: K,
        metadata: M,
        options: RegisterOptions,
    ) -> Result<Published<'_, K, M, O>, RejectedRegistration<K, M>> {
        if let Some(newest) = self.tables.newest() {
            newest.prefetch_insertion(fingerprint);
        }
        if !self.totals.acquire_permit(self.index) {
            return Err(RejectedRegistration { error: RegisterError::Full, key, metadata });
        }
        let permit = Permit(self);
        let (guard, claimed, spare) = match self.enter(fingerprint, key, options) {
            Ok(entered) => entered,
            Err((error, key)) => return Err(RejectedRegistration { error, key, metadata }),
        };
        if options.takes_over {
            claimed.turn().draw(&self.takeovers);
        } else if self.geometry.evicts_oldest {
            claimed.turn().draw_in_order(&self.takeovers);
        } else if spare.is_some() && guard.is_chained() {
            claimed.turn().note_now(&self.takeovers);
        }
        let (head, generation) = claimed.occupy(metadata, options.due);
        // The socket that inserted the key counts it. The step also counts the handle, and reads
        // the flags: see `totals`.
        let (hold, before) = self.hold(spare.is_none().into());
        // Ordering: sequentially consistent, pairs with the fence of a mark. Either that mark meets
        // the socket, or the caller sees what was written before the mark.
        fence_after_step();
        // From here on the socket owns the count and the permit, and `remove` gives them back.
        std::mem::forget((guard, permit));
        if before.is_closed() {
            // No task waits for the socket yet, so this calls no waker.
            let id = LocalId { addr: self.addr_of(head), generation };
            self.close_socket(id, Closed::Shutdown, &mut DeferredPanics::default());
        }
        Ok(Published { head, hold, spare, before })
    }

    /// Runs steps 2 and 3, but does not occupy the slot. Returns the key if it was not needed.
    #[inline(always)]
    fn enter(
        &self,
        fingerprint: &Fingerprint,
        mut key: K,
        options: RegisterOptions,
    ) -> Result<Entered<'_, K, M, O>, (RegisterError, K)> {
        loop {
            let newest = match self.newest_table() {
                Ok(newest) => newest,
                Err(error) => return Err((error, key)),
            };
            let found = match self.find_sealing(newest, fingerprint) {
                Some(found) => found,
                None => match newest.insert(fingerprint, key) {
                    InsertOutcome::Inserted(bucket, claimed) => {
                        let guard = JoinGuard { shard: self, bucket };
                        return Ok((guard, claimed, None));
                    }
                    InsertOutcome::Exists(found, back) => {
                        key = back;
                        found
                    }
                    InsertOutcome::NoRoom(back) => {
                        key = back;
                        match self.grow(newest) {
                            Ok(()) => continue,
                            Err(error) => return Err((error, key)),
                        }
                    }
                },
            };
            match self.join(&found, &key, options) {
                Ok(Some((guard, claimed))) => return Ok((guard, claimed, Some(key))),
                Ok(None) => {}
                Err(error) => return Err((error, key)),
            }
        }
    }

    /// Joins the key that was found, and claims a slot. Returns none if the key has gone idle.
    #[inline(always)]
    fn join<'a>(
        &'a self,
        found: &ActiveKey<'a, K, M>,
        key: &K,
        options: RegisterOptions,
    ) -> Result<Option<Joined<'a, K, M, O>>, RegisterError> {
        let Some(hold) = KeyHold::to_join(self, found)? else { return Ok(None) };
        if *hold.key() != *key {
            return Err(RegisterError::IndistinctHash);
        }
        // A socket that takes over will be the only one, so the number of the others does not
        // refuse it. Nor does it if the oldest of them will be evicted.
        let Geometry { max_per_key, evicts_oldest, .. } = self.geometry;
        let limit = if options.takes_over || evicts_oldest { MAX_LIVE } else { max_per_key };
        let Some(guard) = hold.join(limit)? else { return Ok(None) };
        let claimed = guard.take_slot()?;
        Ok(Some((guard, claimed)))
    }
}

type Joined<'a, K, M, O> = (JoinGuard<'a, K, M, O>, Claimed<'a, M>);
type Entered<'a, K, M, O> = (JoinGuard<'a, K, M, O>, Claimed<'a, M>, Option<K>);

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// If there are tables older than `newest`: searches all for the key, and seals each older one
    /// against it.
    #[inline]
    fn find_sealing<'a>(
        &'a self,
        newest: &'a Segment<Table<K, M>>,
        fingerprint: &Fingerprint,
    ) -> Option<ActiveKey<'a, K, M>> {
        newest.older().and_then(|older| self.find_sealing_older(newest, older, fingerprint))
    }

    /// Does the work of `find_sealing`, and unlinks older tables that turn out to be empty.
    ///
    /// The key is never in two tables: its inserter had sealed the older ones against it and had
    /// not found it there. So a key that is found in the newest need not be sought.
    #[cold]
    #[inline(never)]
    fn find_sealing_older<'a>(
        &'a self,
        newest: &'a Segment<Table<K, M>>,
        mut older: &'a Segment<Table<K, M>>,
        fingerprint: &Fingerprint,
    ) -> Option<ActiveKey<'a, K, M>> {
        if let Some(found) = newest.find(fingerprint) {
            return Some(found);
        }
        let mut newer = newest;
        loop {
            if let Some(found) = older.seal_and_find(fingerprint) {
                return Some(found);
            }
            if older.retire_some() {
                newer.unlink_older(older);
            }
            (newer, older) = (older, older.older()?);
        }
    }

    /// Returns the newest table. Makes the first one if there is none.
    #[inline(always)]
    fn newest_table(&self) -> Result<&Segment<Table<K, M>>, RegisterError> {
        loop {
            if let Some(newest) = self.tables.newest() {
                return Ok(newest);
            }
            self.tables.push(None, self.new_table(0, self.geometry.first)?);
        }
    }

    fn new_table(&self, first: u32, size: TableSize) -> Result<Table<K, M>, RegisterError> {
        Table::new(first, size.pairs, size.bound).map_err(|_| RegisterError::OutOfMemory)
    }

    /// Pushes a table on top of `last`, which has no room, unless another thread has pushed one.
    fn grow(&self, last: &Segment<Table<K, M>>) -> Result<(), RegisterError> {
        if self.tables.newest().is_some_and(|newest| std::ptr::eq(newest, last)) {
            let size = TableSize { pairs: last.pair_count(), bound: last.max_bound() };
            let (keys, first) = (self.own_totals.keys(), last.end());
            let next = self.geometry.next_table(size, keys, first as usize).ok_or(RegisterError::Full)?;
            self.tables.push(Some(last), self.new_table(first, next)?);
        }
        Ok(())
    }
}

impl<'a, K, M, O: Observer<K>> JoinGuard<'a, K, M, O> {
    /// Returns whether the key has, or has had, slots besides the bucket's inline slot.
    fn is_chained(&self) -> bool {
        self.bucket.key_state.load().is_chained()
    }

    /// Claims the bucket's inline slot, a vacant slot of the chain, or a new one.
    fn take_slot(&self) -> Result<Claimed<'a, M>, RegisterError> {
        let Self { shard, bucket } = *self;
        if let Some(claimed) = bucket.inline_slot().claim() {
            return Ok(claimed);
        }
        let cold = bucket.cold();
        let addr = match cold.free_slots.pop(&shard.slab) {
            Some(addr) => addr,
            None => {
                let addr = shard.slab.allocate().map_err(|_| RegisterError::OutOfMemory)?.ok_or(RegisterError::Full)?;
                cold.chain.push(&shard.slab, addr, bucket.addr());
                bucket.key_state.set_chained();
                addr
            }
        };
        let claimed = shard.slot_of(bucket, addr).claim();
        Ok(claimed.expect("nobody else can claim a slot that is in no list"))
    }
}
