//! What happened on the other side of a break, told by a neighbour. A publisher that is alive says
//! with its beats what it has sent; one that came and left during the break says nothing any more,
//! but those that heard it know its numbers.
//!
//! # States
//! | state | meaning |
//! |---|---|
//! | idle | there was no break, or all is known |
//! | gathering | a break is over; for one beat the node waits for its neighbours' beats |
//! | asking | one neighbour is asked, and has a beat's time to answer |
//!
//! # Transitions
//! | from | to | operation | cause | duty |
//! |---|---|---|---|---|
//! | any | gathering | `deaf_until_now` | this node hears again, after more than 2.5 beats | - |
//! | idle | gathering | `returned` | a neighbour is heard again after as long, or was hidden | - |
//! | gathering | asking | `choose` | a beat has passed, and a neighbour is there | send `HistoryAsk` |
//! | asking | gathering | `choose` | no answer for a beat | - |
//! | asking | idle, gathering | `part` | the answer is complete | find missing what it names |
//! | gathering | idle | `choose` | all have answered, or four have | - |
//! | gathering | idle | `choose` | one has not answered for three beats | make everything due |
//!
//! A neighbour that has heard without a break for as long as the break lasted knows all that the
//! others know that it hears; they need not be asked. If there is none (the broker was down, and
//! all were deaf), up to four are asked.
//! A break of less than 2.5 beats needs no history: a publisher that comes and leaves in it has
//! not joined, so `settled` has not told it that it may leave.
//!
//! Not covered: a publisher and all nodes that heard it come after the break began and are gone
//! before it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// So many answers are enough, though none of them knows all.
const MAX_ANSWERS: u8 = 4;

#[derive(Debug, Default)]
pub(super) struct CatchUp {
    /// When the break began in which this node was deaf, until a neighbour has told of it.
    deaf_from: Option<Duration>,
    /// Neighbours that returned: since when they were silent, and when they returned.
    returned: BTreeMap<u64, (Duration, Duration)>,
    /// When the gathering began.
    began: Duration,
    asking: Option<Asking>,
    /// Those that were asked.
    tried: BTreeSet<u64>,
    /// How many have answered, and whether one has not.
    answers: u8,
    has_failed: bool,
}

#[derive(Debug)]
struct Asking {
    neighbour: u64,
    /// It knows all that those know that it hears.
    knows_all: bool,
    at: Duration,
    parts: BTreeSet<u64>,
}

/// A neighbour that is alive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbour {
    pub(super) sender: u64,
    pub(super) serves: bool,
    /// For how long it has heard without a break.
    pub(super) heard: Duration,
    pub(super) beat_at: Duration,
}

#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Nothing,
    Ask(u64),
    /// Nobody answers: what was missed is not known.
    EverythingDue,
}

impl CatchUp {
    pub(super) fn is_idle(&self) -> bool {
        self.deaf_from.is_none() && self.returned.is_empty()
    }

    /// The node hears again; the break began at `from`.
    pub(super) fn deaf_until_now(&mut self, from: Duration, now: Duration) {
        self.begin(now);
        self.deaf_from = Some(self.deaf_from.map_or(from, |before| before.min(from)));
    }

    /// A neighbour is heard again, which was silent since `from`.
    pub(super) fn returned(&mut self, sender: u64, from: Duration, now: Duration) {
        if self.is_idle() {
            self.begin(now);
        }
        self.returned.entry(sender).or_insert((from, now));
    }

    fn begin(&mut self, now: Duration) {
        self.began = now;
        self.asking = None;
        self.tried.clear();
        (self.answers, self.has_failed) = (0, false);
    }

    /// Everything is due anyway.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Takes in part of an answer: which neighbours it hears. Returns whether it was asked for.
    pub(super) fn part(&mut self, from: u64, (part, parts): (u64, u64), alive: impl Iterator<Item = u64>) -> bool {
        let Some(asking) = &mut self.asking else { return false };
        if asking.neighbour != from {
            return false;
        }
        if asking.knows_all {
            for sender in alive {
                self.returned.remove(&sender);
            }
        }
        asking.parts.insert(part);
        if asking.parts.len() as u64 == parts {
            self.answers += 1;
            self.returned.remove(&from);
            if asking.knows_all {
                self.deaf_from = None;
            }
            if self.answers == MAX_ANSWERS {
                self.forget();
            }
            self.asking = None;
        }
        true
    }

    /// What to do now. `neighbours` are those whose beats were heard since this node hears. `salt`
    /// makes nodes choose differently among equals.
    pub(super) fn choose(&mut self, neighbours: &[Neighbour], now: Duration, beat: Duration, salt: u64) -> Choice {
        if self.is_idle() {
            return Choice::Nothing;
        }
        if let Some(asking) = &self.asking {
            if now.saturating_sub(asking.at) < beat {
                return Choice::Nothing;
            }
            self.has_failed = true;
            self.asking = None;
        }
        if now.saturating_sub(self.began) < beat + beat / 10 {
            return Choice::Nothing;
        }
        let candidates = neighbours.iter().filter(|neighbour| self.may_ask(neighbour));
        let rated = candidates.map(|neighbour| {
            let silent_from = self.returned.get(&neighbour.sender).map(|(from, _)| *from);
            let from = self.deaf_from.into_iter().chain(silent_from).min().unwrap_or(now);
            let knows_all = neighbour.heard >= now.saturating_sub(from);
            let heard = if knows_all { Duration::MAX } else { neighbour.heard };
            (knows_all, neighbour.serves, heard, neighbour.sender ^ salt, neighbour.sender)
        });
        if let Some((knows_all, .., neighbour)) = rated.max() {
            self.tried.insert(neighbour);
            self.asking = Some(Asking { neighbour, knows_all, at: now, parts: BTreeSet::new() });
            return Choice::Ask(neighbour);
        }
        if self.answers > 0 && !self.has_failed {
            self.deaf_from = None;
        }
        self.give_up(neighbours, now, beat * 3)
    }

    fn give_up(&mut self, neighbours: &[Neighbour], now: Duration, limit: Duration) -> Choice {
        let is_over = |since: Duration| now.saturating_sub(since) >= limit;
        let over = self.returned.iter().filter(|(_, (_, at))| is_over(*at)).map(|(sender, _)| *sender);
        let over: Vec<_> = over.collect();
        let is_back = |sender: &u64| neighbours.iter().any(|n| n.sender == *sender && self.is_back(n));
        if (self.deaf_from.is_some() && is_over(self.began)) || over.iter().any(is_back) {
            self.forget();
            return Choice::EverythingDue;
        }
        for sender in &over {
            self.returned.remove(sender);
        }
        Choice::Nothing
    }

    fn may_ask(&self, neighbour: &Neighbour) -> bool {
        !self.tried.contains(&neighbour.sender) && (self.deaf_from.is_some() || self.is_back(neighbour))
    }

    /// It returned, and was heard once more since: one forged beat makes nobody a neighbour.
    fn is_back(&self, neighbour: &Neighbour) -> bool {
        self.returned.get(&neighbour.sender).is_some_and(|(_, at)| neighbour.beat_at > *at)
    }
}
