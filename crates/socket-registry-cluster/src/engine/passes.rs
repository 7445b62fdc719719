//! Repairs of lanes: what cannot be replayed makes all sockets of its lane due.
//!
//! # States
//! | state | meaning |
//! |---|---|
//! | idle | nothing to do |
//! | wanted | lanes are gathered, no pass is under way |
//! | running | the driver makes lanes due; more may be gathered for one more pass |
//!
//! # Transitions
//! | from | to | operation | actor |
//! |---|---|---|---|
//! | any | gathered | `add`, `add_all` | the engine, which found that a lane cannot be replayed |
//! | wanted | running | `start` | the driver |
//! | running | idle, wanted | `done` | the driver |
//!
//! A lane that is added while a pass over it is under way needs another: the pass may have left
//! the socket behind already. So at most one pass waits, whatever happens.

use super::lanes::Lanes;

#[derive(Debug)]
pub(super) struct Passes {
    wanted: Lanes,
    is_running: bool,
    lanes: u16,
}

impl Passes {
    pub(super) fn new(lanes: u16) -> Self {
        Self { wanted: Lanes::none(lanes), is_running: false, lanes }
    }

    /// Returns whether the lane is new in the next pass.
    pub(super) fn add(&mut self, lane: u16) -> bool {
        self.wanted.insert(lane)
    }

    pub(super) fn start(&mut self) -> Option<Lanes> {
        if self.is_running || self.wanted.is_empty() {
            return None;
        }
        self.is_running = true;
        Some(std::mem::replace(&mut self.wanted, Lanes::none(self.lanes)))
    }

    pub(super) fn done(&mut self) {
        self.is_running = false;
    }
}

#[cfg(test)]
mod tests {
    use super::Passes;

    #[test]
    fn one_pass_runs_and_one_waits_at_most() {
        let mut passes = Passes::new(100);
        assert!(passes.start().is_none());
        assert!(passes.add(70));
        assert!(!passes.add(70));
        let first = passes.start().unwrap();
        assert!(first.contains(70) && !first.contains(6));
        assert!(passes.add(70), "the pass may be past the socket");
        assert!(passes.add(1));
        assert!(passes.start().is_none(), "the first is under way");
        passes.done();
        let second = passes.start().unwrap();
        assert!(second.contains(70) && second.contains(1));
        passes.done();
        assert!(passes.start().is_none());
    }
}
