//! How sockets come and go in a shard: the steps of a registration and of a removal, in their order.
//!
//! # Registration
//! 1. Take a permit from the ledger.
//! 2. Become counted in the key's presence: insert the key; or hold it, compare it, and join it.
//! 3. Take a place: the bucket's own, or a slot of the key's chain, or a new slot. Move in.
//! 4. Count in the ledger. If the registry is closed, tell the new socket. If somebody watches, it is told once there is a handle.
//!
//! # Removal
//! 1. Count out in the ledger.
//! 2. Remove the socket from its place. Clean the place up and offer it to the key's next socket, or leave that to the last one in it.
//! 3. Leave the key's presence. If that makes the key idle and somebody watches, tell it. If nobody is left: empty the bucket.
//! 4. Return the permit. Drop the values, which may run the caller's code. If somebody watches the counts, tell it.

#![allow(unsafe_code)]

use crate::audience::Notice;
use crate::error::RegisterError;
use crate::identity::Fingerprint;
use crate::insertion::Insertion;
use crate::layers::Layer;
use crate::ledger::Entry;
use crate::limits::GROWING_BOUND;
use crate::panics::Panics;
use crate::place::{Claimed, Departure, Last, Remains};
use crate::presence::{Join, Left};
use crate::shard::{PLACES_STAY, Shard};
use crate::spot::{MAX_LAYER, Spot};
use crate::table::{Found, Table};
use crate::word::Generation;

/// Where a new socket is, and what is left over of its registration.
pub(crate) struct Registered<K> {
    pub(crate) spot: Spot,
    /// The key that was not needed, since an equal one is there.
    spare: Option<K>,
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
struct Permit<'a, K, M>(&'a Shard<K, M>);

impl<K, M> Drop for Permit<'_, K, M> {
    fn drop(&mut self) {
        self.0.ledger.dismiss(self.0.index);
    }
}

/// Being counted in a key's presence; dropping it takes that back.
struct Member<'a, K, M> {
    shard: &'a Shard<K, M>,
    table: &'a Table<K, M>,
    bucket: u32,
}

impl<K, M> Drop for Member<'_, K, M> {
    fn drop(&mut self) {
        let Self { shard, table, bucket } = *self;
        let mut notice = Notice::default();
        let left = shard.leave(table, bucket, false, false, &mut notice);
        // SAFETY: counted out above.
        let key = unsafe { shard.left(table, bucket, left) };
        if notice.is_due {
            shard.give(notice, key);
        }
    }
}

/// A hold on a key that a registration compares with its own; dropping it lets go.
pub(crate) struct Held<'a, K, M> {
    shard: &'a Shard<K, M>,
    table: &'a Table<K, M>,
    bucket: u32,
}

impl<'a, K, M> Held<'a, K, M> {
    /// None if that occupancy of the bucket has ended.
    pub(crate) fn new(shard: &'a Shard<K, M>, found: &Found<'a, K, M>) -> Option<Self> {
        let Found { table, number: bucket, seen, .. } = *found;
        found.bucket.presence.hold(seen).then(|| Self { shard, table, bucket })
    }

    pub(crate) fn key(&self) -> &K {
        // SAFETY: counted as lingering, so the key stays; it was written before it became visible.
        unsafe { self.table.key(self.bucket).get() }
    }

    /// Becomes one more socket of the key; none if the key has gone idle.
    fn join(self) -> Result<Option<Member<'a, K, M>>, RegisterError> {
        let (shard, table, bucket) = (self.shard, self.table, self.bucket);
        match table.bucket(bucket).presence.join(shard.sizes.max_per_key) {
            Join::Granted => {
                std::mem::forget(self);
                Ok(Some(Member { shard, table, bucket }))
            }
            Join::Full => Err(RegisterError::KeyFull),
            Join::Gone => Ok(None),
        }
    }
}

impl<K, M> Drop for Held<'_, K, M> {
    fn drop(&mut self) {
        let Self { shard, table, bucket } = *self;
        let left = shard.let_go(table, bucket);
        // SAFETY: that was this hold's step.
        drop(unsafe { shard.left(table, bucket, left) });
    }
}

/// What the last one to leave drops when the registry's own state is in order, since dropping runs the caller's code.
#[must_use]
pub(crate) struct Leftovers<K, M> {
    _remains: Option<Remains<M>>,
    _key: Option<K>,
}

