//! Topics: the reasons why a socket can be due.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not, Sub, SubAssign};

/// A set of topics: the reasons why a socket is due. There are 32 topics.
///
/// Topic 0, [`Topics::UPDATE`], is the plain "something new is there". The other 31 are yours to
/// name:
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
    /// The empty set.
    pub const EMPTY: Self = Self(0);
    /// The set that holds only topic 0, the plain "update".
    pub const UPDATE: Self = Self::topic(0);
    /// The set of all 32 topics.
    pub const ALL: Self = Self(u32::MAX);

    /// Returns the set that holds only topic `n`.
    ///
    /// # Panics
    /// Panics if `n` is not below 32. In a `const` this is a compile-time error.
    #[must_use]
    pub const fn topic(n: u32) -> Self {
        assert!(n < 32, "there are 32 topics, numbered 0 to 31");
        Self(1 << n)
    }

    /// Returns the set that holds each topic whose bit is set. The inverse of [`bits`](Self::bits).
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Returns the set as bits, with topic `n` at bit `n`.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns whether this set holds every topic of `other`. True if `other` is empty.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the topics that are in either set. This is `|` for use in a `const`.
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

    /// Returns whether the sets have a topic in common. False if `other` is empty.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the number of topics in the set.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Iterates over the topics of the set, each as a set of its own, lowest first.
    pub const fn iter(self) -> TopicsIter {
        TopicsIter(self)
    }
}

/// The iterator of [`Topics::iter`]: yields each topic as a set of its own, lowest first.
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

    /// Iterates as [`iter`](Topics::iter) does.
    fn into_iter(self) -> TopicsIter {
        self.iter()
    }
}

impl Not for Topics {
    type Output = Self;
    /// Returns the topics that are not in the set.
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
    /// Returns the topics that are in either set.
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Topics {
    type Output = Self;
    /// Returns the topics that are in both sets.
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Sub for Topics {
    type Output = Self;
    /// Returns the topics that are in this set and not in the other.
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
