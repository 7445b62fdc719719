//! Key to bucket: an open-addressing table whose buckets never move, without locks and without duplicates.
//!
//! A bucket holds what a mark needs, two buckets to a cache line: the key's presence word, its identity, and the word of its first
//! socket. What only the socket's own life needs is in a second array, what only further sockets and visitors need in a third; both
//! are committed by the system as they are touched.
//!
//! # Where a key can be
//! In the lines `start`, `start + 1`, `start + 3`, `start + 6`, … (triangular numbers, so that full stretches are left
//! quickly), as far as the bound of its home says, in the first bucket that was free when it came. A search may stop early at a bucket
//! that was never claimed: the key would have taken it.
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

use crate::cell::ValueCell;
use crate::home::{self, Home};
use crate::identity::{Fingerprint, IdentityCell};
use crate::lease::Lease;
use crate::limits::LINE;
use crate::place::{Claimed, Place, Seat};
use crate::presence::{self, Presence};
use crate::slab::{Chain, Stack};
use crate::sync::{Zeroable, prefetch, zeroed_slice};
use crate::word::Word;

/// Lines that share a home.
const HOME_LINES: usize = 4;

const _: () = assert!(HOME_LINES * (home::MAX_BOUND as usize + 1) * LINE <= home::MAX_WAY as usize + 1);

/// Which bit of the hash says which bucket of a line is tried first: one that decides neither the shard nor the line.
const FLIP_BIT: u32 = 20;

/// One table of a shard.
pub(crate) struct Table<K, M> {
    number: u32,
    /// How many lines beyond its first a key may be put.
    max_bound: u32,
    lines: Box<[Line]>,
    homes: Box<[Home]>,
    residents: Box<[Resident<K, M>]>,
    extras: Box<[Extras]>,
}

#[derive(Default)]
#[repr(align(64))]
struct Line([Bucket; LINE]);

/// What a mark reads and writes.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Bucket {
    pub(crate) presence: Presence,
    identity: IdentityCell,
    pub(crate) word: Word,
}

/// What the life of a key and of its first socket needs besides.
struct Resident<K, M> {
    key: ValueCell<K>,
    seat: Seat<M>,
}

/// What only keys with several sockets, and visitors, need.
#[derive(Default)]
pub(crate) struct Extras {
    lease: Lease,
    /// The places of the key's chain that are free to take.
    pub(crate) vacancies: Stack,
    pub(crate) chain: Chain,
}

const _: () = assert!(crate::sync::MODELLED || size_of::<Line>() == 64);

impl<K, M> Default for Resident<K, M> {
    fn default() -> Self {
        Self { key: ValueCell::default(), seat: Seat::default() }
    }
}

#[allow(unsafe_code)]
mod zeroable {
    use super::{Extras, Home, Line, Resident, Zeroable};
    // SAFETY: atomics.
    unsafe impl Zeroable for Line {}
    // SAFETY: one atomic.
    unsafe impl Zeroable for Home {}
    // SAFETY: a cell of `MaybeUninit`, for which any bytes will do, and a zeroable `Seat`.
    unsafe impl<K, M> Zeroable for Resident<K, M> {}
    // SAFETY: atomics.
    unsafe impl Zeroable for Extras {}
}

/// An active key: where it is, and which occupancy of the bucket it is.
pub(crate) struct Found<'a, K, M> {
    pub(crate) table: &'a Table<K, M>,
    pub(crate) bucket: u32,
    pub(crate) seen: presence::Seen,
}

