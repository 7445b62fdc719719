//! Many processes, one `socket-registry` for the user.
#![forbid(unsafe_code)]

#[allow(dead_code, reason = "the driver uses it")]
mod engine;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod key;
#[allow(dead_code, reason = "the driver uses it")]
mod wire;

pub use crate::key::ClusterKey;
