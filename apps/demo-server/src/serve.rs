//! Accepts connections and speaks HTTP on them, within limits that hold for whoever connects.

use std::io::{self, ErrorKind};
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::metrics;

/// Holds the header of any request of ours; one that is longer is answered 431.
const MAX_HEADER: usize = 16 << 10;
/// After a failed accept: short enough that nobody notices when it works again, long enough to cost nothing.
const BACK_OFF: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// For the header of a request, and between two requests of one connection.
    pub(crate) header: Duration,
    /// For the client's side to acknowledge what it is sent.
    pub(crate) acknowledgement: Duration,
}

/// Serves until the server goes away. Every connection's task holds a receiver of that until it is done.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    mut going_away: watch::Receiver<bool>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience.header).max_buf_size(MAX_HEADER);
    loop {
        let going_away_too = going_away.clone();
        let tcp = tokio::select! {
            tcp = accept(&listener) => tcp,
            _ = going_away.wait_for(|&away| away) => return,
        };
        if let Err(error) = tune(&tcp, patience) {
            tracing::debug!(%error, "a new connection is gone already");
            continue;
        }
        tokio::spawn(connection(http.clone(), tcp, router.clone(), going_away_too));
    }
}

/// Finishes the request that is under way when the server goes away, and takes no further one.
async fn connection(http: http1::Builder, tcp: TcpStream, router: Router, mut going_away: watch::Receiver<bool>) {
    let served = http.serve_connection(TokioIo::new(tcp), TowerToHyperService::new(router)).with_upgrades();
    let mut served = pin!(served);
    let stopping = async { going_away.wait_for(|&away| away).await.map(drop) };
    let result = tokio::select! {
        result = served.as_mut() => result,
        _ = stopping => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended");
    }
}

/// The next connection. Where there are no file descriptors left, waits for some: the clients wait in the backlog.
async fn accept(listener: &TcpListener) -> TcpStream {
    let mut failed = false;
    loop {
        match listener.accept().await {
            Ok((tcp, _)) => {
                if failed {
                    tracing::info!("connections are accepted again");
                }
                return tcp;
            }
            // The client was gone before we came to it.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                metrics::accept_failures().increment(1);
                if !failed {
                    tracing::warn!(%error, "no connection can be accepted: raise the limit of open files (ulimit -n)");
                }
                failed = true;
                sleep(BACK_OFF).await;
            }
        }
    }
}

fn tune(tcp: &TcpStream, patience: Patience) -> io::Result<()> {
    // An update is a few bytes that should leave at once.
    tcp.set_nodelay(true)?;
    // A client that takes nothing more, or vanished, is noticed by the kernel where no pong would tell us: in the middle
    // of an answer or of an event stream.
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(tcp).set_tcp_user_timeout(Some(patience.acknowledgement))?;
    #[cfg(not(target_os = "linux"))]
    let _ = patience;
    Ok(())
}
