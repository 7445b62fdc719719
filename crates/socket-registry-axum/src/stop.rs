//! When a process is asked to stop.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC, ctrl_c};

/// Catches Ctrl-C and, on Unix, SIGTERM: what a terminal, a service manager and a container runtime
/// send to a process that should stop.
///
/// From its creation on, these signals no longer end the process by themselves.
///
/// ```no_run
/// use socket_registry_axum::{Drain, StopSignal};
///
/// # async fn run(drain: Drain) -> std::io::Result<()> {
/// let mut stop = StopSignal::new()?;
/// stop.recv().await;
/// tokio::select! {
///     left_behind = drain.run() => println!("{left_behind} sockets left behind"),
///     () = stop.recv() => println!("asked a second time: stopping immediately"),
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct StopSignal {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(windows)]
    ctrl_c: CtrlC,
}

impl StopSignal {
    /// Begins to catch the signals.
    ///
    /// # Errors
    /// Returns an error if the system refuses.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(windows)]
            ctrl_c: ctrl_c()?,
        })
    }

    /// Waits for the next signal. Cancel safe.
    #[cfg(unix)]
    pub async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits for the next signal. Cancel safe.
    #[cfg(windows)]
    pub async fn recv(&mut self) {
        self.ctrl_c.recv().await;
    }
}
