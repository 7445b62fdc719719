//! The demo server as its clients see it: real WebSockets and plain HTTP against the running binary.

mod dismissal;
#[cfg(unix)] // sends signals
mod drain;
mod ending;
mod events;
mod harness;
#[cfg(target_os = "linux")] // reads /proc
mod hostile;
mod http;
mod identity;
mod live;
mod metrics;
mod online;
#[cfg(target_os = "linux")]
mod raw;
mod refusals;
#[cfg(target_os = "linux")]
mod unlucky;
