//! The main job of `socket-registry`, complete: who is here now, and which tabs have something new
//! to fetch.
//!
//! `cargo run --release -p demo-server`, then open <http://127.0.0.1:3000> in two tabs.
//!
//! It is a library for three others: `load` runs it as a child, a test moves the clock of the list
//! of who is online, and a fuzz target plays the client.

mod app;
mod cli;
mod devices;
mod error;
mod feed;
mod guard;
mod hs256;
mod identity;
pub mod input;
mod log;
mod metrics;
mod onboard;
pub mod online;
mod routes;
mod sockets;
mod stop;

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use socket_registry_axum::serve::listen;

use crate::app::App;
use crate::log::Log;
use crate::stop::Stop;

pub use crate::cli::Cli;
pub use crate::error::ApiError;

/// Serves until the process is asked to stop, logs to stderr, and says on stdout where it listens.
#[tokio::main]
pub async fn run(cli: Cli) -> ExitCode {
    let log = Log::to(io::stderr());
    tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .with_max_level(cli.log)
        .init();
    let served = serve_until_stopped(cli, log.clone()).await;
    if let Err(error) = &served {
        tracing::error!("{error}");
    }
    log.flush(Duration::from_secs(1));
    if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn serve_until_stopped(cli: Cli, log: Log) -> Result<(), Box<dyn Error>> {
    let app = Arc::new(App::new(&cli, metrics::install()?, log)?);
    let listeners = listen(&cli.listen).await.map_err(|error| format!("cannot listen on {}: {error}", cli.listen))?;
    let mut stop = Stop::new()?;
    for listener in &listeners {
        // Stdout may be closed: nothing has to read this.
        let _ = writeln!(io::stdout(), "listening on http://{}", listener.local_addr()?);
    }
    tokio::spawn(app::tell_count(app.active_users.clone()));
    tokio::spawn(app::tell_online(Arc::clone(&app), cli.online_grace));
    tokio::spawn(app::log_count(app.active_users.clone()));
    tokio::spawn(app::keep_up(app.metrics.clone()));
    let router = routes::router(Arc::clone(&app), cli.echo);
    for listener in listeners {
        tokio::spawn(cli.server().serve(listener, router.clone(), app.drain.clone()));
    }

    stop.asked().await;
    let drained = async { tokio::join!(app.drain.run(), async { tracing::info!("stopping") }) };
    tokio::select! {
        _ = drained => {}
        () = stop.asked() => tracing::warn!("asked a second time: stopping at once"),
    }
    Ok(())
}
