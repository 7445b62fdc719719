//! Looks a key up: where it may be, and whether it is there.

use crate::storage::fingerprint::Fingerprint;
use crate::storage::table::home::HOME_PAIRS;
use crate::storage::table::{BucketPair, BucketRef, PAIR, Table, key_state};
use crate::sync::prefetch;

/// An active key: where it is, and in which occupancy of the bucket.
pub(crate) struct ActiveKey<'a, K, M> {
    pub(crate) bucket: BucketRef<'a, K, M>,
    pub(crate) seen: key_state::Snapshot,
}

impl<'a, K, M> ActiveKey<'a, K, M> {
    /// Returns the key that is in the bucket now. Precondition: the caller knows that there is one.
    pub(crate) fn now(bucket: BucketRef<'a, K, M>) -> Self {
        Self { bucket, seen: bucket.key_state.load() }
    }

    /// Returns the key, if it is in this bucket; otherwise the key state that was seen.
    #[inline]
    pub(crate) fn check(bucket: BucketRef<'a, K, M>, fingerprint: &Fingerprint) -> Result<Self, key_state::Snapshot> {
        let seen = bucket.key_state.load();
        let is_key = seen.is_member(fingerprint.identity.kind)
            && bucket.identity.matches(fingerprint.identity)
            && bucket.key_state.load().is_still(seen);
        if is_key { Ok(Self { bucket, seen }) } else { Err(seen) }
    }
}

/// A table of more pairs is not in the nearest caches. Then a search fetches both buckets of a pair
/// at once, before it knows whether it needs the second.
const FAR_PAIRS: usize = 512;

impl<K, M> Table<K, M> {
    /// Returns the bucket where the key is, if it is in its first pair. The result proves nothing.
    /// The side of the pair is computed without a branch, because the processor could only guess
    /// it.
    #[inline]
    pub(crate) fn candidate(&self, fingerprint: &Fingerprint) -> BucketRef<'_, K, M> {
        let BucketPair(buckets) = &self.pairs[self.start(fingerprint.hash)];
        if self.pairs.len() > FAR_PAIRS {
            prefetch(&buckets[1]);
        }
        let side = usize::from(!buckets[0].identity.may_match(fingerprint.identity));
        BucketRef::new(self, &buckets[side])
    }

    /// Returns the key, if it is active and in its first pair.
    #[inline(always)]
    pub(crate) fn find_near(&self, fingerprint: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        ActiveKey::check(self.candidate(fingerprint), fingerprint).ok()
    }

    /// Tells whether the key is surely not in the table: no bucket where it may be has its
    /// identity. As long as a key is active, its identity and its bit stay; and who knows of the
    /// key sees both.
    #[inline]
    pub(crate) fn lacks(&self, fingerprint: &Fingerprint) -> bool {
        let may_be_key = |bucket: BucketRef<'_, K, M>| bucket.identity.may_match(fingerprint.identity).then_some(());
        self.seek(self.start(fingerprint.hash), may_be_key).is_none()
    }

    /// Returns the key, if it is active.
    pub(crate) fn find(&self, fingerprint: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        self.seek(self.start(fingerprint.hash), |bucket| ActiveKey::check(bucket, fingerprint).ok())
    }

    /// Calls `f` with each bucket where a key of this pair may be, the pair's own and those of its
    /// displaced keys, until it returns something. (Faster than an iterator over both.)
    #[inline(always)]
    pub(super) fn seek<'a, R>(
        &'a self,
        start: usize,
        mut f: impl FnMut(BucketRef<'a, K, M>) -> Option<R>,
    ) -> Option<R> {
        self.buckets_of(start).into_iter().find_map(&mut f).or_else(|| self.displaced(start).find_map(f))
    }

    /// Does the same as `find`, in a table that is not the newest.
    pub(crate) fn find_superseded(&self, fingerprint: &Fingerprint) -> Option<ActiveKey<'_, K, M>> {
        if self.filters_out(fingerprint) { None } else { self.find(fingerprint) }
    }

    /// Tells whether the key's home is sealed, and known not to have the key.
    #[inline]
    pub(crate) fn filters_out(&self, fingerprint: &Fingerprint) -> bool {
        self.homes[self.home(fingerprint)].load().lacks(fingerprint.identity.digest())
    }

    /// Returns the pair at a distance from the first one of a probe sequence.
    #[inline]
    pub(super) fn pair_at(&self, start: usize, distance: u32) -> usize {
        let pair = start + (distance * (distance + 1) / 2) as usize;
        if pair < self.pairs.len() { pair } else { pair % self.pairs.len() }
    }

    /// Returns the buckets of a pair, in the order in which an insertion tries them.
    #[inline]
    pub(super) fn buckets_of(&self, pair: usize) -> [BucketRef<'_, K, M>; PAIR] {
        self.pairs[pair].0.each_ref().map(|bucket| BucketRef::new(self, bucket))
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
