#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

mod audience;
#[cfg(feature = "axum")]
mod axum;
mod batch;
mod builder;
mod cell;
mod closing;
mod counts;
mod error;
mod events;
mod feed;
mod generation;
mod grace;
mod home;
mod id;
mod identity;
mod insertion;
mod layers;
mod lease;
mod ledger;
mod limits;
mod membership;
mod panics;
mod place;
mod presence;
mod registration;
mod registry;
mod removal;
mod selection;
mod session;
mod shard;
mod slab;
mod snapshot;
mod socket;
mod spot;
mod stats;
mod succession;
mod sync;
mod table;
mod takeover;
mod topics;
mod wait;
mod word;

// Runs the code on this page, one handler of which needs the feature.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../docs/FROM_SOCKETMANAGER.md")]
mod from_socketmanager {}

#[cfg(all(test, socket_registry_loom))]
#[path = "../tests/loom/mod.rs"]
mod models;

#[cfg(all(test, socket_registry_shuttle))]
#[path = "../tests/shuttle/mod.rs"]
mod schedules;

#[cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]
const _: () = assert!(
    option_env!("SOCKET_REGISTRY_MODELS").is_none(),
    "the models were asked for, but RUSTFLAGS of the environment displaced their `--cfg`: unset it"
);

pub use builder::Builder;
pub use counts::{Changed, Counts, Drained};
pub use error::{BuildError, Closed, RegisterError};
pub use events::{NextEvent, Presence, PresenceEvent};
pub use grace::Grace;
pub use id::SocketId;
pub use registration::Registration;
pub use registry::Registry;
pub use socket::{Due, Socket, SocketRef};
#[cfg(feature = "stats")]
pub use stats::Stats;
pub use topics::Topics;
