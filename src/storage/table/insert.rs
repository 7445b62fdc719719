//! How a key gets into a table.
//!
//! # How a key is inserted once
//! 1. Read the home. If an insertion is pending there, help it and start over.
//! 2. Search. If the key is there, join it.
//! 3. Claim a vacant bucket, which nobody sees yet, and write the key and its identity.
//! 4. Commit: compare-and-swap the home from what was read in 1 to the next version, with this bucket pending. If that fails, somebody
//!    else has inserted here since: start over, keeping the bucket.
//! 5. Make the bucket a member; clear the pending mark. Whoever meets the mark does both.
//!
//! Two inserters of one key have the same home; the second one's step 4 fails, and its next search finds the first one's bucket. Compare Purcell
//! and Harris, "Non-blocking hashtables with open addressing" (2005), which has the same per-home bound and decides by
//! scanning for competing entries; one word per home is simpler where keys are inserted far less often than they are looked up.
//!
//! # How a table is superseded
//! An inserter into a newer table first seals the key's home in every older one, and joins the key if it is there. From then
//! on step 4 fails in the older table, so the key can only be inserted in the newer one.

use crate::storage::fingerprint::Fingerprint;
use crate::storage::slot::Claimed;
use crate::storage::table::home::{HOME_LINES, HomeGroup};
use crate::storage::table::key_state::KeyState;
use crate::storage::table::{ActiveKey, BUCKETS_PER_LINE, Bucket, Table, home, key_state};

const _: () =
    assert!(HOME_LINES * (home::MAX_BOUND as usize + 1) * BUCKETS_PER_LINE <= home::MAX_POSITION as usize + 1);

