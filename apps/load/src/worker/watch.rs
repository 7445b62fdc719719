//! What one WebSocket must hear, and what it heard: every mark that was sent while the socket was
//! open must be followed by an update.
//!
//! One update may serve several marks that were under way together, and no client can tell
//! whether it did: the others may have theirs coming. So an update settles all marks before it, and
//! each of them but one leaves an update to spare for a while. A mark that has the field to itself
//! is exact: one update, and its latency is the mark's own.
//!
//! Patience is counted without the machine's pauses: what cannot run is not late.

#[cfg(test)]
mod tests;

use std::mem::take;
use std::time::{Duration, Instant};

/// An update that takes longer is lost, unless its mark is worth waiting for longer; and one that
/// comes so long after the last mark was not caused by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// For latencies.
    pub(crate) at: Instant,
    /// Since the beginning, without pauses.
    pub(crate) counted: Duration,
}

#[derive(Default)]
pub(crate) struct Watch {
    /// The server registers a socket before the client learns that it is open: until then an update
    /// may come or not.
    open: bool,
    waiting: Vec<Mark>,
    spare: u32,
    /// Marks whose update did not come in time, not told yet.
    lost: u64,
    /// Updates that were lost, and are no duplicates if they come after all.
    late: u64,
    /// One was lost, and no update has come since: the client knows less than there is.
    stale: bool,
    last_mark: Option<Moment>,
}

#[derive(Clone, Copy)]
struct Mark {
    sent: Moment,
    patience: Duration,
    alone: bool,
}

impl Moment {
    /// So long ago that patience is at an end.
    pub(crate) fn is_over(self, now: Self, patience: Duration) -> bool {
        now.counted - self.counted >= patience
    }
}

/// What a mark means for a socket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    Update,
    /// Another mark's update may serve it.
    SharedUpdate,
    /// The socket is not open yet.
    Nothing,
}

/// What an update was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Update {
    /// The one that a single mark asked for, so long ago.
    Exact(Duration),
    /// One of several marks' that were under way together, or one that comes too late to count.
    Shared,
    Duplicate,
    /// This socket has never been marked.
    Unexpected,
}

impl Watch {
    /// A socket that is being opened while so many marks of its user are under way.
    pub(crate) fn opening(marks_under_way: u32, now: Moment) -> Self {
        let last_mark = (marks_under_way > 0).then_some(now);
        Self { spare: marks_under_way, last_mark, ..Self::default() }
    }

    pub(crate) fn opened(&mut self) {
        self.open = true;
    }

    pub(crate) fn marked(&mut self, now: Moment, patience: Duration) -> Expectation {
        self.lose_overdue(now);
        if self.waiting.is_empty() && self.is_quiet(now) {
            self.spare = 0;
        }
        self.last_mark = Some(now);
        if !self.open {
            self.spare += 1;
            return Expectation::Nothing;
        }
        let alone = self.waiting.is_empty() && self.spare == 0;
        self.waiting.push(Mark { sent: now, patience, alone });
        if alone { Expectation::Update } else { Expectation::SharedUpdate }
    }

    /// The mark failed; it may have done its work all the same. Returns how many updates are no
    /// longer expected.
    pub(crate) fn withdraw(&mut self, sent: Moment) -> u64 {
        let before = self.waiting.len();
        self.waiting.retain(|mark| mark.sent != sent);
        let withdrawn = before - self.waiting.len();
        self.spare += withdrawn as u32;
        withdrawn as u64
    }

    pub(crate) fn updated(&mut self, now: Moment) -> Update {
        self.lose_overdue(now);
        self.stale = false;
        if let Some(&first) = self.waiting.first() {
            self.spare += self.waiting.len() as u32 - 1;
            self.waiting.clear();
            return if first.alone { Update::Exact(now.at - first.sent.at) } else { Update::Shared };
        }
        if self.spare > 0 && !self.is_quiet(now) {
            self.spare -= 1;
            return Update::Shared;
        }
        if self.late > 0 {
            self.late -= 1;
            return Update::Shared;
        }
        if self.last_mark.is_some() { Update::Duplicate } else { Update::Unexpected }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// No longer expects what it waited for. Returns how many updates did not come in time, and how
    /// many still might.
    pub(crate) fn give_up(&mut self, now: Moment) -> (u64, u64) {
        self.lose_overdue(now);
        let moot = self.waiting.len() as u64;
        self.waiting.clear();
        (take(&mut self.lost), moot)
    }

    /// A later mark's update must not make up for it.
    fn lose_overdue(&mut self, now: Moment) {
        let before = self.waiting.len();
        self.waiting.retain(|mark| !mark.sent.is_over(now, mark.patience));
        let overdue = (before - self.waiting.len()) as u64;
        self.lost += overdue;
        self.late += overdue;
        self.stale |= overdue > 0;
    }

    fn is_quiet(&self, now: Moment) -> bool {
        self.last_mark.is_none_or(|last| last.is_over(now, PATIENCE))
    }
}
