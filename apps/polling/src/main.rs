//! `cargo run --release -p polling -- --help`

use std::error::Error;

use clap::Parser;

fn main() -> Result<(), Box<dyn Error>> {
    polling::run(polling::Cli::parse())
}
