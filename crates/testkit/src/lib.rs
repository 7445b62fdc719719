//! What the tests of `socket-registry` and its fuzz targets share. Not published.
//!
//! - [`oracle`]: the registry compared with a plain sequential model of it, for random operations;
//! - [`history`]: whether the results of concurrent calls can be explained by any order of them;
//! - threads that start together ([`both()`], [`crowd()`]) or run until a test ends ([`Over`]);
//! - wakers that count ([`Wakes`]) or run a test's code ([`hooked_waker()`]), a wait with a time
//!   limit ([`block_on()`]), and an allocator that counts ([`LiveBytes`]);
//! - close reasons by number ([`reason()`]), and proptest's cases, the same in every run.

#![deny(unsafe_code)]
#![allow(missing_docs, reason = "only this project's tests read it")]

mod both;
#[cfg(feature = "proptest")]
mod cases;
mod crowd;
pub mod history;
mod hooked_waker;
mod live_bytes;
pub mod oracle;
mod over;
mod patience;
mod reason;
mod wakes;

pub use both::both;
#[cfg(feature = "proptest")]
pub use cases::repeatable_cases;
pub use crowd::crowd;
pub use hooked_waker::{Hook, WakerCall, hooked_waker};
pub use live_bytes::LiveBytes;
pub use over::Over;
pub use patience::{PATIENCE, block_on};
pub use reason::reason;
pub use wakes::Wakes;