impl<K: Eq, M> Shard<K, M> {
    /// Registers a socket.
    ///
    /// Lock-free, but for the allocator when the shard grows.
    pub(crate) fn register(&self, print: &Fingerprint, key: K, metadata: M) -> Result<Registered<K>, RegisterError> {
        if let Some(newest) = self.tables.newest() {
            newest.prefetch_insertion(print);
        }
        if self.ledger.is_closed(self.index) {
            return Err(RegisterError::Closed);
        }
        if !self.ledger.admit(self.index) {
            return Err(RegisterError::Full);
        }
        let permit = Permit(self);
        let (member, spot, claimed, spare) = self.enter(print, key)?;
        let generation = claimed.occupy(metadata);
        // Who inserted the key counts it; nobody counts it out before, since this socket keeps the key active.
        let before = self.ledger.add(self.index, Entry::new(true, spare.is_none()));
        // The socket has both from here on, and `remove` gives them back.
        std::mem::forget((member, permit));
        if before.is_closed() {
            // Nobody waits for it yet, so no waker is called.
            self.close_socket(spot, generation, &mut Panics::default());
        }
        Ok(Registered { spot, spare, is_watched: before.is_watched() })
    }

    /// Steps 2 and 3, without moving in. The key comes back if it was not needed.
    fn enter(&self, print: &Fingerprint, mut key: K) -> Result<Entered<'_, K, M>, RegisterError> {
        loop {
            let Some(newest) = self.tables.newest() else {
                self.tables.push(None, Table::new(0, self.sizes.first_lines, self.sizes.first_bound));
                continue;
            };
            let found = match self.find_closing(newest, print) {
                Some(found) => found,
                None => match newest.insert(print, key) {
                    Insertion::Done(bucket, claimed) => {
                        let member = Member { shard: self, table: newest, bucket };
                        return Ok((member, Spot::bucket(newest.number(), bucket), claimed, None));
                    }
                    Insertion::Found(found, back) => {
                        key = back;
                        found
                    }
                    Insertion::NoRoom(back) => {
                        key = back;
                        self.grow(newest)?;
                        continue;
                    }
                },
            };
            let Some(held) = Held::new(self, &found) else { continue };
            if *held.key() != key {
                return Err(RegisterError::IndistinctHash);
            }
            let Some(member) = held.join()? else { continue };
            let (spot, claimed) = member.take_place()?;
            return Ok((member, spot, claimed, Some(key)));
        }
    }
}

type Entered<'a, K, M> = (Member<'a, K, M>, Spot, Claimed<'a, M>, Option<K>);

impl<K, M> Shard<K, M> {
    /// Looks for the key in the tables older than `newest`, and closes them for it.
    fn find_closing<'a>(&'a self, newest: &'a Layer<Table<K, M>>, print: &Fingerprint) -> Option<Found<'a, K, M>> {
        std::iter::successors(newest.older(), |layer| layer.older()).find_map(|table| {
            table.close(print);
            table.find(print)
        })
    }

    /// Puts a table on top of `full`, if nobody else did.
    fn grow(&self, full: &Layer<Table<K, M>>) -> Result<(), RegisterError> {
        if self.tables.newest().is_some_and(|newest| std::ptr::eq(newest, full)) {
            if full.number() == MAX_LAYER {
                return Err(RegisterError::Full);
            }
            let lines = (2 * full.line_count()).min(self.sizes.max_lines);
            self.tables.push(Some(full), Table::new(full.number() + 1, lines, GROWING_BOUND));
        }
        Ok(())
    }

    /// Removes the socket.
    ///
    /// Lock-free. When the key goes idle, it takes a step for each further socket that the key had at its peak.
    ///
    /// # Safety
    /// The caller gives up the one handle of that socket.
    pub(crate) unsafe fn remove(&self, spot: Spot, generation: Generation) {
        let (table, bucket) = self.key_of(spot);
        table.prefetch_removal(bucket);
        let is_last = table.bucket(bucket).presence.load().live() == 1;
        let mut notice = Notice::default();
        notice.note(self.ledger.sub(self.index, Entry::new(true, is_last)));
        // SAFETY: the caller's promise.
        let owned = unsafe { self.trusted_place(spot).own(generation) };
        let (remains, leaving) = match owned.leave() {
            Departure::Last(last) => (Some(self.clean(spot, last)), None),
            Departure::Others(leaving) => (None, Some(leaving)),
        };
        // A place that others are in goes on being counted, as lingering: so the key stays as long as they do.
        let left = self.leave(table, bucket, is_last, leaving.is_some(), &mut notice);
        // SAFETY: that was this socket's step.
        let key = unsafe { self.left(table, bucket, left) };
        let late = leaving.and_then(|leaving| leaving.finish()).map(|last| self.settle(spot, last));
        self.ledger.dismiss(self.index);
        let leftovers = (Leftovers { _remains: remains, _key: key }, late);
        if notice.is_due {
            self.give(notice, leftovers);
        }
    }

