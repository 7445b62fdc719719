//! Each kind of call of the public API: what it does, alone and while others of its kind run.

#[cfg(feature = "axum")]
mod axum;
mod builder;
mod close;
mod counts;
mod counts_watch;
mod debug;
mod evict;
mod grace;
mod identity;
mod key_watch;
mod limits;
mod mark;
mod mark_gradually;
mod mark_where;
mod markers;
mod memory;
mod presence;
mod rejected;
mod remove;
mod revoke;
#[cfg(feature = "serde")]
mod serde;
mod socketmanager;
#[cfg(feature = "stats")]
mod stats;
#[cfg(feature = "stream")]
mod stream;
mod takeover;
mod throttle;
mod turns;
mod unissued_ids;
mod visit;
mod wait;
#[cfg(feature = "stats")]
mod wear;
