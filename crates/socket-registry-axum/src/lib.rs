// On docs.rs the page has no files next to it: of two definitions of a link the first counts.
#![cfg_attr(docsrs, doc = "[notify]: https://docs.rs/crate/socket-registry-axum/latest/source/examples/notify.rs\n")]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bearer;
mod close;
mod connection;
mod drain;
mod events;
mod expiry;
mod handshake;
#[cfg(feature = "input")]
#[cfg_attr(docsrs, doc(cfg(feature = "input")))]
pub mod input;
mod messages;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub mod metered;
mod metrics;
mod origin;
mod pulse;
mod refused;
mod roster;
#[cfg(feature = "serve")]
#[cfg_attr(docsrs, doc(cfg(feature = "serve")))]
pub mod serve;
mod session;
mod sessions;
mod stop;
mod subscription;

pub use crate::bearer::bearer_token;
pub use crate::drain::{Drain, DrainGuard};
pub use crate::events::events_head;
pub use crate::expiry::Expiry;
pub use crate::handshake::{Handshake, NoHandshake};
pub use crate::messages::IntoMessages;
pub use crate::metrics::Metrics;
pub use crate::origin::{Address, InvalidOrigin, OriginPolicy, address};
pub use crate::refused::Refused;
pub use crate::roster::{follow_count, follow_online};
pub use crate::session::Session;
pub use crate::sessions::{Builder, Sessions};
pub use crate::stop::StopSignal;
