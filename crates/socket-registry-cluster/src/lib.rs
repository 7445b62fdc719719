// On docs.rs the page has no files next to it: of two definitions of a link the first counts.
#![cfg_attr(docsrs, doc = "[faults]: https://docs.rs/crate/socket-registry-cluster/latest/source/docs/DESIGN.md")]
#![cfg_attr(docsrs, doc = "[permissions]: https://docs.rs/crate/socket-registry-cluster/latest/source/docs/DESIGN.md\n")]
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod broker;
mod cluster;
mod driver;
mod engine;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod health;
mod key;
mod local;
mod metrics;
mod node;
mod options;
mod presence;
mod publisher;
mod single;
mod wire;

pub use crate::cluster::Cluster;
pub use crate::handle::{Ended, SettleError};
pub use crate::health::{Counts, Health, NodeInfo, Online};
pub use crate::key::ClusterKey;
pub use crate::options::{Options, StartError};
pub use crate::presence::{Presence, PresenceEvent};
pub use crate::publisher::Publisher;
pub use crate::single::{Claim, Single};
