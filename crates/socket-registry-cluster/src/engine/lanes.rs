//! A set of lanes.

/// A set of lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lanes {
    bits: Box<[u64]>,
}

impl Lanes {
    /// The empty set, for lanes below `lanes`.
    pub(crate) fn none(lanes: u16) -> Self {
        Self { bits: vec![0; usize::from(lanes).div_ceil(64)].into() }
    }

    pub(crate) fn contains(&self, lane: u16) -> bool {
        self.bits[usize::from(lane / 64)] >> (lane % 64) & 1 != 0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bits.iter().all(|bits| *bits == 0)
    }

    /// Returns whether the lane is new.
    pub(crate) fn insert(&mut self, lane: u16) -> bool {
        let is_new = !self.contains(lane);
        self.bits[usize::from(lane / 64)] |= 1 << (lane % 64);
        is_new
    }
}
