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
//! How a key gets there is in `insertion`.

pub(crate) mod epoch;
pub(crate) mod home;
pub(crate) mod insert;
pub(crate) mod key_state;
pub(crate) mod takeover_order;

use crate::shard::geometry::BUCKETS_PER_LINE;
use crate::storage::fingerprint::{Fingerprint, IdentityCell};
use crate::storage::slab::{FreeList, SlotChain};
use crate::storage::slot::access::{SlotData, SlotRef};
use crate::storage::slot::refs::SlotRefs;
use crate::storage::slot::state::{self, SlotState};
use crate::storage::table::epoch::ActivityEpoch;
use crate::storage::table::home::HomeGroup;
use crate::storage::table::key_state::KeyState;
use crate::storage::table::takeover_order::TakeoverOrder;
use crate::sync::{Zeroable, prefetch, zeroed_slice};
use crate::util::value_cell::ValueCell;
use std::ptr;

/// Lines that share a home.
pub(crate) const HOME_LINES: usize = 4;

/// Which bit of the hash says which bucket of a line is tried first: one that decides neither the shard nor the line.
const FLIP_BIT: u32 = 20;

/// One table of a shard.
pub(crate) struct Table<K, M> {
    number: u32,
    /// How many lines beyond its first a key may be put.
    max_bound: u32,
    lines: Box<[BucketLine]>,
    pub(crate) homes: Box<[HomeGroup]>,
    residents: Box<[BucketWarm<K, M>]>,
    extras: Box<[BucketCold]>,
}

#[derive(Default)]
#[repr(align(64))]
struct BucketLine([Bucket; BUCKETS_PER_LINE]);

/// What a mark reads and writes.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Bucket {
    pub(crate) presence: KeyState,
    pub(crate) identity: IdentityCell,
    pub(crate) word: SlotState,
}

/// Where a key may be.
pub(crate) struct Candidate<'a, K, M> {
    pub(crate) table: &'a Table<K, M>,
    pub(crate) line: usize,
    pub(crate) side: usize,
    pub(crate) bucket: &'a Bucket,
}

impl<K, M> Candidate<'_, K, M> {
    #[inline]
    pub(crate) fn number(&self) -> u32 {
        (self.line * BUCKETS_PER_LINE + self.side) as u32
    }
}

impl Bucket {
    /// The key's socket as its word shows it, if this is the key's bucket and the key has no other place. Holds if a step from there succeeds.
    ///
    /// The word is read first, and never shows the same socket again once that is gone. So if the step succeeds, the socket was there
    /// meanwhile, which keeps the occupancy: what is read here after the word belongs to that socket's key. Whoever registers in
    /// another place says CHAINED before returning, and so is not missed.
    #[inline]
    pub(crate) fn sole(&self, print: &Fingerprint) -> Option<state::Snapshot> {
        let seen = self.word.load();
        let is_key = self.identity.holds(print.identity);
        let is_sole = self.presence.load().is_unchained_member(print.identity.kind);
        (is_key && is_sole && seen.is_live()).then_some(seen)
    }
}

/// What the life of a key and of its first socket needs besides.
struct BucketWarm<K, M> {
    key: ValueCell<K>,
    seat: SlotData<M>,
}

/// What only keys with several sockets, visitors, and who watches need.
#[derive(Default)]
pub(crate) struct BucketCold {
    lease: SlotRefs,
    /// The places of the key's chain that are free to take.
    pub(crate) vacancies: FreeList,
    pub(crate) chain: SlotChain,
    pub(crate) succession: TakeoverOrder,
    pub(crate) session: ActivityEpoch,
}

const _: () = assert!(crate::sync::MODELLED || size_of::<BucketLine>() == 64);

impl<K, M> Default for BucketWarm<K, M> {
    fn default() -> Self {
        Self { key: ValueCell::default(), seat: SlotData::default() }
    }
}

