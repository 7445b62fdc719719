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
mod serve;
mod sockets;
mod stop;

use std::error::Error;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::time::sleep;

use crate::app::App;
use crate::cli::Cli;
use crate::serve::Patience;
use crate::stop::Stop;

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

async fn run(cli: Cli) -> Result<(), Box<dyn Error>> {
    let app = Arc::new(App::new(&cli, metrics::install()?)?);
    let listener = listen(&cli.listen).await.map_err(|error| format!("cannot listen on {}: {error}", cli.listen))?;
    let mut stop = Stop::new()?;
    println!("listening on http://{}", listener.local_addr()?);
    tokio::spawn(app::each_second(app.active_users.clone(), app.metrics.clone()));
    let router = routes::router(Arc::clone(&app), cli.echo);
    let patience = Patience { header: cli.header_within, acknowledgement: cli.pong_within };
    tokio::spawn(serve::serve(listener, router, patience, app.going_away.subscribe()));

    stop.asked().await;
    tracing::info!("stopping");
    app.going_away.send_replace(true);
    tokio::select! {
        () = app.going_away.closed() => {} // every connection's task holds a receiver
        () = sleep(DRAIN_WITHIN) => tracing::warn!("some clients did not leave in time"),
        () = stop.asked() => tracing::warn!("asked a second time: stopping at once"),
    }
    Ok(())
}
