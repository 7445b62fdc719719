//! How a key gets into a table.
//!
//! # How a key is inserted once
//! 1. Read the home. If an insertion is pending there, finish it and start over.
//! 2. Search. If the key is there, join it.
//! 3. Claim a vacant bucket, which nobody sees yet, and write the key and its identity.
//! 4. Compare-and-swap the home from what was read in 1 to the next version, with this bucket pending. If that fails, somebody
//!    else has inserted here since: start over, keeping the bucket.
//! 5. Make the bucket a member; clear the pending mark. Whoever meets the mark does both.
//!
//! Two inserters of one key have the same home; the second one's step 4 fails, and its next search finds the first one's bucket. Compare Purcell
//! and Harris, "Non-blocking hashtables with open addressing" (2005), which has the same per-home bound and decides by
//! scanning for competing entries; one word per home is simpler where keys are inserted far less often than they are looked up.
//!
//! # How a table is superseded
//! An inserter into a newer table first closes the key's home in every older one, and joins the key if it is there. From then
//! on step 4 fails in the older table, so the key can only be inserted in the newer one.

use crate::storage::fingerprint::Fingerprint;
use crate::storage::slot::Claimed;
use crate::storage::table::home::{HOME_LINES, HomeGroup};
use crate::storage::table::key_state::KeyState;
use crate::storage::table::{ActiveKey, BUCKETS_PER_LINE, Bucket, Table, home, key_state};

const _: () = assert!(HOME_LINES * (home::MAX_BOUND as usize + 1) * BUCKETS_PER_LINE <= home::MAX_WAY as usize + 1);