/// What became of an attempt to insert a key. But for `Done` the key comes back.
pub(crate) enum Insertion<'a, K, M> {
    /// The key is active in this bucket, the caller is its one socket, and the bucket's own place is claimed for it.
    Done(u32, Claimed<'a, M>),
    /// The key is there.
    Found(Found<'a, K, M>, K),
    /// The key's home takes no more insertions, or no bucket is free where the key may go: a newer table is needed.
    NoRoom(K),
}

impl<K, M> Table<K, M> {
    pub(crate) fn new(number: u32, lines: usize, max_bound: u32) -> Self {
        Self {
            number,
            max_bound,
            lines: zeroed_slice(lines),
            homes: zeroed_slice(lines.div_ceil(HOME_LINES)),
            residents: zeroed_slice(lines * LINE),
            extras: zeroed_slice(lines * LINE),
        }
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn line_count(&self) -> usize {
        self.lines.len()
    }

    #[inline]
    pub(crate) fn bucket(&self, bucket: u32) -> &Bucket {
        &self.lines[bucket as usize / LINE].0[bucket as usize % LINE]
    }

    pub(crate) fn extras(&self, bucket: u32) -> &Extras {
        &self.extras[bucket as usize]
    }

    /// The own place of a bucket, if there is such a bucket.
    pub(crate) fn place(&self, bucket: u32) -> Option<Place<'_, M>> {
        let resident = self.residents.get(bucket as usize)?;
        Some(Place { word: &self.bucket(bucket).word, lease: &self.extras(bucket).lease, seat: &resident.seat })
    }

    /// The words of all buckets, in memory's order.
    pub(crate) fn words(&self) -> impl Iterator<Item = (u32, &Word)> {
        let buckets = self.lines.iter().flat_map(|line| &line.0);
        buckets.zip(0..).map(|(bucket, number)| (number, &bucket.word))
    }

    /// Where a key's cell is. When it may be used is for the presence word to say.
    pub(crate) fn key(&self, bucket: u32) -> &ValueCell<K> {
        &self.residents[bucket as usize].key
    }

    /// The key's bucket, if it is active.
    #[inline]
    pub(crate) fn find(&self, print: &Fingerprint) -> Option<Found<'_, K, M>> {
        let mut bound = None;
        for (distance, line) in self.probe(print.hash) {
            if distance > 0 && distance > *bound.get_or_insert_with(|| self.homes[self.home(print)].load().bound()) {
                return None;
            }
            for bucket in self.buckets_of(line, print.hash) {
                let seen = self.bucket(bucket).presence.load();
                if self.is_key(bucket, seen, print) {
                    return Some(Found { table: self, bucket, seen });
                }
                if seen.is_untouched() {
                    return None;
                }
            }
        }
        None
    }

    /// Asks for the memory that `find` will need first.
    #[inline]
    pub(crate) fn prefetch(&self, print: &Fingerprint) {
        prefetch(&self.lines[self.start(print.hash)]);
    }

    /// Whether the bucket, whose presence was just `seen`, has the key.
    #[inline]
    fn is_key(&self, bucket: u32, seen: presence::Seen, print: &Fingerprint) -> bool {
        let Bucket { presence, identity, .. } = self.bucket(bucket);
        seen.is_member(print.identity.kind) && identity.holds(print.identity) && presence.load().is_still(seen)
    }

    /// The key's place in the order of the lines it may be in, with the distance from the first.
    #[inline]
    fn probe(&self, hash: u64) -> impl Iterator<Item = (u32, usize)> {
        let mut line = self.start(hash);
        (0..=self.max_bound).map(move |distance| {
            line += distance as usize;
            if line >= self.lines.len() {
                line %= self.lines.len();
            }
            (distance, line)
        })
    }

    #[inline]
    fn buckets_of(&self, line: usize, hash: u64) -> [u32; LINE] {
        let (first, flip) = ((line * LINE) as u32, (hash >> FLIP_BIT & 1) as u32);
        [first + flip, first + (1 - flip)]
    }

    /// Scales the hash to the number of lines by a multiplication.
    #[inline]
    fn start(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.lines.len() as u128) >> u64::BITS) as usize
    }

    /// The number of the key's home.
    #[inline]
    fn home(&self, print: &Fingerprint) -> usize {
        self.start(print.hash) / HOME_LINES
    }

    /// The way to a bucket from the key's home: from which of its lines, how far, and to which bucket of the line.
    fn way(&self, print: &Fingerprint, distance: u32, bucket: u32) -> u32 {
        let start = self.start(print.hash) % HOME_LINES;
        (start as u32 * (home::MAX_BOUND + 1) + distance) * LINE as u32 + bucket % LINE as u32
    }

    /// The bucket at the end of a way from a home.
    fn bucket_at(&self, home: usize, way: u32) -> u32 {
        let (way, side) = (way / LINE as u32, way % LINE as u32);
        let (start, distance) = ((way / (home::MAX_BOUND + 1)) as usize, (way % (home::MAX_BOUND + 1)) as usize);
        let line = (home * HOME_LINES + start + distance * (distance + 1) / 2) % self.lines.len();
        (line * LINE) as u32 + side
    }

    /// Inserts the key, or finds it.
    ///
    /// Lock-free: it starts over only when another insertion has succeeded in the same home.
    pub(crate) fn insert(&self, print: &Fingerprint, key: K) -> Insertion<'_, K, M> {
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
                return Insertion::NoRoom(attempt.give_up());
            }
            if let Some(found) = self.find(print) {
                return Insertion::Found(found, attempt.give_up());
            }
            let hidden = match attempt {
                Attempt::Hidden(hidden) => hidden,
                Attempt::Key(key) => match self.hide(print, key) {
                    Ok(hidden) => hidden,
                    Err(key) => return Insertion::NoRoom(key),
                },
            };
            let way = self.way(print, hidden.distance, hidden.bucket);
            if let Some(decided) = home.decide(seen, way, hidden.distance) {
                self.finish(number, decided);
                return Insertion::Done(hidden.bucket, hidden.place);
            }
            attempt = Attempt::Hidden(hidden);
        }
    }

    /// Claims the first free bucket for the key, and its own place.
    fn hide(&self, print: &Fingerprint, key: K) -> Result<Hidden<'_, K, M>, K> {
        for (distance, line) in self.probe(print.hash) {
            for bucket in self.buckets_of(line, print.hash) {
                let Bucket { presence, identity, .. } = self.bucket(bucket);
                let seen = presence.load();
                if !seen.is_vacant() || !presence.claim(seen, print.identity.kind) {
                    continue;
                }
                identity.store(print.identity);
                let place = self.place(bucket).and_then(|place| place.claim());
                let place = place.expect("the own place of a vacant bucket is vacant");
                return Ok(Hidden::new(self, bucket, distance, place, key));
            }
        }
        Err(key)
    }

    /// Makes the bucket of a decided insertion visible, unless that was done already.
    fn finish(&self, home: usize, decided: home::Seen) {
        let Some(way) = decided.pending() else { return };
        let presence = &self.bucket(self.bucket_at(home, way)).presence;
        let home = &self.homes[home];
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
    Hidden(Hidden<'a, K, M>),
}

impl<K, M> Attempt<'_, K, M> {
    fn give_up(self) -> K {
        match self {
            Self::Key(key) => key,
            Self::Hidden(hidden) => hidden.withdraw(),
        }
    }
}

/// A claimed bucket with a key in it that nobody sees yet.
struct Hidden<'a, K, M> {
    table: &'a Table<K, M>,
    bucket: u32,
    distance: u32,
    place: Claimed<'a, M>,
}

#[allow(unsafe_code)]
impl<'a, K, M> Hidden<'a, K, M> {
    fn new(table: &'a Table<K, M>, bucket: u32, distance: u32, place: Claimed<'a, M>, key: K) -> Self {
        // SAFETY: the holder of `place` claimed the bucket, which was emptied before it became vacant.
        unsafe { table.key(bucket).write(key) };
        Self { table, bucket, distance, place }
    }

    fn withdraw(self) -> K {
        // SAFETY: the home did not decide for this bucket, so nobody else has seen the key.
        let key = unsafe { self.table.key(self.bucket).take() };
        self.place.give_up();
        self.table.bucket(self.bucket).presence.withdraw();
        key
    }
}
