//! The hybrid clock: stamps that rise on each node, and rise across nodes with what one has heard
//! of another. A takeover that follows another one has the greater stamp, whatever the wall clocks
//! say.
//!
//! # Layout of a stamp, most significant bits first
//! ```text
//! | milliseconds: 48 | counter: 16 |
//! ```
//!
//! # Transitions of the newest stamp
//! | operation | actor | to |
//! |---|---|---|
//! | `now` | this node gives a stamp | the wall clock, or one more than before if that is greater |
//! | `hear` | this node hears a stamp of another | that stamp, if it is greater and believable |
//!
//! A stamp is believable if it is at most a minute ahead of the wall clock. So a node whose clock
//! is a year ahead does not drag the others with it; its own takeovers are refused.

const COUNTER_BITS: u32 = 16;
const LAST_MS: u64 = (1 << (64 - COUNTER_BITS)) - 1;
/// How far a stamp may be ahead of the wall clock.
const BELIEVABLE_MS: u64 = 60_000;

#[derive(Debug, Default)]
pub(super) struct HybridClock {
    newest: u64,
}

impl HybridClock {
    pub(super) fn now(&mut self, wall_ms: u64) -> u64 {
        let wall = wall_ms.min(LAST_MS) << COUNTER_BITS;
        self.newest = wall.max(self.newest.saturating_add(1));
        self.newest
    }

    /// Returns whether the stamp is believable.
    #[must_use]
    pub(super) fn hear(&mut self, stamp: u64, wall_ms: u64) -> bool {
        let is_believable = stamp >> COUNTER_BITS <= wall_ms.saturating_add(BELIEVABLE_MS);
        if is_believable {
            self.newest = self.newest.max(stamp);
        }
        is_believable
    }
}

#[cfg(test)]
mod tests {
    use super::HybridClock;

    #[test]
    fn stamps_rise_though_the_wall_clock_goes_back() {
        let mut clock = HybridClock::default();
        let stamps = [1000, 1000, 400, 1001].map(|wall| clock.now(wall));
        assert!(stamps.is_sorted_by(|a, b| a < b), "{stamps:?}");
    }

    #[test]
    fn what_follows_a_heard_stamp_is_greater() {
        let (mut ahead, mut behind) = (HybridClock::default(), HybridClock::default());
        let heard = ahead.now(50_000);
        assert!(behind.hear(heard, 1));
        assert!(behind.now(1) > heard);
    }

    #[test]
    fn a_clock_a_year_ahead_drags_nobody() {
        let (mut ahead, mut sane) = (HybridClock::default(), HybridClock::default());
        let year = 365 * 86_400_000;
        assert!(!sane.hear(ahead.now(year), 1000));
        assert!(sane.hear(61_000 << 16, 1000), "a minute is allowed");
        assert!(sane.now(1000) >> 16 <= 61_000);
    }

    #[test]
    fn the_end_of_time_does_not_overflow() {
        let mut clock = HybridClock::default();
        assert!(clock.hear(u64::MAX, u64::MAX));
        assert_eq!(clock.now(u64::MAX), u64::MAX);
    }
}
