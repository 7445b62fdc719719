//! Whether this node hears the cluster. The proof is its own beat that comes back from the broker:
//! a connection that looks healthy proves nothing.
//!
//! # States
//! | state | meaning |
//! |---|---|
//! | joining | started, and has not yet heard without a break for 2.5 beats |
//! | hearing | a beat sent in the last 2.5 beats came back |
//! | deaf | none did, or the connection was lost |
//!
//! # Transitions
//! | from | to | operation | cause | duty |
//! |---|---|---|---|---|
//! | joining | joining | `own_beat` | the first own beat is back: the 2.5 beats begin | - |
//! | joining | joining | `tick`, `disconnected` | deaf: they begin anew | - |
//! | joining | hearing | `tick` | 2.5 beats without a break | make everything due |
//! | hearing | deaf | `tick`, `disconnected` | see above | judge no other node gone |
//! | deaf | hearing | `own_beat` | an own beat came back | find out what was missed: `catch_up.rs` |
//!
//! A beat counts from when it was sent, not from when it came back: a node that was paused, or
//! whose messages wait in a queue, does not take old news for hearing.

use super::config::Config;
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Node {
    is_joined: bool,
    /// Since when it has heard without a break; `None`: it is deaf.
    hearing_since: Option<Duration>,
    /// When the newest own beat that came back was sent.
    proof: Duration,
    /// Own beats that are not back: stamp, when sent.
    in_flight: VecDeque<(u64, Duration)>,
}

/// What a step requires of the engine.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Nothing,
    /// The node has joined.
    Joined,
    /// The node has become deaf.
    Deaf,
    /// The node hears again.
    Hears,
}

/// How long silence is normal.
pub(super) fn patience(config: &Config) -> Duration {
    config.beat * 5 / 2
}

impl Node {
    pub(super) fn new() -> Self {
        Self { is_joined: false, hearing_since: None, proof: Duration::ZERO, in_flight: VecDeque::new() }
    }

    pub(super) fn is_joined(&self) -> bool {
        self.is_joined
    }

    pub(super) fn hearing_since(&self) -> Option<Duration> {
        self.hearing_since
    }

    /// When the newest own beat that came back was sent.
    pub(super) fn proof(&self) -> Duration {
        self.proof
    }

    /// A beat was sent.
    pub(super) fn sent(&mut self, stamp: u64, now: Duration) {
        // Enough for any delay that still counts as hearing.
        if self.in_flight.len() == 8 {
            self.in_flight.pop_front();
        }
        self.in_flight.push_back((stamp, now));
    }

    /// An own beat came back.
    pub(super) fn own_beat(&mut self, stamp: u64, now: Duration, config: &Config) -> Turn {
        let Some(index) = self.in_flight.iter().position(|(sent, _)| *sent == stamp) else { return Turn::Nothing };
        let (_, sent) = self.in_flight[index];
        self.in_flight.drain(..=index);
        if now.saturating_sub(sent) > patience(config) {
            return Turn::Nothing;
        }
        self.proof = sent;
        if self.hearing_since.is_some() {
            return Turn::Nothing;
        }
        self.hearing_since = Some(now);
        if self.is_joined { Turn::Hears } else { Turn::Nothing }
    }

    pub(super) fn disconnected(&mut self) -> Turn {
        self.in_flight.clear();
        match self.hearing_since.take() {
            Some(_) if self.is_joined => Turn::Deaf,
            _ => Turn::Nothing,
        }
    }

    pub(super) fn tick(&mut self, now: Duration, config: &Config) -> Turn {
        let Some(since) = self.hearing_since else { return Turn::Nothing };
        if now.saturating_sub(self.proof) > patience(config) {
            return self.disconnected();
        }
        if !self.is_joined && now.saturating_sub(since) >= patience(config) {
            self.is_joined = true;
            return Turn::Joined;
        }
        Turn::Nothing
    }

    /// For how many beats it has heard without a break.
    pub(super) fn heard(&self, now: Duration, config: &Config) -> u64 {
        let Some(since) = self.hearing_since else { return 0 };
        let beats = now.saturating_sub(since).as_micros() / config.beat.as_micros().max(1);
        u64::try_from(beats).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// When `tick` must be called, if not before.
    pub(super) fn next_tick(&self, config: &Config) -> Option<Duration> {
        let since = self.hearing_since?;
        let joins = (!self.is_joined).then_some(since + patience(config));
        let deaf = self.proof + patience(config) + Duration::from_millis(1);
        Some(joins.map_or(deaf, |joins| joins.min(deaf)))
    }
}
