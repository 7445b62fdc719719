//! One slot: where a socket is.

pub(crate) mod access;
pub(crate) mod addr;
pub(crate) mod generation;
pub(crate) mod refs;
pub(crate) mod state;
pub(crate) mod waker;
