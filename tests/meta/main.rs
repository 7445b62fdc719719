//! What the project says about itself.

mod architecture;
mod verification;