/// What became of an attempt to insert a key. But for `Inserted` the key comes back.
pub(crate) enum InsertOutcome<'a, K, M> {
    /// The key is active in this bucket, the caller is its one socket, and the bucket's inline slot is claimed for it.
    Inserted(u32, Claimed<'a, M>),
    /// The key is there.
    Exists(ActiveKey<'a, K, M>, K),
    /// The key's home takes no more insertions, or no bucket is free where the key may go: a newer table is needed.
    NoRoom(K),
}

impl<K, M> Table<K, M> {
    /// Inserts the key, or finds it.
    ///
    /// Lock-free: it starts over only when another insertion has succeeded in the same home, or has claimed the same bucket.
    pub(crate) fn insert(&self, fingerprint: &Fingerprint, key: K) -> InsertOutcome<'_, K, M> {
        let index = self.home(fingerprint);
        let home = &self.homes[index];
        let mut attempt = Attempt::Key(key);
        loop {
            let seen = home.load();
            if seen.pending().is_some() {
                self.help(index, seen);
                continue;
            }
            if seen.is_sealed() {
                return InsertOutcome::NoRoom(attempt.give_up());
            }
            let vacancy = match self.find_or_vacancy(fingerprint, seen.bound()) {
                Ok(found) => return InsertOutcome::Exists(found, attempt.give_up()),
                Err(vacancy) => vacancy,
            };
            let staged = match attempt {
                Attempt::Staged(staged) => staged,
                Attempt::Key(key) => match vacancy {
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
            let position = self.position(fingerprint, staged.distance, staged.index);
            if let Some(committed) = home.commit(seen, position, staged.distance) {
                self.publish(&staged.bucket.key_state, home, committed);
                return InsertOutcome::Inserted(staged.index, staged.slot);
            }
            attempt = Attempt::Staged(staged);
        }
    }

    /// As `find`, by who knows the bound; if the key is not there, the first free bucket where it may go.
    fn find_or_vacancy(&self, fingerprint: &Fingerprint, bound: u32) -> Result<ActiveKey<'_, K, M>, Option<Vacancy>> {
        let (mut may_follow, mut vacancy) = (true, None);
        for (distance, line) in self.probe(fingerprint.hash) {
            for index in self.buckets_of(line, fingerprint.hash) {
                let seen = match self.check(index, self.bucket(index), fingerprint) {
                    Ok(found) => return Ok(found),
                    Err(seen) => seen,
                };
                may_follow &= !seen.is_untouched();
                if vacancy.is_none() && seen.is_vacant() {
                    vacancy = Some(Vacancy { distance, index, seen });
                }
                if !may_follow && vacancy.is_some() {
                    return Err(vacancy);
                }
            }
            may_follow &= distance < bound;
            if !may_follow && vacancy.is_some() {
                break;
            }
        }
        Err(vacancy)
    }

    /// Claims the free bucket for the key, with its inline slot. The key comes back if somebody was faster.
    fn stage(&self, fingerprint: &Fingerprint, key: K, vacancy: Vacancy) -> Result<Staged<'_, K, M>, K> {
        let Vacancy { distance, index, seen } = vacancy;
        let bucket = self.bucket(index);
        if !bucket.key_state.claim(seen, fingerprint.identity.kind) {
            return Err(key);
        }
        bucket.identity.store(fingerprint.identity);
        let slot = self.inline_slot(index).claim_with_bucket();
        Ok(Staged::new(self, index, bucket, distance, slot, key))
    }

    /// Makes the bucket of a committed insertion visible, unless that was done already.
    fn help(&self, home: usize, committed: home::Snapshot) {
        let Some(position) = committed.pending() else { return };
        let key_state = &self.bucket(self.bucket_at(home, position)).key_state;
        self.publish(key_state, &self.homes[home], committed);
    }

    fn publish(&self, key_state: &KeyState, home: &HomeGroup, committed: home::Snapshot) {
        let claimed = key_state.load();
        // The home still is as committed, so `claimed` is of that insertion and not of a later one: whoever inserted does not
        // return, and so the bucket is not emptied, before the home is cleared.
        if home.load() != committed {
            return;
        }
        if claimed.is_claimed() {
            key_state.promote(claimed);
        }
        home.clear(committed);
    }

    /// The position of a bucket, seen from the key's home: from which of its lines, how far, and to which bucket of the line.
    fn position(&self, fingerprint: &Fingerprint, distance: u32, bucket: u32) -> u32 {
        let start = self.start(fingerprint.hash) % HOME_LINES;
        (start as u32 * (home::MAX_BOUND + 1) + distance) * BUCKETS_PER_LINE as u32 + bucket % BUCKETS_PER_LINE as u32
    }

    /// The bucket at a position, seen from a home.
    fn bucket_at(&self, home: usize, position: u32) -> u32 {
        let (position, side) = (position / BUCKETS_PER_LINE as u32, position % BUCKETS_PER_LINE as u32);
        let (start, distance) =
            ((position / (home::MAX_BOUND + 1)) as usize, (position % (home::MAX_BOUND + 1)) as usize);
        let line = (home * HOME_LINES + start + distance * (distance + 1) / 2) % self.line_count();
        (line * BUCKETS_PER_LINE) as u32 + side
    }

    /// Sees to it that nobody inserts the key here any more. After this, if `find` does not find it, it never will.
    pub(crate) fn seal(&self, fingerprint: &Fingerprint) {
        let index = self.home(fingerprint);
        let home = &self.homes[index];
        loop {
            let seen = home.load();
            if seen.pending().is_some() {
                self.help(index, seen);
            } else if seen.is_sealed() || home.seal(seen) {
                return;
            }
        }
    }
}

/// What an inserter holds while the home has not committed.
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

/// A bucket that was free when it was looked at.
struct Vacancy {
    distance: u32,
    index: u32,
    seen: key_state::Snapshot,
}

/// A claimed bucket with a key in it that nobody sees yet.
struct Staged<'a, K, M> {
    table: &'a Table<K, M>,
    index: u32,
    bucket: &'a Bucket,
    distance: u32,
    slot: Claimed<'a, M>,
}

#[allow(unsafe_code)]
impl<'a, K, M> Staged<'a, K, M> {
    fn new(
        table: &'a Table<K, M>,
        index: u32,
        bucket: &'a Bucket,
        distance: u32,
        slot: Claimed<'a, M>,
        key: K,
    ) -> Self {
        // SAFETY: the holder of `slot` claimed the bucket, which was emptied before it became vacant.
        unsafe { table.key(index).write(key) };
        Self { table, index, bucket, distance, slot }
    }

    fn withdraw(self) -> K {
        // SAFETY: the home did not commit this bucket, so nobody else has seen the key.
        let key = unsafe { self.table.key(self.index).take() };
        self.slot.give_up();
        self.bucket.key_state.withdraw();
        key
    }
}
