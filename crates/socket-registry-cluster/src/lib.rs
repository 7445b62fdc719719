//! Many processes, one `socket-registry` for the user.
#![forbid(unsafe_code)]

pub mod broker;
