//! What the director and a process of clients say to each other: a line of JSON each.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cli::Draw;
use crate::tally::Tally;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Opens whatever is not open, so many per second, or as fast as it goes.
    Open {
        per_second: Option<f64>,
    },
    /// Nothing for so long.
    Rest {
        seconds: u64,
    },
    Mark(Marks),
    /// Drops all connections together, without a goodbye.
    Vanish,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Marks {
    pub(crate) per_second: f64,
    pub(crate) seconds: f64,
    pub(crate) draw: Draw,
    pub(crate) churned_per_second: f64,
    /// How long after a mark its update may come.
    pub(crate) patience: Duration,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Answer {
    /// How many connections or seconds so far, and how many marks.
    Progress { done: u64, marks: u64 },
    /// Everything since the previous order was done.
    Done(Box<Tally>),
}
