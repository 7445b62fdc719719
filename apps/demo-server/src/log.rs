//! A log that no request waits for: a thread of its own writes the lines, and those that its reader
//! does not take in time are dropped.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait for the reader.
const MAX_WAITING: usize = 4096;

enum Entry {
    Line(Vec<u8>),
    /// Everything before this is written.
    Flush(SyncSender<()>),
}

/// The end into which lines go. A clone is the same log.
#[derive(Clone)]
pub(crate) struct Log {
    entries: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    pub(crate) fn to(mut sink: impl Write + Send + 'static) -> Self {
        let (sender, entries) = sync_channel(MAX_WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let log = Self { entries: sender, dropped: Arc::clone(&dropped) };
        thread::spawn(move || {
            for entry in entries {
                match entry {
                    // The reader has gone, and may come back.
                    Entry::Line(line) if sink.write_all(&line).is_err() => count(&dropped),
                    Entry::Line(_) => {}
                    Entry::Flush(done) => drop(done.send(())),
                }
            }
        });
        log
    }

    /// How many lines were left out.
    pub(crate) fn dropped_lines(&self) -> u64 {
        // Ordering: the number stands for itself.
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything so far is written, if that takes no longer.
    pub(crate) fn flush(&self, within: Duration) {
        let (done, flushed) = sync_channel(1);
        if self.entries.try_send(Entry::Flush(done)).is_ok() {
            let _ = flushed.recv_timeout(within);
        }
    }
}

fn count(dropped: &AtomicU64) {
    // Ordering: the number stands for itself.
    dropped.fetch_add(1, Ordering::Relaxed);
}

impl Write for Log {
    /// One line: the subscriber writes each in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.entries.try_send(Entry::Line(line.to_vec())).is_err() {
            count(&self.dropped);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
