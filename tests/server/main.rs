//! The example server as its clients see it: real WebSockets and plain HTTP against the running binary.

mod ending;
mod events;
mod harness;
mod http;
mod identity;
mod live;
mod metrics;
mod refusals;
