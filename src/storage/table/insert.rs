//! Inserts keys into a table.
//!
//! # How a key is inserted once
//! 1. Read the home. If an insertion is pending there, help it and start over.
//! 2. Search. If the key is there, join it.
//! 3. Claim a vacant bucket, which no other thread sees yet, and write the key and its identity.
//! 4. Commit: compare-and-swap the home from what was read in step 1 to the next version, with this
//!    bucket pending. If that fails, another inserter has committed here since: start over and keep
//!    the bucket.
//! 5. Make the bucket a member and clear the pending position. Every inserter that meets a pending
//!    position helps: it does both.
//!
//! Two inserters of one key have the same home. The second one's step 4 fails, and its next search
//! finds the first one's bucket. Compare Purcell and Harris, "Non-blocking hashtables with open
//! addressing" (2005): it has the same bound for each home, and decides by scanning for competing
//! entries. One word for each home is simpler where keys are inserted far less often than they are
//! looked up.
//!
//! # How a table is superseded
//! An inserter into a newer table first seals the key's home in every older one, and joins the key
//! if it is there. From then on step 4 fails in the older table, so the key can only be inserted in
//! the newer one. The sealed home's keys can only leave, so the inserter notes them in the home, as
//! a filter. Most later searches read that one word and go on to the next table.

use crate::storage::fingerprint::Fingerprint;
use crate::storage::slot::Claimed;
use crate::storage::table::home::{Filter, HOME_PAIRS, HomeGroup};
use crate::storage::table::key_state::KeyState;
use crate::storage::table::{ActiveKey, BucketRef, PAIR, Table, home, key_state};

const _: () = assert!(HOME_PAIRS * (home::MAX_BOUND as usize + 1) * PAIR <= home::MAX_POSITION as usize + 1);

/// The outcome of an attempt to insert a key. Except for `Inserted`, it returns the key.
pub(crate) enum InsertOutcome<'a, K, M> {
    /// The key is active in this bucket, the caller's socket is its only one, and the bucket's
    /// inline slot is claimed for it.
    Inserted(BucketRef<'a, K, M>, Claimed<'a, M>),
    /// The key is there already.
    Exists(ActiveKey<'a, K, M>, K),
    /// The key's home takes no more insertions, or no bucket is vacant where the key may go: a
    /// newer table is needed.
    NoRoom(K),
}

