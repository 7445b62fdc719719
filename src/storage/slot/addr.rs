//! The address of a slot within its shard.

/// `| index: 31 | is an overflow slot: 1 |`
///
/// The index counts the inline slots of all tables that the shard ever had, or the overflow slots
/// of all its pages. Each table and page has a range of them. Ranges follow one another and no
/// range is given out twice, so a slot's address names no other slot later.
///
/// The address of an overflow slot is never 0, so that 0 can end a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotAddr(u32);

pub(crate) const INDEX_BITS: u32 = 31;
const OVERFLOW: u32 = 1;

impl SlotAddr {
    /// Returns the address of a bucket's inline slot.
    #[inline]
    pub(crate) fn inline(index: u32) -> Self {
        debug_assert!(index >> INDEX_BITS == 0);
        Self(index << 1)
    }

    /// Returns the address of an overflow slot.
    #[inline]
    pub(crate) fn overflow(index: u32) -> Self {
        debug_assert!(index >> INDEX_BITS == 0);
        Self(index << 1 | OVERFLOW)
    }

    #[inline]
    pub(crate) fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    /// Returns the address that a link holds, or `None` if the link ends the list.
    pub(crate) fn from_link(link: u32) -> Option<Self> {
        (link != 0).then_some(Self(link))
    }

    #[inline]
    pub(crate) fn raw(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) fn is_overflow(self) -> bool {
        self.0 & OVERFLOW != 0
    }

    #[inline]
    pub(crate) fn index(self) -> u32 {
        self.0 >> 1
    }
}

#[cfg(test)]
mod tests;
