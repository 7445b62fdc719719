//! The caller's code that a call runs (`Hash`, `Eq`, `Clone`, `Drop`, closures, wakers) panics or
//! stalls.

mod panics;
mod presence_panics;
mod stalled;
mod wakers;
