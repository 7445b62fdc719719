//! The caller's code that a call runs (`Hash`, `Eq`, `Clone`, `Drop`, closures, wakers) panics or
//! stalls.

mod panics;
mod presence_panics;
mod presence_stalled;
mod stalled;
mod wakers;
