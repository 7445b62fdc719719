//! Looks a key up: where it may be, and whether it is there.

use crate::storage::fingerprint::Fingerprint;
use crate::storage::table::home::HOME_PAIRS;
use crate::storage::table::{Bucket, BucketPair, PAIR, Table, key_state};

/// The bit of the hash that says which bucket of a pair is tried first. It is one that chooses
/// neither the shard nor the pair.
const FLIP_BIT: u32 = 20;

/// A bucket where a key may be.
pub(crate) struct Candidate<'a> {
    pub(crate) index: u32,
    pub(crate) bucket: &'a Bucket,
}

/// An active key: where it is, and in which occupancy of the bucket.
pub(crate) struct ActiveKey<'a, K, M> {
    pub(crate) table: &'a Table<K, M>,
    pub(crate) index: u32,
    pub(crate) bucket: &'a Bucket,
    pub(crate) seen: key_state::Snapshot,
}

impl<'a, K, M> ActiveKey<'a, K, M> {
    /// Returns the key that is in the bucket now. Precondition: the caller knows that there is one.
    pub(crate) fn now(table: &'a Table<K, M>, index: u32) -> Self {
        let bucket = table.bucket(index);
        Self { table, index, bucket, seen: bucket.key_state.load() }
    }
}

impl<K, M> Table<K, M> {
    /// Returns the bucket where the key is, if it is in its first pair or the one after it, as
    /// `distance` says. The result proves nothing. The side of the pair is computed without a
    /// branch, because the processor could only guess it.
    #[inline]
    pub(crate) fn candidate(&self, fingerprint: &Fingerprint, distance: usize) -> Option<Candidate<'_>> {
        let start = self.start(fingerprint.hash);
        if distance > 0 && !self.pairs[start].is_passed() {
            return None;
        }
        let pair = start + distance;
        let BucketPair(buckets) = self.pairs.get(pair)?;
        let side = usize::from(buckets[1].identity.may_match(fingerprint.identity));
        Some(Candidate { index: (pair * PAIR + side) as u32, bucket: &buckets[side] })
    }

    /// Returns the key, if it is active and in the first two pairs. Nine keys in ten are there.
    #[inline(always)]
    pub(crate) fn find_near(&self, fingerprint: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        let find_at = |distance| {
            let Candidate { index, bucket } = self.candidate(fingerprint, distance)?;
            self.check(index, bucket, fingerprint).ok()
        };
        find_at(0).or_else(|| find_at(1))
    }

    /// Returns the key, if it is active.
    pub(crate) fn find(&self, fingerprint: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        for (_, pair) in self.probe(fingerprint.hash) {
            for index in self.buckets_of(pair, fingerprint.hash) {
                if let Ok(found) = self.check(index, self.bucket(index), fingerprint) {
                    return Some(found);
                }
            }
            if !self.pairs[pair].is_passed() {
                break;
            }
        }
        None
    }

    /// Does the same as `find`, in a table that is not the newest.
    pub(crate) fn find_superseded(&self, fingerprint: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        if self.homes[self.home(fingerprint)].load().is_empty() { None } else { self.find(fingerprint) }
    }

    /// Returns the key, if it is in this bucket; otherwise the key state that was seen.
    #[inline]
    pub(crate) fn check<'a>(
        &'a self,
        index: u32,
        bucket: &'a Bucket,
        fingerprint: &Fingerprint,
    ) -> Result<ActiveKey<'a, K, M>, key_state::Snapshot> {
        let Bucket { key_state, identity, .. } = bucket;
        let seen = key_state.load();
        let is_key = seen.is_member(fingerprint.identity.kind)
            && identity.matches(fingerprint.identity)
            && key_state.load().is_still(seen);
        if is_key { Ok(ActiveKey { table: self, index, bucket, seen }) } else { Err(seen) }
    }

    /// Returns the pairs that the key may be in, in probe order, each with its distance from the
    /// first.
    #[inline]
    pub(crate) fn probe(&self, hash: u64) -> impl Iterator<Item = (u32, usize)> {
        self.probe_from(self.start(hash))
    }

    #[inline]
    pub(super) fn probe_from(&self, start: usize) -> impl Iterator<Item = (u32, usize)> {
        let mut pair = start;
        (0..self.max_bound + 1).map(move |distance| {
            pair += distance as usize;
            if pair >= self.pairs.len() {
                pair %= self.pairs.len();
            }
            (distance, pair)
        })
    }

    #[inline]
    pub(crate) fn buckets_of(&self, pair: usize, hash: u64) -> [u32; PAIR] {
        let (first, flip) = ((pair * PAIR) as u32, (hash >> FLIP_BIT & 1) as u32);
        [first + flip, first + (1 - flip)]
    }

    /// Scales the hash to the number of pairs by a multiplication.
    #[inline]
    pub(crate) fn start(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.pairs.len() as u128) >> u64::BITS) as usize
    }

    /// Returns the number of the key's home.
    #[inline]
    pub(crate) fn home(&self, fingerprint: &Fingerprint) -> usize {
        self.start(fingerprint.hash) / HOME_PAIRS
    }
}
