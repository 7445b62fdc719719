//! Reasons to disconnect that tell themselves apart.

use socket_registry::CloseReason;

/// The `n`th close code that applications may use.
pub fn reason(n: u8) -> CloseReason {
    CloseReason::new(4000 + u16::from(n)).expect("all of them are private codes")
}
