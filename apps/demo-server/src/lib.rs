//! The main job of `socket-registry`, complete: who is here now, and which tabs have something new
//! to fetch.
//!
//! `cargo run --release -p demo-server`, then open <http://127.0.0.1:3000> in two tabs.
//!
//! It is a library for three others: `load` runs it as a child, a test moves the clock of the list
//! of who is online, and a fuzz target plays the client.

mod app;
mod cli;
#[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "without a broker there is nothing to join"))]
mod cluster;
mod devices;
mod error;
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

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use socket_registry_axum::StopSignal;
use socket_registry_axum::serve::listen;
use tracing_appender::non_blocking::ErrorCounter;

use crate::app::App;

pub use crate::cli::Cli;
pub use crate::error::ApiError;

/// Serves until the process is asked to stop, logs to stderr, and says on stdout where it listens.
#[tokio::main]
pub async fn run(cli: Cli) -> ExitCode {
    let (_log, lines_dropped) = log::install(cli.log);
    match serve_until_stopped(cli, lines_dropped).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve_until_stopped(cli: Cli, lines_dropped: ErrorCounter) -> Result<(), Box<dyn Error>> {
    let app = Arc::new(App::new(&cli, metrics::install()?, lines_dropped).await?);
    let listeners = listen(&cli.listen).await.map_err(|error| format!("cannot listen on {}: {error}", cli.listen))?;
    let mut stop = StopSignal::new()?;
    for listener in &listeners {
        // Stdout may be closed: nothing has to read this.
        let _ = writeln!(io::stdout(), "listening on http://{}", listener.local_addr()?);
    }
    app::spawn_tasks(&app, &cli);
    let router = routes::router(Arc::clone(&app));
    for listener in listeners {
        tokio::spawn(cli.server().serve(listener, router.clone(), app.drain.clone()));
    }

    stop.recv().await;
    let drained = async {
        tokio::join!(app.drain.run(), async { tracing::info!("stopping") });
        if let Some(servers) = &app.servers {
            servers.leave().await;
        }
    };
    tokio::select! {
        () = drained => {}
        () = stop.recv() => tracing::warn!("asked a second time: stopping immediately"),
    }
    Ok(())
}
