//! Plain requests on connections that are kept: just enough HTTP for the demo server's answers.

use std::cell::RefCell;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddrV4;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Requests in progress at the same time.
const MOST: usize = 64;
/// A server that takes longer has not answered. Long enough for a machine that stands still for a
/// while.
const WITHIN: Duration = Duration::from_secs(60);

pub(crate) struct Http {
    host: SocketAddrV4,
    kept: RefCell<Vec<BufReader<TcpStream>>>,
    turns: Semaphore,
}

impl Http {
    pub(crate) fn new(host: SocketAddrV4) -> Self {
        Self { host, kept: RefCell::default(), turns: Semaphore::new(MOST) }
    }

    /// Sends the request as soon as there is a connection free for it, after telling so.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &str, sending: impl FnOnce()) -> Result<Reply> {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}", self.host, body.len());
        let request = format!("{head}\r\n\r\n{body}");
        let _turn = self.turns.acquire().await.map_err(Error::other)?;
        let mut connection = match self.kept() {
            Some(connection) => connection,
            None => BufReader::new(connect(self.host).await?),
        };
        sending();
        let exchange = async {
            connection.get_mut().write_all(request.as_bytes()).await?;
            Reply::read(&mut connection).await
        };
        let reply = timeout(WITHIN, exchange).await??;
        self.kept.borrow_mut().push(connection);
        Ok(reply)
    }

    /// The server may have closed a connection that was kept for long: better to find out before
    /// sending.
    fn kept(&self) -> Option<BufReader<TcpStream>> {
        let is_open = |connection: &BufReader<TcpStream>| {
            let silence = connection.get_ref().try_read(&mut [0]);
            silence.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        };
        let mut kept = self.kept.borrow_mut();
        std::iter::from_fn(|| kept.pop()).find(is_open)
    }
}

async fn connect(host: SocketAddrV4) -> Result<TcpStream> {
    let tcp = TcpStream::connect(host).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    async fn read(connection: &mut BufReader<TcpStream>) -> Result<Self> {
        let malformed = || Error::new(ErrorKind::InvalidData, "not an answer that this client understands");
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if connection.read_line(&mut head).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let mut body = vec![0; length.ok_or_else(malformed)?];
        connection.read_exact(&mut body).await?;
        Ok(Self { status, body })
    }
}
