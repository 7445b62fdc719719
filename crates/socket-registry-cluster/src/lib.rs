//! Many processes, one `socket-registry` for the user.
#![forbid(unsafe_code)]

pub mod broker;
#[allow(dead_code, reason = "the driver uses it")]
mod engine;
mod key;
#[allow(dead_code, reason = "the driver uses it")]
mod wire;

pub use crate::key::ClusterKey;
