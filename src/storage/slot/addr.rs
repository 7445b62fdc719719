//! The address of a slot within its shard: the table or page, and the position in it.

/// `| offset: 26 | is an overflow slot: 1 | segment: 5 |`
///
/// The address of an overflow slot is never 0, so that 0 can end a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotAddr(u32);

const SEGMENT_BITS: u32 = 5;
const OVERFLOW: u32 = 1 << SEGMENT_BITS;
pub(crate) const OFFSET_SHIFT: u32 = SEGMENT_BITS + 1;

/// The highest offset in a table or page. `MAX_SEGMENT` is the highest number of a table or page.
pub(crate) const MAX_OFFSET: u32 = u32::MAX >> OFFSET_SHIFT;
pub(crate) const MAX_SEGMENT: u32 = OVERFLOW - 1;

impl SlotAddr {
    /// Returns the address of a bucket's inline slot.
    #[inline]
    pub(crate) fn inline(table: u32, bucket: u32) -> Self {
        debug_assert!(table <= MAX_SEGMENT && bucket <= MAX_OFFSET);
        Self(bucket << OFFSET_SHIFT | table)
    }

    /// Returns the address of an overflow slot.
    pub(crate) fn overflow(page: u32, offset: u32) -> Self {
        debug_assert!(page <= MAX_SEGMENT && offset <= MAX_OFFSET);
        Self(offset << OFFSET_SHIFT | OVERFLOW | page)
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

    /// Returns the number of the table or page.
    #[inline]
    pub(crate) fn segment(self) -> u32 {
        self.0 & MAX_SEGMENT
    }

    /// Returns the number of the bucket in its table, or of the slot in its page.
    #[inline]
    pub(crate) fn offset(self) -> u32 {
        self.0 >> OFFSET_SHIFT
    }
}

#[cfg(test)]
mod tests;
