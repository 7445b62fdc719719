//! How sockets come to a shard: the steps of a registration, in their order.
//!
//! 1. Take a permit from the ledger.
//! 2. Become counted in the key's presence: insert the key; or hold it, compare it, and join it.
//! 3. Take a place: the bucket's own, or a slot of the key's chain, or a new slot. Move in.
//! 4. Count in the ledger. If the registry is closed, tell the new socket. If somebody watches, it is told once there is a handle.
//! 5. If the socket takes over: supersede the others, once there is a handle (see `takeover`).

#![allow(unsafe_code)]

use crate::error::{Closed, RegisterError};
use crate::shard::Shard;
use crate::shard::geometry::GROWING_BOUND;
use crate::shard::hold::{JoinGuard, KeyHold};
use crate::shard::totals::{CountsDelta, ShardTotals};
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
    pub(crate) spot: SlotAddr,
    /// The key that was not needed, since an equal one is there.
    pub(crate) spare: Option<K>,
    /// Somebody may be watching: `announce` it.
    pub(crate) is_watched: bool,
}

impl<K> Registered<K> {
    /// Whether the key has become active by it.
    pub(crate) fn is_first(&self) -> bool {
        self.spare.is_none()
    }
}

/// A permit of the ledger; dropping it gives it back.
struct Permit<'a>(&'a ShardTotals);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.dismiss();
    }
}

impl<K: Eq, M> Shard<K, M> {
    /// Registers a socket.
    ///
    /// Lock-free, but for the allocator when the shard grows.
    pub(crate) fn register(
        &self,
        print: &Fingerprint,
        key: K,
        metadata: M,
        terms: RegisterOptions,
    ) -> Result<Registered<K>, RegisterError> {
        if let Some(newest) = self.tables.newest() {
            newest.prefetch_insertion(print);
        }
        let line = self.ledger.line(self.index);
        if line.is_closed() {
            return Err(RegisterError::Closed);
        }
        if !self.ledger.admit(self.index) {
            return Err(RegisterError::Full);
        }
        let permit = Permit(line);
        // Who takes over will be the only one, so it is not refused for the others' number.
        let limit = if terms.takes_over { MAX_LIVE } else { self.sizes.max_per_key };
        let (member, spot, claimed, spare) = self.enter(print, key, limit)?;
        if terms.takes_over {
            member.announce(spot, &claimed);
        }
        let generation = claimed.occupy(metadata, terms.due);
        // Who inserted the key counts it; nobody counts it out before, since this socket keeps the key active.
        let before = line.add(CountsDelta::new(true, spare.is_none()));
        // The socket has both from here on, and `remove` gives them back.
        std::mem::forget((member, permit));
        if before.is_closed() {
            // Nobody waits for it yet, so no waker is called.
            self.close_socket(spot, generation, Closed::Shutdown, &mut DeferredPanics::default());
        }
        Ok(Registered { spot, spare, is_watched: before.is_watched() })
    }

    /// Steps 2 and 3, without moving in. The key comes back if it was not needed.
    fn enter(&self, print: &Fingerprint, mut key: K, limit: u32) -> Result<Entered<'_, K, M>, RegisterError> {
        loop {
            let Some(newest) = self.tables.newest() else {
                self.tables.push(None, Table::new(0, self.sizes.first_lines, self.sizes.first_bound));
                continue;
            };
            let found = match self.find_closing(newest, print) {
                Some(found) => found,
                None => match newest.insert(print, key) {
                    InsertOutcome::Inserted(bucket, claimed) => {
                        let member = JoinGuard { shard: self, table: newest, bucket };
                        return Ok((member, SlotAddr::bucket(newest.number(), bucket), claimed, None));
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
            let Some(held) = KeyHold::new(self, &found) else { continue };
            if *held.key() != key {
                return Err(RegisterError::IndistinctHash);
            }
            let Some(member) = held.join(limit)? else { continue };
            let (spot, claimed) = member.take_place()?;
            return Ok((member, spot, claimed, Some(key)));
        }
    }
}

type Entered<'a, K, M> = (JoinGuard<'a, K, M>, SlotAddr, Claimed<'a, M>, Option<K>);

impl<K, M> Shard<K, M> {
    /// Looks for the key in the tables older than `newest`, and closes them for it.
    fn find_closing<'a>(
        &'a self,
        newest: &'a Segment<Table<K, M>>,
        print: &Fingerprint,
    ) -> Option<ActiveKey<'a, K, M>> {
        std::iter::successors(newest.older(), |layer| layer.older()).find_map(|table| {
            table.close(print);
            table.find(print)
        })
    }

    /// Puts a table on top of `full`, if nobody else did.
    fn grow(&self, full: &Segment<Table<K, M>>) -> Result<(), RegisterError> {
        if self.tables.newest().is_some_and(|newest| std::ptr::eq(newest, full)) {
            if full.number() == MAX_SEGMENT {
                return Err(RegisterError::Full);
            }
            let lines = (2 * full.line_count()).min(self.sizes.max_lines);
            self.tables.push(Some(full), Table::new(full.number() + 1, lines, GROWING_BOUND));
        }
        Ok(())
    }
}

impl<'a, K, M> JoinGuard<'a, K, M> {
    /// Says that the socket that is about to move in takes over.
    #[cold]
    fn announce(&self, spot: SlotAddr, claimed: &Claimed<'_, M>) {
        let heir = LocalId { spot, generation: claimed.generation() };
        self.table.extras(self.bucket).succession.announce(heir);
    }

    /// The bucket's own place, or a vacant slot of the chain, or a new one.
    fn take_place(&self) -> Result<(SlotAddr, Claimed<'a, M>), RegisterError> {
        let Self { shard, table, bucket } = *self;
        let own = SlotAddr::bucket(table.number(), bucket);
        if let Some(claimed) = table.own_place(bucket).claim() {
            return Ok((own, claimed));
        }
        let extras = table.extras(bucket);
        let spot = match extras.vacancies.pop(&shard.slab) {
            Some(spot) => spot,
            None => {
                let spot = shard.slab.allocate().ok_or(RegisterError::Full)?;
                extras.chain.push(&shard.slab, spot, own);
                table.bucket(bucket).presence.set_chained();
                spot
            }
        };
        let claimed = shard.trusted_place(spot).claim();
        Ok((spot, claimed.expect("nobody else can claim a slot that is in no list")))
    }
}
