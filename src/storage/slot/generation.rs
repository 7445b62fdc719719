//! Tells apart the sockets that a slot holds one after the other.

use crate::sync::MODELLED;

/// Few under the model checker, so that executions reach a slot's last generation.
pub(crate) const GENERATION_BITS: u32 = if MODELLED { 2 } else { Generation::BITS };

/// Counts the sockets of a slot. It is a part of the slot's state, of its refs and of the socket's
/// id. It never wraps: a slot whose last generation was used is retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation(u32);

impl Generation {
    pub(crate) const BITS: u32 = 26;
    const LAST: Self = Self(((1u64 << GENERATION_BITS) - 1) as u32);

    pub(crate) const fn new(raw: u32) -> Self {
        Self(raw)
    }

    pub(crate) const fn raw(self) -> u32 {
        self.0
    }

    /// Returns the next generation, if there is one.
    pub(crate) fn next(self) -> Option<Self> {
        (self < Self::LAST).then(|| Self(self.0 + 1))
    }
}