/// What became of an attempt to insert a key. But for `Inserted` the key comes back.
pub(crate) enum InsertOutcome<'a, K, M> {
    /// The key is active in this bucket, the caller is its one socket, and the bucket's own place is claimed for it.
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
    pub(crate) fn insert(&self, print: &Fingerprint, key: K) -> InsertOutcome<'_, K, M> {
        let number = self.home(print);
        let home = &self.homes[number];
        let mut attempt = Attempt::Key(key);
        loop {
            let seen = home.load();
            if seen.pending().is_some() {
                self.finish(number, seen);
                continue;
            }
            if seen.is_closed() {
                return InsertOutcome::NoRoom(attempt.give_up());
            }
            let vacancy = match self.find_or_vacancy(print, seen.bound()) {
                Ok(found) => return InsertOutcome::Exists(found, attempt.give_up()),
                Err(vacancy) => vacancy,
            };
            let hidden = match attempt {
                Attempt::Staged(hidden) => hidden,
                Attempt::Key(key) => match vacancy {
                    None => return InsertOutcome::NoRoom(key),
                    Some(vacancy) => match self.hide(print, key, vacancy) {
                        Ok(hidden) => hidden,
                        Err(key) => {
                            attempt = Attempt::Key(key);
                            continue;
                        }
                    },
                },
            };
            let way = self.way(print, hidden.distance, hidden.number);
            if let Some(decided) = home.decide(seen, way, hidden.distance) {
                self.reveal(&hidden.bucket.presence, home, decided);
                return InsertOutcome::Inserted(hidden.number, hidden.place);
            }
            attempt = Attempt::Staged(hidden);
        }
    }

    /// As `find`, by who knows the bound; if the key is not there, the first free bucket where it may go.
    fn find_or_vacancy(&self, print: &Fingerprint, bound: u32) -> Result<ActiveKey<'_, K, M>, Option<Vacancy>> {
        let (mut may_follow, mut vacancy) = (true, None);
        for (distance, line) in self.probe(print.hash) {
            for number in self.buckets_of(line, print.hash) {
                let seen = match self.look(number, self.bucket(number), print) {
                    Ok(found) => return Ok(found),
                    Err(seen) => seen,
                };
                may_follow &= !seen.is_untouched();
                if vacancy.is_none() && seen.is_vacant() {
                    vacancy = Some(Vacancy { distance, number, seen });
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

    /// Claims the free bucket for the key, with its own place. The key comes back if somebody was faster.
    fn hide(&self, print: &Fingerprint, key: K, vacancy: Vacancy) -> Result<Staged<'_, K, M>, K> {
        let Vacancy { distance, number, seen } = vacancy;
        let bucket = self.bucket(number);
        if !bucket.presence.claim(seen, print.identity.kind) {
            return Err(key);
        }
        bucket.identity.store(print.identity);
        let place = self.own_place(number).claim_with_bucket();
        Ok(Staged::new(self, number, bucket, distance, place, key))
    }

    /// Makes the bucket of a decided insertion visible, unless that was done already.
    fn finish(&self, home: usize, decided: home::Snapshot) {
        let Some(way) = decided.pending() else { return };
        let presence = &self.bucket(self.bucket_at(home, way)).presence;
        self.reveal(presence, &self.homes[home], decided);
    }

    fn reveal(&self, presence: &KeyState, home: &HomeGroup, decided: home::Snapshot) {
        let claimed = presence.load();
        // The home still is as decided, so `claimed` is of that insertion and not of a later one: whoever inserted does not
        // return, and so the bucket is not emptied, before the home is cleared.
        if home.load() != decided {
            return;
        }
        if claimed.is_claimed() {
            presence.promote(claimed);
        }
        home.clear(decided);
    }

    /// The way to a bucket from the key's home: from which of its lines, how far, and to which bucket of the line.
    fn way(&self, print: &Fingerprint, distance: u32, bucket: u32) -> u32 {
        let start = self.start(print.hash) % HOME_LINES;
        (start as u32 * (home::MAX_BOUND + 1) + distance) * BUCKETS_PER_LINE as u32 + bucket % BUCKETS_PER_LINE as u32
    }

    /// The bucket at the end of a way from a home.
    fn bucket_at(&self, home: usize, way: u32) -> u32 {
        let (way, side) = (way / BUCKETS_PER_LINE as u32, way % BUCKETS_PER_LINE as u32);
        let (start, distance) = ((way / (home::MAX_BOUND + 1)) as usize, (way % (home::MAX_BOUND + 1)) as usize);
        let line = (home * HOME_LINES + start + distance * (distance + 1) / 2) % self.line_count();
        (line * BUCKETS_PER_LINE) as u32 + side
    }

    /// Sees to it that nobody inserts the key here any more. After this, if `find` does not find it, it never will.
    pub(crate) fn close(&self, print: &Fingerprint) {
        let number = self.home(print);
        let home = &self.homes[number];
        loop {
            let seen = home.load();
            if seen.pending().is_some() {
                self.finish(number, seen);
            } else if seen.is_closed() || home.close(seen) {
                return;
            }
        }
    }
}

/// What an inserter holds while the home has not decided.
enum Attempt<'a, K, M> {
    Key(K),
    Staged(Staged<'a, K, M>),
}

impl<K, M> Attempt<'_, K, M> {
    fn give_up(self) -> K {
        match self {
            Self::Key(key) => key,
            Self::Staged(hidden) => hidden.withdraw(),
        }
    }
}

/// A bucket that was free when it was looked at.
struct Vacancy {
    distance: u32,
    number: u32,
    seen: key_state::Snapshot,
}

/// A claimed bucket with a key in it that nobody sees yet.
struct Staged<'a, K, M> {
    table: &'a Table<K, M>,
    number: u32,
    bucket: &'a Bucket,
    distance: u32,
    place: Claimed<'a, M>,
}

#[allow(unsafe_code)]
impl<'a, K, M> Staged<'a, K, M> {
    fn new(
        table: &'a Table<K, M>,
        number: u32,
        bucket: &'a Bucket,
        distance: u32,
        place: Claimed<'a, M>,
        key: K,
    ) -> Self {
        // SAFETY: the holder of `place` claimed the bucket, which was emptied before it became vacant.
        unsafe { table.key(number).write(key) };
        Self { table, number, bucket, distance, place }
    }

    fn withdraw(self) -> K {
        // SAFETY: the home did not decide for this bucket, so nobody else has seen the key.
        let key = unsafe { self.table.key(self.number).take() };
        self.place.give_up();
        self.bucket.presence.withdraw();
        key
    }
}
