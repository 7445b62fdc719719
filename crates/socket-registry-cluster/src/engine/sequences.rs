//! What one publisher has sent, as far as this node knows, lane by lane; and what of it is missing.
//!
//! # States of a sequence number
//! | state | meaning |
//! |---|---|
//! | unknown | above the lane's newest number |
//! | missing | the publisher has sent it, and it did not arrive; not yet asked for |
//! | asked | the same, and the publisher was asked for it |
//! | done | it arrived, or the lane was made due in its place |
//!
//! # Transitions
//! | from | to | operation | cause | duty |
//! |---|---|---|---|---|
//! | unknown | done | `hear` | the message | act on it |
//! | unknown | missing | `hear` | a later message of the lane | - |
//! | unknown | missing | `vouch` | a beat, or a neighbour's history | - |
//! | missing, asked | done | `hear` | the message | act on it |
//! | done | done | `hear` | the message again | drop it |
//! | missing | asked | `ask` | the grace is over, the window has room | send a `Nack` |
//! | missing, asked | done | `drop_range`, `give_up` | a `Reset`; a repair that does not get on | make the lane due |
//! | any | unknown | `resync` | two beats in a row do not know the number: it was forged | make the lane due |
//!
//! The numbers up to the first that is missing are confirmed: see `Message::Confirm`.

use crate::wire::Range;
use std::collections::BTreeMap;
use std::time::Duration;

/// More gaps than this, or more missing messages, are not asked for one by one.
const MAX_GAPS: usize = 1024;
const MAX_MISSING: u64 = 1 << 17;

#[derive(Debug)]
pub(super) struct Sequences {
    newest: Vec<u64>,
    /// `newest` when the publisher's last beat came.
    at_last_beat: Vec<u64>,
    /// By lane and first number.
    gaps: BTreeMap<(u16, u64), Gap>,
    missing: u64,
    asked: u64,
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    to: u64,
    since: Duration,
    is_asked: bool,
    /// A beat told of it, not a later message.
    is_tail: bool,
}

#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    New,
    Missing,
    Duplicate,
}

/// How many messages `ask` found missing, by what told of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) by_gap: u64,
    pub(super) by_tail: u64,
}

impl Sequences {
    pub(super) fn new(lanes: u16) -> Self {
        let zeros = vec![0; lanes.into()];
        Self { newest: zeros.clone(), at_last_beat: zeros, gaps: BTreeMap::new(), missing: 0, asked: 0 }
    }

    pub(super) fn newest(&self) -> &[u64] {
        &self.newest
    }

    pub(super) fn missing(&self) -> u64 {
        self.missing
    }

    pub(super) fn asked(&self) -> u64 {
        self.asked
    }

    /// What is missing is counted right, and bounded.
    #[cfg(any(test, fuzzing))]
    pub(super) fn assert_bounded(&self) {
        let count = |select: fn(&Gap) -> bool| {
            let selected = self.gaps.iter().filter(|(_, gap)| select(gap));
            selected.map(|((_, from), gap)| gap.to - from + 1).sum::<u64>()
        };
        assert_eq!((count(|_| true), count(|gap| gap.is_asked)), (self.missing, self.asked));
        assert!(self.missing <= MAX_MISSING && self.gaps.len() <= 2 * MAX_GAPS);
        let mut gaps = self.gaps.iter().map(|(&(lane, from), gap)| (lane, from, gap.to));
        assert!(gaps.all(|(lane, from, to)| from <= to && to <= self.newest[usize::from(lane)]));
    }

    /// Takes in the number of a message.
    pub(super) fn hear(&mut self, lane: u16, seq: u64, now: Duration) -> Heard {
        let newest = self.newest[usize::from(lane)];
        if seq > newest {
            self.newest[usize::from(lane)] = seq;
            self.insert(lane, newest + 1, seq - 1, Gap { to: 0, since: now, is_asked: false, is_tail: false });
            return Heard::New;
        }
        if self.remove(Range { lane, from: seq, to: seq }) { Heard::Missing } else { Heard::Duplicate }
    }

    /// Takes in a number without finding anything missing: the lane's past does not concern us.
    pub(super) fn hear_without_past(&mut self, lane: u16, seq: u64) {
        let newest = &mut self.newest[usize::from(lane)];
        *newest = seq.max(*newest);
    }

