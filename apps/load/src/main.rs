//! Load on the demo server: thousands of real WebSockets, and what becomes of every mark.
//!
//! `cargo run --release -p load -- --help`. This process directs: it starts the servers and one
//! process of clients for each, samples them from `/proc`, and writes the report. All of them are
//! this program in other roles: nothing else has to be built, and nothing can be out of date.

mod broker;
mod cli;
mod document;
mod expected;
mod fleet;
mod http;
mod machine;
mod plot;
mod process;
mod progress;
mod report;
mod results;
mod scenario;
mod summary;
mod tally;
mod wire;
mod worker;

use std::error::Error;
use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::runtime;
use tokio::time::timeout;

use crate::cli::{Cli, Role, Settings};
use crate::document::Section;
use crate::results::Results;

const CLUSTER_WITHIN: Duration = Duration::from_secs(240);

/// What ends a run early.
type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.role {
        Some(Role::Server(cli)) => return demo_server::run(*cli),
        Some(Role::Polling(cli)) => polling::run(cli).map(|()| true),
        Some(Role::Clients(clients)) => on_one_thread(worker::run(clients)),
        None => on_one_thread(direct(cli.settings)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn on_one_thread(work: impl Future<Output = Result<bool, Failure>>) -> Result<bool, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background(); // a thread may still be reading stdin
    done
}

/// Runs the scenario against each subject. True if nothing was lost that should not be.
async fn direct(settings: Settings) -> Result<bool, Failure> {
    settings.check()?;
    let section = settings.section.as_deref().map(Section::find).transpose()?;
    fs::create_dir_all(&settings.out)?;
    let run = async {
        let mut subjects = Vec::new();
        for subject in settings.subjects() {
            subjects.push(scenario::run(&settings, subject).await?);
        }
        Ok::<_, Failure>(subjects)
    };
    // A run with clusters is meant to take less than four minutes, whatever happens in it.
    let within = if settings.cluster.is_empty() { Duration::MAX } else { CLUSTER_WITHIN };
    // Dropping the run ends its children, which an unhandled signal would leave behind.
    let subjects = tokio::select! {
        subjects = timeout(within, run) => subjects.map_err(|_| format!("it took over {within:?}"))??,
        () = interrupted()? => return Err("interrupted".into()),
    };
    let results = Results { machine: machine::describe(), command: settings.command(), subjects };

    let tables = report::tables(&results);
    fs::write(settings.out.join("load.json"), serde_json::to_string_pretty(&results.to_json())?)?;
    fs::write(settings.out.join("load.md"), &tables)?;
    plot::draw(&settings.out.join("latency.svg"), &results)?;
    if let Some(section) = section {
        section.fill(&tables, &results)?;
    }
    println!("{}\n{}", summary::tables(&results), summary::verdict(&results));
    println!("All figures, also as JSON and as a plot: {}", settings.out.display());

    let faults = results.faults();
    for fault in &faults {
        eprintln!("failed: {fault}");
    }
    Ok(faults.is_empty())
}

#[cfg(unix)]
fn interrupted() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(windows)]
fn interrupted() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
