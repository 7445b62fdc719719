//! What the project says about itself.

mod verification;