    /// The publisher has sent everything up to `newest`, as of `since`.
    pub(super) fn vouch(&mut self, lane: u16, newest: u64, since: Duration) {
        let known = self.newest[usize::from(lane)];
        if newest > known {
            self.newest[usize::from(lane)] = newest;
            self.insert(lane, known + 1, newest, Gap { to: 0, since, is_asked: false, is_tail: true });
        }
    }

    /// Takes in what a beat says of a lane. Returns whether the lane was set back, which must then
    /// become due.
    #[must_use]
    pub(super) fn beat(&mut self, lane: u16, newest: u64, now: Duration) -> bool {
        self.vouch(lane, newest, now);
        let index = usize::from(lane);
        let is_forged = self.at_last_beat[index] > newest;
        if is_forged {
            self.remove(Range { lane, from: newest + 1, to: u64::MAX });
            self.newest[index] = newest;
        }
        self.at_last_beat[index] = self.newest[index];
        is_forged
    }

    /// Up to which number nothing is missing.
    pub(super) fn confirmed(&self, lane: u16) -> u64 {
        let first = self.gaps.range((lane, 0)..=(lane, u64::MAX)).next();
        first.map_or(self.newest[usize::from(lane)], |((_, from), _)| from - 1)
    }

    /// Chooses what to ask for, `window` messages at most, of what is missing since `before` or
    /// longer.
    pub(super) fn ask(&mut self, window: usize, before: Duration) -> (Vec<Range>, Lost) {
        let mut room = window as u64;
        let mut lost = Lost::default();
        let mut ranges = Vec::new();
        for (&(lane, from), gap) in &self.gaps {
            if room == 0 {
                break;
            }
            if !gap.is_asked && gap.since <= before {
                let to = gap.to.min(from.saturating_add(room - 1));
                let count = to - from + 1;
                room -= count;
                *(if gap.is_tail { &mut lost.by_tail } else { &mut lost.by_gap }) += count;
                ranges.push(Range { lane, from, to });
            }
        }
        for range in &ranges {
            let gap = self.gaps[&(range.lane, range.from)];
            self.remove(*range);
            self.insert(range.lane, range.from, range.to, Gap { is_asked: true, ..gap });
        }
        (ranges, lost)
    }

    /// What was asked for and is still missing.
    pub(super) fn asked_ranges(&self) -> Vec<Range> {
        self.gaps_where(|gap| gap.is_asked)
    }

    /// What is missing and was found so at `before` or earlier.
    pub(super) fn older_than(&self, before: Duration) -> Vec<Range> {
        self.gaps_where(|gap| gap.since <= before)
    }

    /// Everything that is missing, if that is more than can be asked for.
    pub(super) fn too_much(&self) -> Vec<Range> {
        let is_too_much = self.gaps.len() > MAX_GAPS || self.missing > MAX_MISSING;
        if is_too_much { self.gaps_where(|_| true) } else { Vec::new() }
    }

    fn gaps_where(&self, select: impl Fn(&Gap) -> bool) -> Vec<Range> {
        let selected = self.gaps.iter().filter(|(_, gap)| select(gap));
        selected.map(|(&(lane, from), gap)| Range { lane, from, to: gap.to }).collect()
    }

    /// Takes the range out of what is missing. Returns whether any of it was.
    pub(super) fn remove(&mut self, range: Range) -> bool {
        let Range { lane, from, to } = range;
        let mut overlapping: Vec<_> =
            self.gaps.range((lane, from)..=(lane, to)).map(|(&(_, start), gap)| (start, *gap)).collect();
        if let Some((&(_, start), gap)) = self.gaps.range((lane, 0)..(lane, from)).next_back()
            && gap.to >= from
        {
            overlapping.push((start, *gap));
        }
        for (start, gap) in &overlapping {
            self.gaps.remove(&(lane, *start));
            let count = gap.to - start + 1;
            self.missing -= count;
            self.asked -= if gap.is_asked { count } else { 0 };
            self.insert(lane, *start, gap.to.min(from.wrapping_sub(1)), *gap);
            self.insert(lane, to.saturating_add(1).max(*start), gap.to, *gap);
        }
        !overlapping.is_empty()
    }

    /// Does nothing if `from` is beyond `to`. Precondition: nothing of it is missing.
    fn insert(&mut self, lane: u16, from: u64, to: u64, gap: Gap) {
        if from <= to {
            let count = to - from + 1;
            self.missing += count;
            self.asked += if gap.is_asked { count } else { 0 };
            self.gaps.insert((lane, from), Gap { to, ..gap });
        }
    }
}