impl<K, M> Table<K, M> {
    /// Inserts the key, or finds it.
    ///
    /// Lock-free: it starts over only when another insertion has succeeded in the same home, or has
    /// claimed the same bucket.
    ///
    /// The common case is written out: nothing is pending, a look at the identities shows that the
    /// key is not in the table, and a bucket is vacant.
    #[inline(always)]
    pub(crate) fn insert(&self, fingerprint: &Fingerprint, key: K) -> InsertOutcome<'_, K, M> {
        let start = self.start(fingerprint.hash);
        let home = &self.homes[start / HOME_PAIRS];
        let seen = home.load();
        if seen.pending().is_some() || seen.is_sealed() {
            return self.insert_from(Attempt::Key(key), start, fingerprint);
        }
        let Some(vacancy) = self.vacancy_if_absent(start, fingerprint) else {
            return self.insert_from(Attempt::Key(key), start, fingerprint);
        };
        match self.stage(fingerprint, key, vacancy) {
            Ok(staged) if self.commit(home, seen, start, &staged) => {
                InsertOutcome::Inserted(staged.bucket, staged.slot)
            }
            Ok(staged) => self.insert_from(Attempt::Staged(staged), start, fingerprint),
            Err(key) => self.insert_from(Attempt::Key(key), start, fingerprint),
        }
    }

    /// Does the same, whatever the case.
    #[inline(never)]
    fn insert_from<'a>(
        &'a self,
        mut attempt: Attempt<'a, K, M>,
        start: usize,
        fingerprint: &Fingerprint,
    ) -> InsertOutcome<'a, K, M> {
        let index = start / HOME_PAIRS;
        let home = &self.homes[index];
        loop {
            let seen = home.load();
            if seen.pending().is_some() {
                self.help(index, seen);
                continue;
            }
            if seen.is_sealed() {
                return InsertOutcome::NoRoom(attempt.give_up());
            }
            if let Some(found) = self.find(fingerprint) {
                return InsertOutcome::Exists(found, attempt.give_up());
            }
            let staged = match attempt {
                Attempt::Staged(staged) => staged,
                Attempt::Key(key) => match self.first_vacancy(start) {
                    None => return InsertOutcome::NoRoom(key),
                    Some(vacancy) => match self.stage(fingerprint, key, vacancy) {
                        Ok(staged) => staged,
                        Err(key) => {
                            attempt = Attempt::Key(key);
                            continue;
                        }
                    },
                },
            };
            if self.commit(home, seen, start, &staged) {
                return InsertOutcome::Inserted(staged.bucket, staged.slot);
            }
            attempt = Attempt::Staged(staged);
        }
    }

    /// Takes steps 4 and 5. Returns false if another inserter has committed since `seen`.
    #[inline(always)]
    fn commit(&self, home: &HomeGroup, seen: home::Snapshot, start: usize, staged: &Staged<'_, K, M>) -> bool {
        let position = position(start, staged.distance, staged.bucket.index());
        let Some(committed) = home.commit(seen, position) else { return false };
        self.publish(&staged.bucket.key_state, home, committed);
        true
    }

    /// Returns the first vacant bucket where the key may go, if there is one, and if the identities
    /// show that the key is not in the table.
    #[inline(always)]
    fn vacancy_if_absent(&self, start: usize, fingerprint: &Fingerprint) -> Option<Vacancy<'_, K, M>> {
        // A key that was here and has left is gone, too: its bucket is vacant and has its identity.
        let may_be_key = |bucket: BucketRef<'_, K, M>| {
            let may_match = bucket.identity.may_match(fingerprint.identity);
            (may_match && !bucket.key_state.load().is_vacant()).then_some(())
        };
        if self.seek(start, may_be_key).is_none() { self.first_vacancy(start) } else { None }
    }

    /// Returns the first vacant bucket of a probe sequence.
    #[inline(always)]
    fn first_vacancy(&self, start: usize) -> Option<Vacancy<'_, K, M>> {
        (0..=self.max_bound).find_map(|distance| {
            self.buckets_of(self.pair_at(start, distance)).into_iter().find_map(|bucket| {
                let seen = bucket.key_state.load();
                seen.is_vacant().then_some(Vacancy { distance, bucket, seen })
            })
        })
    }

    /// Claims the vacant bucket and its inline slot for the key. Returns the key if another thread
    /// claimed the bucket first.
    #[inline(always)]
    fn stage<'a>(&self, fingerprint: &Fingerprint, key: K, vacancy: Vacancy<'a, K, M>) -> Result<Staged<'a, K, M>, K> {
        let Vacancy { distance, bucket, seen } = vacancy;
        let index = bucket.index();
        self.occupancy.add(index);
        if !bucket.key_state.claim(seen, fingerprint.identity.kind) {
            self.occupancy.sub(index);
            return Err(key);
        }
        bucket.identity.store(fingerprint.identity);
        bucket.note_displaced(distance);
        let slot = bucket.inline_slot().claim_with_bucket();
        Ok(Staged::new(bucket, distance, slot, key))
    }

    /// Makes the bucket of a committed insertion visible, unless another thread has done so.
    fn help(&self, home: usize, committed: home::Snapshot) {
        let Some(position) = committed.pending() else { return };
        let key_state = &self.bucket(self.bucket_at(home, position)).key_state;
        self.publish(key_state, &self.homes[home], committed);
    }

    fn publish(&self, key_state: &KeyState, home: &HomeGroup, committed: home::Snapshot) {
        let claimed = key_state.load();
        // The home is still as committed, so `claimed` is of that insertion and not of a later one.
        // The inserter does not return before the home is cleared, so the bucket is not emptied
        // before that either.
        if home.load() != committed {
            return;
        }
        if claimed.is_claimed() {
            key_state.promote(claimed);
        }
        home.clear(committed);
    }

    /// Returns the bucket at a position relative to a home.
    fn bucket_at(&self, home: usize, position: u32) -> u32 {
        let (position, side) = (position / PAIR as u32, position % PAIR as u32);
        let (start, distance) = (position / (home::MAX_BOUND + 1), position % (home::MAX_BOUND + 1));
        (self.pair_at(home * HOME_PAIRS + start as usize, distance) * PAIR) as u32 + side
    }

    /// Seals the key's home, so that no thread inserts the key here any more, and searches for the
    /// key. If this does not find it, no later search of this table will.
    pub(crate) fn seal_and_find(&self, fingerprint: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        let index = self.home(fingerprint);
        let mut sealed = self.seal_home(index);
        // A search of the few buckets of a single home costs no more than a look at the home.
        let sets_filter = self.homes.len() > 1;
        if sets_filter && !sealed.is_filtered() {
            sealed = self.homes[index].set_filter(sealed, self.filter_of(index));
        }
        if sealed.lacks(fingerprint.identity.digest()) {
            return None;
        }
        let found = self.find(fingerprint);
        if sets_filter && found.is_none() {
            // Its bit is that of another key, or of a key that has left.
            self.homes[index].set_filter(sealed, self.filter_of(index));
        }
        found
    }

    /// Seals a home: no key of this home is inserted here any more. Returns the home as it is then.
    pub(super) fn seal_home(&self, index: usize) -> home::Snapshot {
        let home = &self.homes[index];
        loop {
            let seen = home.load();
            if seen.pending().is_some() {
                self.help(index, seen);
            } else if seen.is_sealed() {
                return seen;
            } else {
                home.seal(seen);
            }
        }
    }

    /// Returns a filter of the keys of this home, and of other keys that are where those may be.
    /// Precondition: the home is sealed, so no further key of this home will be there.
    fn filter_of(&self, home: usize) -> Filter {
        let (first, mut filter) = (home * HOME_PAIRS, Filter::default());
        for start in first..self.pair_count().min(first + HOME_PAIRS) {
            let _all = self.seek(start, |bucket| {
                if bucket.key_state.load().is_active() {
                    filter.add(bucket.identity.digest());
                }
                None::<()>
            });
        }
        filter
    }
}

