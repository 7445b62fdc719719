//! What the criterion benches and the report share: contestants, workloads, and one timed function per subject.

#![allow(dead_code, unreachable_pub, reason = "compiled into every benchmark; each uses its part")]

pub mod armed;
mod churning;
pub mod criterion;
pub mod disconnect;
pub mod entrants;
pub mod growth;
pub mod limits;
mod marking;
pub mod memory;
pub mod operations;
#[path = "../peers/mod.rs"]
pub mod peers;
pub mod population;
mod reading;
pub mod timing;
pub mod wake;
pub mod workload;
