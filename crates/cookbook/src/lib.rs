//! Compiles and runs the recipes of `docs/cookbook.md`, as they stand there: each is a whole
//! program.

#[cfg(doctest)]
#[doc = include_str!("../../../docs/cookbook.md")]
mod recipes {}
