//! What a terminal shows while a step runs: how much is done, how fast, how long it still takes.

use std::cell::Cell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::wire::Order;

/// The rate is that of the last second, so that a pause shows.
const RATE_OVER: Duration = Duration::from_secs(1);

pub(crate) struct Progress {
    bar: ProgressBar,
    /// What is counted: connections where they are opened, else marks.
    opens: bool,
    counted: Cell<u64>,
    last: Cell<(Instant, u64)>,
}

impl Progress {
    /// A step of so many connections, or seconds in each of so many processes.
    pub(crate) fn begin(title: String, order: &Order, connections: u64, seconds: u64, processes: u64) -> Self {
        let length = match order {
            Order::Open { .. } => connections,
            Order::Mark { .. } | Order::Rest { .. } => seconds * processes,
            Order::Vanish => 0,
        };
        let bar = if length == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(length) };
        let template = match order {
            Order::Vanish => "{prefix:26} {spinner} {elapsed}",
            Order::Rest { .. } => "{prefix:26} {wide_bar} {percent:>3} %  {elapsed}, {eta} to go",
            Order::Open { .. } | Order::Mark { .. } => {
                "{prefix:26} {wide_bar} {percent:>3} %  {msg:>15}  {elapsed}, {eta} to go"
            }
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well formed"));
        bar.set_prefix(title);
        bar.enable_steady_tick(Duration::from_millis(200));
        let opens = matches!(order, Order::Open { .. });
        Self { bar, opens, counted: Cell::new(0), last: Cell::new((Instant::now(), 0)) }
    }

    /// So much more is done, and so many more marks were sent.
    pub(crate) fn add(&self, done: u64, marks: u64) {
        self.bar.inc(done);
        self.counted.set(self.counted.get() + if self.opens { done } else { marks });
        let (at, then) = self.last.get();
        let (passed, counted) = (at.elapsed(), self.counted.get());
        if passed >= RATE_OVER {
            let rate = (counted - then) as f64 / passed.as_secs_f64();
            self.bar.set_message(format!("{rate:.0} {}/s", if self.opens { "connections" } else { "marks" }));
            self.last.set((Instant::now(), counted));
        }
    }

    pub(crate) fn end(self) {
        self.bar.finish_and_clear();
    }
}
