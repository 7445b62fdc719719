//! The demo server as its clients see it: real WebSockets and plain HTTP against the running
//! binary.

mod dismissal;
#[cfg(unix)] // sends signals
mod drain;
mod ending;
mod events;
#[cfg(target_os = "linux")] // stops and continues the process
mod frozen;
mod harness;
#[cfg(target_os = "linux")] // reads /proc
mod hostile;
mod http;
mod identity;
mod live;
#[cfg(unix)] // sends signals
mod logging;
mod metrics;
mod onboard;
mod online;
mod origins;
#[cfg(target_os = "linux")]
mod raw;
mod refusals;
mod shared;
#[cfg(target_os = "linux")]
mod unlucky;
