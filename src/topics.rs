//! The reasons why a socket can be due.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not, Sub, SubAssign};

/// A set of topics: the reasons why a socket is due. There are 32 of them.
///
/// Topic 0, [`Topics::UPDATE`], is the plain "something new is there". The other 31 are the caller's to name:
///
/// ```
/// use socket_registry::Topics;
///
/// const DEVICES: Topics = Topics::topic(1);
/// const ALERTS: Topics = Topics::topic(2);
///
/// let due = DEVICES | ALERTS;
/// assert!(due.contains(ALERTS));
/// assert_eq!(due - DEVICES, ALERTS);
/// assert_eq!(due.iter().collect::<Vec<_>>(), [DEVICES, ALERTS]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Topics(u32);

impl Topics {
    /// No topic.
    pub const EMPTY: Self = Self(0);
    /// Topic 0, the plain "update".
    pub const UPDATE: Self = Self::topic(0);
    /// All 32 topics.
    pub const ALL: Self = Self(u32::MAX);

    /// The set that holds topic `n` alone.
    ///
    /// # Panics
    /// If `n` is not below 32, at compile time where the call is in a `const`.
    #[must_use]
    pub const fn topic(n: u32) -> Self {
        assert!(n < 32, "there are 32 topics, numbered 0 to 31");
        Self(1 << n)
    }

    /// The set whose topic `n` is in it if bit `n` is set. The inverse of [`bits`](Self::bits).
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The set as bits, topic `n` at bit `n`.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether every topic of `other` is in this set. True for an empty `other`.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The topics that are in either set: `|` where a `const` is wanted.
    ///
    /// ```
    /// use socket_registry::Topics;
    ///
    /// const DEVICES: Topics = Topics::topic(1);
    /// const ALL_OF_OURS: Topics = Topics::UPDATE.union(DEVICES);
    /// assert!(ALL_OF_OURS.intersects(DEVICES | Topics::topic(2)));
    /// assert_eq!(!ALL_OF_OURS & DEVICES, Topics::EMPTY);
    /// ```
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a topic is in both sets. False for an empty `other`.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether no topic is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many topics are in the set.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The topics of the set, each as a set of its own, lowest first.
    pub const fn iter(self) -> TopicsIter {
        TopicsIter(self)
    }
}

/// The iterator of [`Topics::iter`]: each topic as a set of its own, lowest first.
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing unless they are asked for the next"]
pub struct TopicsIter(Topics);

impl Iterator for TopicsIter {
    type Item = Topics;

    fn next(&mut self) -> Option<Topics> {
        let Topics(left) = self.0;
        let lowest = Topics(left & left.wrapping_neg());
        self.0 -= lowest;
        (!lowest.is_empty()).then_some(lowest)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl ExactSizeIterator for TopicsIter {}

impl FusedIterator for TopicsIter {}

impl IntoIterator for Topics {
    type Item = Self;
    type IntoIter = TopicsIter;

    /// As [`iter`](Topics::iter).
    fn into_iter(self) -> TopicsIter {
        self.iter()
    }
}

impl Not for Topics {
    type Output = Self;
    /// The topics that are not in the set.
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl Extend<Topics> for Topics {
    fn extend<I: IntoIterator<Item = Self>>(&mut self, sets: I) {
        sets.into_iter().for_each(|set| *self |= set);
    }
}

impl BitOr for Topics {
    type Output = Self;
    /// The topics that are in either set.
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Topics {
    type Output = Self;
    /// The topics that are in both sets.
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Sub for Topics {
    type Output = Self;
    /// The topics that are in this set and not in the other.
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOrAssign for Topics {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl BitAndAssign for Topics {
    fn bitand_assign(&mut self, other: Self) {
        *self = *self & other;
    }
}

impl SubAssign for Topics {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl FromIterator<Topics> for Topics {
    fn from_iter<I: IntoIterator<Item = Self>>(sets: I) -> Self {
        sets.into_iter().fold(Self::EMPTY, |all, set| all | set)
    }
}

impl fmt::Debug for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Topics")?;
        f.debug_set().entries(self.iter().map(|topic| topic.0.trailing_zeros())).finish()
    }
}

#[cfg(test)]
mod tests;