#[allow(unsafe_code)]
mod zeroable {
    use super::{BucketCold, BucketLine, BucketWarm, HomeGroup, Zeroable};
    // SAFETY: atomics.
    unsafe impl Zeroable for BucketLine {}
    // SAFETY: one atomic.
    unsafe impl Zeroable for HomeGroup {}
    // SAFETY: a cell of `MaybeUninit`, for which any bytes will do, and a zeroable `SlotData`.
    unsafe impl<K, M> Zeroable for BucketWarm<K, M> {}
    // SAFETY: atomics.
    unsafe impl Zeroable for BucketCold {}
}

/// An active key: where it is, and which occupancy of the bucket it is.
pub(crate) struct ActiveKey<'a, K, M> {
    pub(crate) table: &'a Table<K, M>,
    pub(crate) number: u32,
    pub(crate) bucket: &'a Bucket,
    pub(crate) seen: key_state::Snapshot,
}

impl<'a, K, M> ActiveKey<'a, K, M> {
    /// The key that is in the bucket now, by who knows that there is one.
    pub(crate) fn now(table: &'a Table<K, M>, number: u32) -> Self {
        let bucket = table.bucket(number);
        Self { table, number, bucket, seen: bucket.presence.load() }
    }
}

impl<K, M> Table<K, M> {
    pub(crate) fn new(number: u32, lines: usize, max_bound: u32) -> Self {
        Self {
            number,
            max_bound,
            lines: zeroed_slice(lines),
            homes: zeroed_slice(lines.div_ceil(HOME_LINES)),
            residents: zeroed_slice(lines * BUCKETS_PER_LINE),
            extras: zeroed_slice(lines * BUCKETS_PER_LINE),
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
        &self.lines[bucket as usize / BUCKETS_PER_LINE].0[bucket as usize % BUCKETS_PER_LINE]
    }

    pub(crate) fn extras(&self, bucket: u32) -> &BucketCold {
        &self.extras[bucket as usize]
    }

    /// The own place of a bucket, if there is such a bucket.
    pub(crate) fn place(&self, bucket: u32) -> Option<SlotRef<'_, M>> {
        (bucket < self.residents.len() as u32).then(|| self.own_place(bucket))
    }

