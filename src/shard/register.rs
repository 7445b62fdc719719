//! How sockets come to a shard: the steps of a registration, in their order.
//!
//! 1. Take a permit.
//! 2. Become counted in the key's state: insert the key; or hold it, compare it, and join it.
//! 3. Take a slot: the bucket's inline slot, or a vacant one of the key's chain, or a new one. Move in.
//! 4. Count in the totals. If the registry is closed, tell the new socket. If somebody watches, it is told once there is a handle.
//! 5. If the socket takes over: supersede the others, once there is a handle (see `takeover`).

use crate::error::{Closed, RegisterError};
use crate::shard::Shard;
use crate::shard::geometry::GROWING_BOUND;
use crate::shard::hold::{JoinGuard, KeyHold};
use crate::shard::observer::{Observer, PendingNotice};
use crate::storage::fingerprint::Fingerprint;
use crate::storage::slot::{Claimed, LocalId, MAX_SEGMENT, SlotAddr};
use crate::storage::table::insert::InsertOutcome;
use crate::storage::table::key_state::MAX_LIVE;
use crate::storage::table::{ActiveKey, Table};
use crate::topics::Topics;
use crate::util::append_list::Segment;
use crate::util::panic::DeferredPanics;

/// How a socket is registered.
#[derive(Clone, Copy, Default)]
pub(crate) struct RegisterOptions {
    /// What is due for it at once.
    pub(crate) due: Topics,
    /// Whether it supersedes the other sockets of its key.
    pub(crate) takes_over: bool,
}

/// Where a new socket is, and what is left over of its registration.
pub(crate) struct Registered<K> {
    pub(crate) addr: SlotAddr,
    /// The key that was not needed, since an equal one is there.
    pub(crate) _spare: Option<K>,
    /// Somebody may be watching: `notify_active`.
    pub(crate) is_watched: bool,
}

/// A permit for one more socket; dropping it gives it back.
struct Permit<'a, K, M, O: Observer<K>>(&'a Shard<K, M, O>);

impl<K, M, O: Observer<K>> Drop for Permit<'_, K, M, O> {
    fn drop(&mut self) {
        let mut notice = PendingNotice::default();
        notice.note(self.0.totals.shard(self.0.index).release_permit());
        self.0.flush_if_due(notice, ());
    }
}

impl<K: Eq, M, O: Observer<K>> Shard<K, M, O> {
    /// Registers a socket.
    ///
    /// Lock-free, but for the allocator when the shard grows.
    pub(crate) fn register(
        &self,
        fingerprint: &Fingerprint,
        key: K,
        metadata: M,
        options: RegisterOptions,
    ) -> Result<Registered<K>, RegisterError> {
        if let Some(newest) = self.tables.newest() {
            newest.prefetch_insertion(fingerprint);
        }
        let totals = self.totals.shard(self.index);
        if totals.is_closed() {
            return Err(RegisterError::Closed);
        }
        if !self.totals.acquire_permit(self.index) {
            return Err(RegisterError::Full);
        }
        let permit = Permit(self);
        // Who takes over will be the only one, so it is not refused for the others' number.
        let limit = if options.takes_over { MAX_LIVE } else { self.geometry.max_per_key };
        let (guard, addr, claimed, spare) = self.enter(fingerprint, key, limit)?;
        if options.takes_over {
            claimed.turn().draw(&self.takeovers);
        } else if spare.is_some() && guard.is_chained() {
            claimed.turn().note_now(&self.takeovers);
        }
        let generation = claimed.occupy(metadata, options.due);
        // The socket that inserted the key counts it. A step also if there is nothing to count, for the flags: see `totals`.
        let before = totals.add_keys(spare.is_none().into());
        // The socket has both from here on, and `remove` gives them back.
        std::mem::forget((guard, permit));
        if before.is_closed() {
            // Nobody waits for it yet, so no waker is called.
            self.close_socket(LocalId { addr, generation }, Closed::Shutdown, &mut DeferredPanics::default());
        }
        Ok(Registered { addr, _spare: spare, is_watched: before.is_watched() })
    }

