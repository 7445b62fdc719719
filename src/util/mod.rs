//! Utilities for any crate: they know nothing of sockets.

pub(crate) mod append_list;
pub(crate) mod budget;
pub(crate) mod panic;
pub(crate) mod value_cell;
pub(crate) mod zeroed;