    /// The own place of a bucket that is there.
    #[inline]
    pub(crate) fn own_place(&self, bucket: u32) -> SlotRef<'_, M> {
        SlotRef {
            word: &self.bucket(bucket).word,
            lease: &self.extras(bucket).lease,
            seat: &self.residents[bucket as usize].seat,
        }
    }

    /// The word of a bucket, if there is such a bucket.
    #[inline]
    pub(crate) fn word(&self, bucket: u32) -> Option<&SlotState> {
        self.lines.get(bucket as usize / BUCKETS_PER_LINE).map(|line| &line.0[bucket as usize % BUCKETS_PER_LINE].word)
    }

    /// The bucket that has the word, if it is in this table.
    pub(crate) fn bucket_of(&self, word: &SlotState) -> Option<u32> {
        let distance = ptr::from_ref(word).addr().wrapping_sub(self.lines.as_ptr().addr());
        (distance < size_of_val(&*self.lines)).then(|| {
            let (line, side) =
                (distance / size_of::<BucketLine>(), distance % size_of::<BucketLine>() / size_of::<Bucket>());
            (line * BUCKETS_PER_LINE + side) as u32
        })
    }

    /// Calls `f` with the word of each bucket, in memory's order.
    #[inline]
    pub(crate) fn each_word<'a>(&'a self, mut f: impl FnMut(u32, &'a SlotState)) {
        for (line, BucketLine(buckets)) in self.lines.iter().enumerate() {
            for (side, bucket) in buckets.iter().enumerate() {
                f((line * BUCKETS_PER_LINE + side) as u32, &bucket.word);
            }
        }
    }

    /// Where a key's cell is. When it may be used is for the presence word to say.
    pub(crate) fn key(&self, bucket: u32) -> &ValueCell<K> {
        &self.residents[bucket as usize].key
    }

    /// Where the key is, if it is in its first line or the one after it, as `distance` says; proves nothing. Which of the line's buckets
    /// it is is computed rather than decided, since the processor could only guess.
    #[inline]
    pub(crate) fn guess(&self, print: &Fingerprint, distance: usize) -> Option<Candidate<'_, K, M>> {
        let line = self.start(print.hash) + distance;
        let BucketLine(buckets) = self.lines.get(line)?;
        let side = usize::from(buckets[1].identity.resembles(print.identity));
        Some(Candidate { table: self, line, side, bucket: &buckets[side] })
    }

    /// The key, if it is active and in the first two lines, as nine in ten are.
    #[inline]
    pub(crate) fn glance(&self, print: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        [0, 1].into_iter().find_map(|distance| {
            let guess = self.guess(print, distance)?;
            self.look(guess.number(), guess.bucket, print).ok()
        })
    }

    /// The key, if it is active.
    pub(crate) fn find(&self, print: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        let mut bound = None;
        for (distance, line) in self.probe(print.hash) {
            // The bound is far away: only who would have to go far looks.
            if distance > 3 && distance > *bound.get_or_insert_with(|| self.homes[self.home(print)].load().bound()) {
                return None;
            }
            for number in self.buckets_of(line, print.hash) {
                match self.look(number, self.bucket(number), print) {
                    Ok(found) => return Some(found),
                    Err(seen) if seen.is_untouched() => return None,
                    Err(_) => {}
                }
            }
        }
        None
    }

    /// The key, if it is in this bucket; else what the bucket's presence was.
    #[inline]
    pub(crate) fn look<'a>(
        &'a self,
        number: u32,
        bucket: &'a Bucket,
        print: &Fingerprint,
    ) -> Result<ActiveKey<'a, K, M>, key_state::Snapshot> {
        let Bucket { presence, identity, .. } = bucket;
        let seen = presence.load();
        let is_key =
            seen.is_member(print.identity.kind) && identity.holds(print.identity) && presence.load().is_still(seen);
        if is_key { Ok(ActiveKey { table: self, number, bucket, seen }) } else { Err(seen) }
    }

    /// Asks for the first line of the key, or the one after it.
    #[inline]
    pub(crate) fn prefetch(&self, print: &Fingerprint, distance: usize) {
        if let Some(line) = self.lines.get(self.start(print.hash) + distance) {
            prefetch(line);
        }
    }

    /// Asks for what is kept of the line's first sockets besides their words.
    #[inline]
    pub(crate) fn prefetch_seats(&self, line: usize) {
        let seats = line * BUCKETS_PER_LINE;
        prefetch(&self.residents[seats].seat);
        prefetch(&self.residents[seats + BUCKETS_PER_LINE - 1].seat);
    }

    /// Asks for all that an insertion of the key will need.
    #[inline]
    pub(crate) fn prefetch_insertion(&self, print: &Fingerprint) {
        let line = self.start(print.hash);
        prefetch(&self.lines[line]);
        prefetch(&self.homes[line / HOME_LINES]);
        prefetch(&self.residents[line * BUCKETS_PER_LINE]);
    }

    /// Asks for all that the removal of a bucket's socket will need.
    #[inline]
    pub(crate) fn prefetch_removal(&self, bucket: u32) {
        prefetch(self.bucket(bucket));
        prefetch(&self.residents[bucket as usize]);
    }

    /// The key's place in the order of the lines it may be in, with the distance from the first.
    #[inline]
    pub(crate) fn probe(&self, hash: u64) -> impl Iterator<Item = (u32, usize)> {
        let mut line = self.start(hash);
        (0..self.max_bound + 1).map(move |distance| {
            line += distance as usize;
            if line >= self.lines.len() {
                line %= self.lines.len();
            }
            (distance, line)
        })
    }

    #[inline]
    pub(crate) fn buckets_of(&self, line: usize, hash: u64) -> [u32; BUCKETS_PER_LINE] {
        let (first, flip) = ((line * BUCKETS_PER_LINE) as u32, (hash >> FLIP_BIT & 1) as u32);
        [first + flip, first + (1 - flip)]
    }

    /// Scales the hash to the number of lines by a multiplication.
    #[inline]
    pub(crate) fn start(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.lines.len() as u128) >> u64::BITS) as usize
    }

    /// The number of the key's home.
    #[inline]
    pub(crate) fn home(&self, print: &Fingerprint) -> usize {
        self.start(print.hash) / HOME_LINES
    }
}
