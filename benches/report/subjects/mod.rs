//! The sections of the report: who meets whom at what.

pub mod latency;
pub mod memory;
pub mod throughput;

use crate::{runner::Runner, scale::Scale};
use std::error::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Section {
    /// One update: a mark that wakes, and the poll that takes and waits again; by hand and through
    /// tokio.
    Updates,
    /// Marks, takes, churn, reconnect storms and questions, on populations of all sizes and keys.
    Populations,
    /// Marks by socket id.
    ById,
    /// One key with very many sockets.
    Crowd,
    /// Registering into a registry that was not sized ahead.
    Growth,
    /// Very many sockets leaving at the same time.
    Disconnect,
    /// From a mark to the task that runs; and what doing nothing costs.
    Wake,
    /// Bytes per socket.
    Memory,
}

impl Section {
    pub const ALL: &[Self] = &[
        Self::Updates,
        Self::Populations,
        Self::ById,
        Self::Crowd,
        Self::Growth,
        Self::Disconnect,
        Self::Wake,
        Self::Memory,
    ];

    pub fn run(self, scale: &Scale, runner: &mut Runner) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Updates => throughput::updates(scale, runner),
            Self::Populations => throughput::populations(scale, runner),
            Self::ById => throughput::marks_by_id(scale, runner),
            Self::Crowd => throughput::crowd(scale, runner),
            Self::Growth => latency::growth(scale, runner),
            Self::Disconnect => latency::disconnect(scale, runner),
            Self::Wake => latency::wakes(scale, runner),
            Self::Memory => return memory::memory(scale, runner),
        }
        Ok(())
    }
}
