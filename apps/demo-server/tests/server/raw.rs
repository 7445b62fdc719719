//! A client that sends whatever bytes it likes, and what the server's process costs meanwhile.

use std::fs;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::harness::{Server, within};

/// The key is part of every handshake, and nothing depends on its value.
const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub(crate) struct Raw(BufReader<TcpStream>);

impl Raw {
    pub(crate) async fn connect(server: &Server) -> Self {
        let tcp = TcpStream::connect(&server.host).await.expect("the kernel accepts");
        Self(BufReader::new(tcp))
    }

    /// A WebSocket after its handshake.
    pub(crate) async fn upgraded(server: &Server, path: &str) -> Self {
        let mut raw = Self::connect(server).await;
        let status = raw.handshake(server, path).await;
        assert_eq!(status, 101, "{path}");
        raw
    }

    /// The status that a handshake is answered with.
    pub(crate) async fn handshake(&mut self, server: &Server, path: &str) -> u16 {
        self.write(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{HANDSHAKE}", server.host).as_bytes()).await;
        let head = self.head().await;
        // The body of a refusal, so that the connection can be used again.
        let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.split_once('\r'));
        let length = length.map_or(0, |(length, _)| length.parse().expect("a length"));
        within("the body", self.0.read_exact(&mut vec![0; length])).await.expect("the whole body");
        head[9..12].parse().expect("a status")
    }

    /// The head of an answer.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within("a head", self.0.read_u8()).await.expect("the whole head"));
        }
        String::from_utf8(head).expect("a head in text")
    }

    /// Reads what comes next, which must be this.
    pub(crate) async fn skip(&mut self, expected: &[u8]) {
        let mut read = vec![0; expected.len()];
        within("a body", self.0.read_exact(&mut read)).await.expect("the whole body");
        assert_eq!(read, expected);
    }

    /// Reads until a frame of that kind has come, and answers the pings before it.
    pub(crate) async fn until(&mut self, first: u8) {
        loop {
            let mut head = [0; 2];
            within("a frame", self.0.read_exact(&mut head)).await.expect("the connection goes on");
            assert!(head[1] < 126, "the server's frames are short and unmasked");
            within("the rest of a frame", self.0.read_exact(&mut vec![0; head[1].into()])).await.expect("all of it");
            match head[0] {
                kind if kind == first => return,
                0x89 => self.write(&frame(0x8A, b"")).await,
                _ => {}
            }
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).await.expect("the server takes it");
    }

    pub(crate) async fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        within("bytes to leave", self.0.write_all(bytes)).await
    }

    /// The code of the next close frame, whatever comes before it; `None` at the end.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            let mut head = [0; 2];
            within("a frame", self.0.read_exact(&mut head)).await.ok()?;
            assert!(head[1] < 126, "the server's frames are short and unmasked");
            let mut payload = vec![0; head[1].into()];
            within("the rest of a frame", self.0.read_exact(&mut payload)).await.ok()?;
            if head[0] == 0x88 {
                return Some(u16::from_be_bytes([payload[0], payload[1]]));
            }
        }
    }

    /// Waits until the server has closed the connection, and returns what it said before.
    pub(crate) async fn ended(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        // A reset is an end as well.
        let _ = within("the end", self.0.read_to_end(&mut said)).await;
        said
    }
}

/// A frame that is masked with zeroes. `first` holds the flags and the opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
}

impl Server {
    fn proc(&self, file: &str) -> String {
        let pid = self.process.id().expect("the server runs");
        fs::read_to_string(format!("/proc/{pid}/{file}")).expect("a process has its files")
    }

    /// Resident memory.
    pub(crate) fn memory_kib(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Time on a processor, in hundredths of a second.
    pub(crate) fn cpu_ticks(&self) -> u64 {
        let stat = self.proc("stat");
        let (_, fields) = stat.rsplit_once(") ").expect("fields after the name");
        fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
    }
}
