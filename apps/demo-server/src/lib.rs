//! The main job of `socket-registry`, complete: who is here now, and which tabs have something new to fetch.
//!
//! `cargo run --release -p demo-server`, then open <http://127.0.0.1:3000> in two tabs.
//!
//! It is a library for three others: `load` runs it as a child, a test moves the clock of the list of
//! who is online, and a fuzz target plays the client.

mod app;
mod cli;
mod connection;
mod devices;
mod error;
mod events;
mod feed;
mod guard;
mod hs256;
mod identity;
pub mod input;
mod metrics;
pub mod online;
mod routes;
mod serve;
mod sockets;
mod stop;

use std::error::Error;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::sync::watch;

use crate::app::App;
use crate::serve::Patience;
use crate::stop::{Drain, Stop};

pub use crate::cli::Cli;
pub use crate::error::ApiError;

/// Serves until the process is asked to stop, logs to stderr, and says on stdout where it listens.
#[tokio::main]
pub async fn run(cli: Cli) -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_max_level(cli.log)
        .init();
    match serve_until_stopped(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// As `TcpListener::bind`, but for the backlog: its 128 are full at once when everybody reconnects, and who finds them full
/// waits a second before trying again.
async fn listen(address: &str) -> io::Result<TcpListener> {
    const BACKLOG: u32 = 4096;
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "it names no address");
    for address in lookup_host(address).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn serve_until_stopped(cli: Cli) -> Result<(), Box<dyn Error>> {
    let app = Arc::new(App::new(&cli, metrics::install()?)?);
    let listener = listen(&cli.listen).await.map_err(|error| format!("cannot listen on {}: {error}", cli.listen))?;
    let mut stop = Stop::new()?;
    println!("listening on http://{}", listener.local_addr()?);
    tokio::spawn(app::tell_count(app.active_users.clone()));
    tokio::spawn(app::tell_online(Arc::clone(&app), cli.online_grace));
    tokio::spawn(app::log_count(app.active_users.clone()));
    tokio::spawn(app::keep_up(app.metrics.clone()));
    let router = routes::router(Arc::clone(&app), cli.echo);
    let patience = Patience { header: cli.header_within, acknowledgement: cli.pong_within };
    let (going_away, hears) = watch::channel(false);
    tokio::spawn(serve::serve(listener, router, patience, hears));

    stop.asked().await;
    tracing::info!("stopping");
    let drain = Drain { batch: cli.drain_batch, every: cli.drain_every, within: cli.drain_within };
    tokio::select! {
        () = drain.run(&app, &going_away) => {}
        () = stop.asked() => tracing::warn!("asked a second time: stopping at once"),
    }
    Ok(())
}
