//! A log that no request waits for: lines that its reader does not take in time are dropped.

use std::io::{self, IsTerminal};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use tracing::Level;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};

/// Lines that wait for the reader.
const MAX_WAITING: usize = 4096;
/// For the last lines, when the server ends.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// Writes what is left when it is dropped.
pub(crate) struct Log(Option<WorkerGuard>);

/// Logs to stderr from now on; the counter says how many lines were dropped.
pub(crate) fn install(level: Level) -> (Log, ErrorCounter) {
    let lossy = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(MAX_WAITING);
    let (writer, guard) = lossy.finish(io::stderr());
    let dropped = writer.error_counter();
    tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .with_max_level(level)
        .init();
    (Log(Some(guard)), dropped)
}

/// Flushes on a thread of its own: the guard does not return while the reader of the log is stuck.
impl Drop for Log {
    fn drop(&mut self) {
        let (guard, (done, flushed)) = (self.0.take(), channel::<()>());
        thread::spawn(move || {
            drop(guard);
            drop(done);
        });
        let _ = flushed.recv_timeout(FLUSH_WITHIN);
    }
}
