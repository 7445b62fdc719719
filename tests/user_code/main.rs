//! Code of the caller that a call runs (`Hash`, `Eq`, `Clone`, `Drop`, closures, wakers) panics or stands still.

mod panics;
mod presence_panics;
mod stalled;
mod wakers;