    /// Steps 2 and 3, without moving in. The key comes back if it was not needed.
    fn enter(&self, fingerprint: &Fingerprint, mut key: K, limit: u32) -> Result<Entered<'_, K, M, O>, RegisterError> {
        loop {
            let Some(newest) = self.tables.newest() else {
                self.tables.push(None, self.new_table(0, self.geometry.first_lines, self.geometry.first_bound)?);
                continue;
            };
            let found = match self.find_sealing(newest, fingerprint) {
                Some(found) => found,
                None => match newest.insert(fingerprint, key) {
                    InsertOutcome::Inserted(bucket, claimed) => {
                        let guard = JoinGuard { shard: self, table: newest, bucket };
                        return Ok((guard, SlotAddr::inline(newest.id(), bucket), claimed, None));
                    }
                    InsertOutcome::Exists(found, back) => {
                        key = back;
                        found
                    }
                    InsertOutcome::NoRoom(back) => {
                        key = back;
                        self.grow(newest)?;
                        continue;
                    }
                },
            };
            let Some(hold) = KeyHold::new(self, &found) else { continue };
            if *hold.key() != key {
                return Err(RegisterError::IndistinctHash);
            }
            let Some(guard) = hold.join(limit)? else { continue };
            let (addr, claimed) = guard.take_slot()?;
            return Ok((guard, addr, claimed, Some(key)));
        }
    }
}

type Entered<'a, K, M, O> = (JoinGuard<'a, K, M, O>, SlotAddr, Claimed<'a, M>, Option<K>);

impl<K, M, O: Observer<K>> Shard<K, M, O> {
    /// Looks for the key in the tables older than `newest`, and seals them for it.
    fn find_sealing<'a>(
        &'a self,
        newest: &'a Segment<Table<K, M>>,
        fingerprint: &Fingerprint,
    ) -> Option<ActiveKey<'a, K, M>> {
        std::iter::successors(newest.older(), |segment| segment.older()).find_map(|table| {
            table.seal(fingerprint);
            table.find(fingerprint)
        })
    }

    fn new_table(&self, id: u32, lines: usize, max_bound: u32) -> Result<Table<K, M>, RegisterError> {
        Table::new(id, lines, max_bound).map_err(|_| RegisterError::OutOfMemory)
    }

    /// Puts a table on top of `full`, if nobody else did.
    fn grow(&self, full: &Segment<Table<K, M>>) -> Result<(), RegisterError> {
        if self.tables.newest().is_some_and(|newest| std::ptr::eq(newest, full)) {
            if full.id() == MAX_SEGMENT {
                return Err(RegisterError::Full);
            }
            let lines = (2 * full.line_count()).min(self.geometry.max_lines);
            self.tables.push(Some(full), self.new_table(full.id() + 1, lines, GROWING_BOUND)?);
        }
        Ok(())
    }
}

impl<'a, K, M, O: Observer<K>> JoinGuard<'a, K, M, O> {
    /// Whether the key has, or has had, other slots than the bucket's own.
    fn is_chained(&self) -> bool {
        self.table.bucket(self.bucket).key_state.load().is_chained()
    }

    /// The bucket's inline slot, or a vacant slot of the chain, or a new one.
    fn take_slot(&self) -> Result<(SlotAddr, Claimed<'a, M>), RegisterError> {
        let Self { shard, table, bucket } = *self;
        let own = SlotAddr::inline(table.id(), bucket);
        if let Some(claimed) = table.inline_slot(bucket).claim() {
            return Ok((own, claimed));
        }
        let cold = table.cold(bucket);
        let addr = match cold.free_slots.pop(&shard.slab) {
            Some(addr) => addr,
            None => {
                let addr = shard.slab.allocate().map_err(|_| RegisterError::OutOfMemory)?.ok_or(RegisterError::Full)?;
                cold.chain.push(&shard.slab, addr, own);
                table.bucket(bucket).key_state.set_chained();
                addr
            }
        };
        let claimed = shard.slot_at(addr).claim();
        Ok((addr, claimed.expect("nobody else can claim a slot that is in no list")))
    }
}
