//! The main job of `socket-registry`, complete: who is here now, and which tabs have something new to fetch.
//!
//! `cargo run --release --example server`, then open <http://127.0.0.1:3000> in two tabs.

mod app;
mod cli;
mod connection;
mod devices;
mod error;
mod events;
mod feed;
mod guard;
mod identity;
mod input;
mod metrics;
mod routes;
mod sockets;

use std::error::Error;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use clap::Parser;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::app::App;
use crate::cli::Cli;

/// How long clients may take to leave once the server was told to stop.
const DRAIN_WITHIN: Duration = Duration::from_secs(8);

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_max_level(cli.log)
        .init();
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), Box<dyn Error>> {
    let app = Arc::new(App::new(&cli, metrics::install()?)?);
    let listener =
        TcpListener::bind(&cli.listen).await.map_err(|error| format!("cannot listen on {}: {error}", cli.listen))?;
    let stop_asked = stop_asked()?;
    println!("listening on http://{}", listener.local_addr()?);
    tokio::spawn(app::each_second(app.active_users.clone(), app.metrics.clone()));

    // An update is a few bytes that should leave at once.
    let listener = listener.tap_io(|tcp| {
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!("set_nodelay: {error}");
        }
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, routes::router(Arc::clone(&app)))
        .with_graceful_shutdown(async { stopped.await.unwrap_or(()) });
    let server = tokio::spawn(server.into_future());

    stop_asked.await;
    tracing::info!("stopping");
    drop(stop);
    app.going_away.send_replace(true);
    let drained = async {
        let served = server.await;
        app.going_away.closed().await; // every connection's task holds a receiver
        served
    };
    match timeout(DRAIN_WITHIN, drained).await {
        Ok(served) => served??,
        Err(_) => tracing::warn!("some clients did not leave in time"),
    }
    Ok(())
}

/// Resolves at Ctrl-C or, where there is such a thing, SIGTERM. Both are caught from the call on, not from the first poll.
#[cfg(unix)]
fn stop_asked() -> std::io::Result<impl Future<Output = ()>> {
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
fn stop_asked() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
