//! stub
#![deny(unsafe_code)]

mod builder;
mod cell;
mod error;
mod home;
mod id;
mod identity;
mod layers;
mod lease;
mod ledger;
mod limits;
mod membership;
mod place;
mod presence;
mod registry;
mod shard;
mod slab;
mod socket;
mod spot;
mod sync;
mod table;
mod topics;
mod wait;
mod word;

pub use builder::Builder;
pub use error::{BuildError, Closed, RegisterError};
pub use id::SocketId;
pub use registry::Registry;
pub use socket::{Due, Socket, SocketRef};
pub use topics::Topics;
