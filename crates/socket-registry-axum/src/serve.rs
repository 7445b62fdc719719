//! An accept loop with deadlines that hold for every client.
//!
//! ```
//! use axum::{Router, routing::get};
//! use socket_registry_axum::Drain;
//! use socket_registry_axum::serve::{Server, listen};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! let app = Router::new().route("/", get(async || "hello"));
//! let drain = Drain::new();
//! for listener in listen("127.0.0.1:0").await? {
//!     tokio::spawn(Server::new().serve(listener, app.clone(), drain.clone()));
//! }
//! // … when a signal asks for it:
//! drain.run().await;
//! # Ok(()) }
//! ```

mod slow_header;

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::time::sleep;
use tokio_util::io::InspectReader;

use crate::drain::{Drain, DrainGuard};
use slow_header::Header;

/// Room for the header of any sound request. A longer one is answered 431.
const MAX_HEADER: usize = 16 << 10;
/// After a failed accept: short enough that clients do not notice when it works again, long enough
/// to cost nothing.
const BACK_OFF: Duration = Duration::from_millis(100);
/// How many clients may wait to be accepted. The 128 of `TcpListener::bind` are full immediately
/// when all clients reconnect, and a client that finds them full waits a second.
const BACKLOG: u32 = 4096;

/// Listens on every address of that name: `localhost:3000` may have one of each IP version.
///
/// Port 0 takes a free port, and the same one for all addresses.
///
/// # Errors
/// If the name has no address, or none that can be listened on.
pub async fn listen(name: &str) -> io::Result<Vec<TcpListener>> {
    listen_on(lookup_host(name).await?)
}

fn listen_on(addresses: impl IntoIterator<Item = SocketAddr>) -> io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut last = io::Error::new(ErrorKind::InvalidInput, "it names no address");
    for mut address in addresses {
        if let Some(first) = listeners.first().filter(|_| address.port() == 0) {
            address.set_port(first.local_addr()?.port());
        }
        match bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => {
                tracing::debug!(%address, %error, "an address of the name cannot be listened on");
                last = error;
            }
        }
    }
    if listeners.is_empty() { Err(last) } else { Ok(listeners) }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// How connections are accepted and served. A clone serves alike.