/// Returns the position of a bucket relative to the key's home: the pair of the home where the
/// probe starts, the distance from it, and the side of the pair.
fn position(start: usize, distance: u32, bucket: u32) -> u32 {
    let start = (start % HOME_PAIRS) as u32;
    (start * (home::MAX_BOUND + 1) + distance) * PAIR as u32 + bucket % PAIR as u32
}

/// What an inserter holds until the home has committed.
enum Attempt<'a, K, M> {
    Key(K),
    Staged(Staged<'a, K, M>),
}

impl<K, M> Attempt<'_, K, M> {
    fn give_up(self) -> K {
        match self {
            Self::Key(key) => key,
            Self::Staged(staged) => staged.withdraw(),
        }
    }
}

impl<K, M> BucketRef<'_, K, M> {
    /// Passes the bucket on, which the caller has emptied: see [`KeyState::vacate`].
    #[inline]
    pub(crate) fn vacate(self) {
        self.forget_displaced();
        self.key_state.vacate(self.head.state.is_vacant());
        self.table().occupancy.sub(self.index());
    }
}

/// A bucket that was vacant when it was searched.
struct Vacancy<'a, K, M> {
    distance: u32,
    bucket: BucketRef<'a, K, M>,
    seen: key_state::Snapshot,
}

/// A claimed bucket with a key in it that no other thread sees yet.
struct Staged<'a, K, M> {
    bucket: BucketRef<'a, K, M>,
    distance: u32,
    slot: Claimed<'a, M>,
}

#[allow(unsafe_code)]
impl<'a, K, M> Staged<'a, K, M> {
    fn new(bucket: BucketRef<'a, K, M>, distance: u32, slot: Claimed<'a, M>, key: K) -> Self {
        // SAFETY: the holder of `slot` claimed the bucket, which was emptied before it became
        // vacant.
        unsafe { bucket.key().write(key) };
        Self { bucket, distance, slot }
    }

    fn withdraw(self) -> K {
        let Self { bucket, slot, .. } = self;
        // SAFETY: the home did not commit this bucket, so no other thread has seen the key.
        let key = unsafe { bucket.key().take() };
        slot.give_up();
        bucket.forget_displaced();
        bucket.key_state.withdraw();
        bucket.table().occupancy.sub(bucket.index());
        key
    }
}

#[cfg(test)]
mod tests;
