//! `cargo run --release -p demo-server -- --help`

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    demo_server::run(demo_server::Cli::parse())
}
