//! The example server as its clients see it: real WebSockets and plain HTTP against the running binary.

mod ending;
mod events;
mod harness;
#[cfg(target_os = "linux")] // reads /proc
mod hostile;
mod http;
mod identity;
mod live;
mod metrics;
#[cfg(target_os = "linux")]
mod raw;
mod refusals;
#[cfg(target_os = "linux")]
mod unlucky;
