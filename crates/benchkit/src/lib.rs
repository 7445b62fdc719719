//! What the criterion benches and the report share: contestants, workloads, and one timed function
//! per subject. Not published.
//!
//! Generic code is compiled in each benchmark, and would call what is not generic across crates. So
//! what runs while the clock does is `#[inline]`: no contestant pays for such a call.

#![allow(missing_docs, reason = "only this project's benchmarks read it")]

pub mod armed;
pub mod bound;
mod churning;
pub mod criterion;
pub mod disconnect;
pub mod document;
pub mod entrants;
pub mod growth;
pub mod limit;
mod marking;
pub mod memory;
pub mod operations;
pub mod peers;
pub mod population;
mod reading;
pub mod timing;
pub mod wake;
pub mod workload;
