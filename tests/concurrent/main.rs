//! The registry as a whole: under many threads, while it grows, and under random operations.

mod growth;
mod lifetime;
mod linearizability;
mod model;