    /// Cleans up the place of a socket that was removed while somebody was in it.
    pub(crate) fn settle(&self, spot: Spot, last: Last<'_, M>) -> Leftovers<K, M> {
        let (table, bucket) = self.key_of(spot);
        let remains = self.clean(spot, last);
        let left = self.let_go(table, bucket);
        // SAFETY: that was the lingering socket's step.
        let key = unsafe { self.left(table, bucket, left) };
        Leftovers { _remains: Some(remains), _key: key }
    }

    /// Makes a removed socket's place vacant, and offers it to the next socket of the key.
    fn clean(&self, spot: Spot, last: Last<'_, M>) -> Remains<M> {
        let (remains, usable) = last.vacate();
        if spot.is_slot() && usable {
            let (table, bucket) = self.key_of(spot);
            table.extras(bucket).vacancies.push(&self.slab, spot, spot);
        }
        remains
    }

    /// Takes one socket from the key's presence, and the key from the ledger before the step that makes it idle. `counted_out` says whether
    /// the caller has done the latter already. Tells who watches presence; the rest of `notice` is for the caller to give.
    #[inline]
    fn leave(
        &self,
        table: &Table<K, M>,
        bucket: u32,
        mut counted_out: bool,
        lingers: bool,
        notice: &mut Notice,
    ) -> Left {
        let presence = &table.bucket(bucket).presence;
        let key = Entry::new(false, true);
        let mut seen = presence.load();
        loop {
            let is_last = seen.live() == 1;
            if is_last && !counted_out {
                notice.note(self.ledger.sub(self.index, key));
            } else if counted_out && !is_last {
                notice.note(self.ledger.add(self.index, key));
            }
            counted_out = is_last;
            // Whoever makes the key idle needs it until that is told: alone with the bucket, or as one that lingers.
            let stays = is_last && !lingers && seen.is_lingering();
            match presence.leave(seen, lingers || stays) {
                Ok(left) => {
                    // After the step: who learns of the key later finds it idle, and whoever has learnt of it before is seen here.
                    if is_last && self.ledger.is_watched(self.index) {
                        // SAFETY: lingering, or the bucket is the caller's alone; written before it became visible.
                        self.renounce(table, bucket, unsafe { table.key(bucket).get() }, notice);
                        if left == Left::Vacate {
                            table.extras(bucket).session.clear();
                        }
                    }
                    return if stays { self.let_go(table, bucket) } else { left };
                }
                Err(now) => seen = now,
            }
        }
    }

    /// One that lingered goes.
    fn let_go(&self, table: &Table<K, M>, bucket: u32) -> Left {
        let left = table.bucket(bucket).presence.settle();
        // Whoever numbered the session knew that it is watched, and its own step in the presence came before that one.
        if left == Left::Vacate && self.ledger.is_watched(self.index) {
            table.extras(bucket).session.clear();
        }
        left
    }

    /// Empties the bucket, if that is what the last step in its presence asked for.
    ///
    /// # Safety
    /// `left` is what the caller's own step returned, and was not used yet.
    unsafe fn left(&self, table: &Table<K, M>, bucket: u32, left: Left) -> Option<K> {
        if left == Left::Others {
            return None;
        }
        // SAFETY: the key is idle, nothing lingers, and the one step that brought this about was the caller's.
        let key = unsafe { table.key(bucket).take() };
        let extras = table.extras(bucket);
        let own = table.bucket(bucket);
        if own.presence.load().is_chained() {
            extras.chain.clear();
            // Every slot of the chain is vacant, so this is all of them, but for those that are retired.
            if let Some(first) = extras.vacancies.take_all() {
                self.slab.release(first);
            }
        }
        own.presence.vacate(own.word.is_vacant());
        Some(key)
    }

    /// The bucket that holds the key of the socket at `spot`, by who is in that place.
    pub(crate) fn key_of(&self, spot: Spot) -> (&Table<K, M>, u32) {
        let bucket = if spot.is_slot() { self.slab.slot(spot).map(|slot| slot.owner()) } else { Some(spot) };
        let found = bucket.and_then(|bucket| Some((self.table(bucket.layer())?, bucket.offset())));
        found.expect(PLACES_STAY)
    }

    /// The key of the socket at `spot`.
    ///
    /// # Safety
    /// As long as the reference lives the caller is in that place: as its owner, or as a visitor.
    pub(crate) unsafe fn key_at(&self, spot: Spot) -> &K {
        let (table, bucket) = self.key_of(spot);
        // SAFETY: who is in the place is counted in the key's presence, as live or lingering, and so the key stays.
        unsafe { table.key(bucket).get() }
    }
}

impl<'a, K, M> Member<'a, K, M> {
    /// The bucket's own place, or a vacant slot of the chain, or a new one.
    fn take_place(&self) -> Result<(Spot, Claimed<'a, M>), RegisterError> {
        let Self { shard, table, bucket } = *self;
        let own = Spot::bucket(table.number(), bucket);
        if let Some(claimed) = shard.trusted_place(own).claim() {
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