#[derive(Clone)]
pub struct Server {
    header_within: Duration,
    idle_within: Duration,
    acknowledged_within: Duration,
    on_accept_failure: Arc<dyn Fn() + Send + Sync>,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("header_within", &self.header_within)
            .field("idle_within", &self.idle_within)
            .field("acknowledged_within", &self.acknowledged_within)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Creates a server with the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            header_within: Duration::from_secs(10),
            idle_within: Duration::from_secs(75),
            acknowledged_within: Duration::from_secs(10),
            on_accept_failure: Arc::new(|| {}),
        }
    }

    /// Sets how long a client may take for the header of a request, counted from its first byte, or
    /// from the accept (default: 10 seconds).
    #[must_use]
    pub fn header_within(mut self, within: Duration) -> Self {
        self.header_within = within;
        self
    }

    /// Sets how long a connection may be idle between two requests (default: 75 seconds). Choose
    /// more than the load balancer in front, which usually has 60 seconds. Otherwise it may send a
    /// request just when the server closes the connection, and answer 502.
    #[must_use]
    pub fn idle_within(mut self, within: Duration) -> Self {
        self.idle_within = within;
        self
    }

    /// Sets how long the client's side may take to acknowledge what it is sent, where the kernel
    /// can tell (default: 10 seconds).
    #[must_use]
    pub fn acknowledged_within(mut self, within: Duration) -> Self {
        self.acknowledged_within = within;
        self
    }

    /// Sets a closure that is called whenever a connection cannot be accepted.
    #[must_use]
    pub fn on_accept_failure(mut self, failed: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_accept_failure = Arc::new(failed);
        self
    }

    /// Serves until `drain` closes the listener. The drain waits for the requests in progress at
    /// that time.
    pub async fn serve(self, listener: TcpListener, router: Router, drain: Drain) {
        let mut http = http1::Builder::new();
        // For hyper an idle connection is one whose next header takes long; the header itself has
        // its own deadline below.
        let between_headers = self.idle_within.max(self.header_within);
        http.timer(TokioTimer::new()).header_read_timeout(between_headers).max_buf_size(MAX_HEADER);
        let mut closing = pin!(drain.closing());
        loop {
            let tcp = tokio::select! {
                tcp = self.accept(&listener) => tcp,
                () = &mut closing => return,
            };
            if let Err(error) = self.tune(&tcp) {
                tracing::debug!(%error, "a new connection is gone already");
                continue;
            }
            let (router, closing, guard) = (router.clone(), drain.closing(), drain.guard());
            tokio::spawn(connection(http.clone(), tcp, router, self.header_within, closing, guard));
        }
    }

    /// Accepts the next connection. If no file descriptors are left, waits for some, while the
    /// clients wait in the backlog.
    async fn accept(&self, listener: &TcpListener) -> TcpStream {
        let mut failed = false;
        loop {
            match listener.accept().await {
                Ok((tcp, _)) => {
                    if failed {
                        tracing::info!("connections are accepted again");
                    }
                    return tcp;
                }
                // The client was gone before it was accepted.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
                Err(error) => {
                    (self.on_accept_failure)();
                    if !failed {
                        tracing::warn!(
                            %error,
                            "no connection can be accepted: raise the limit of open files (ulimit -n)"
                        );
                    }
                    failed = true;
                    sleep(BACK_OFF).await;
                }
            }
        }
    }

    fn tune(&self, tcp: &TcpStream) -> io::Result<()> {
        // An update is a few bytes that should leave immediately.
        tcp.set_nodelay(true)?;
        // A client that takes nothing more, or vanished, is noticed by the kernel where no pong
        // would tell us: in the middle of an answer or of an event stream.
        #[cfg(target_os = "linux")]
        socket2::SockRef::from(tcp).set_tcp_user_timeout(Some(self.acknowledged_within))?;
        Ok(())
    }
}

/// Serves one connection. When the server closes, finishes the request in progress and takes no
/// further one. The drain waits for `_guard`.
async fn connection(
    http: http1::Builder,
    tcp: TcpStream,
    router: Router,
    header_within: Duration,
    closing: impl Future<Output = ()>,
    _guard: DrainGuard,
) {
    let header = Header::new();
    let (reading, answering) = (header.clone(), header.clone());
    let io = TokioIo::new(InspectReader::new(tcp, move |_: &[u8]| reading.read()));
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let complete = answering.complete();
        let response = router.call(request);
        async move {
            let response = response.await;
            drop(complete);
            response
        }
    });
    let mut served = pin!(http.serve_connection(io, service).with_upgrades());
    let (mut too_slow, mut closing) = (pin!(header.too_slow(header_within)), pin!(closing));
    let mut is_closing = false;
    loop {
        // In this order: no deadline is judged before what has arrived was read.
        tokio::select! {
            biased;
            result = served.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended");
                }
                return;
            }
            () = &mut too_slow => {
                tracing::debug!("the header of a request took too long");
                return;
            }
            () = &mut closing, if !is_closing => {
                is_closing = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_address_of_a_name_is_listened_on_at_one_port() {
        let addresses = ["127.0.0.1:0", "127.0.0.2:0"].map(|address| address.parse().expect("an address"));
        let listeners = listen_on(addresses).expect("loopback has both");
        let bound: Vec<_> = listeners.iter().map(|listener| listener.local_addr().expect("an address")).collect();
        assert_eq!(bound.len(), 2);
        assert_eq!(bound[0].port(), bound[1].port());
        for address in bound {
            TcpStream::connect(address).await.expect("it listens");
        }
    }

    #[tokio::test]
    async fn an_address_that_is_not_ours_does_not_keep_the_others_from_being_listened_on() {
        let addresses = ["192.0.2.1:0", "127.0.0.1:0"].map(|address| address.parse().expect("an address"));
        assert_eq!(listen_on(addresses).expect("one will do").len(), 1);
        assert!(listen_on([addresses[0]]).is_err());
        assert!(listen_on([]).is_err());
    }
}
