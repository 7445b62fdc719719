//! What the criterion benches and the report share: contestants, workloads, and one timed function
//! per subject. Not published.
//!
//! The contestants are compiled here, once, for each key ([`entrants::Contested`]); the benchmarks
//! reach them through pointers, a call for each round.

#![allow(missing_docs, reason = "only this project's benchmarks read it")]

pub mod armed;
pub mod bound;
mod churning;
pub mod counted;
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
pub mod served;
pub mod timing;
pub mod wake;
pub mod workload;
