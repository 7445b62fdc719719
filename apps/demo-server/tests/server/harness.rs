//! Starts the server, and speaks to it.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Far more than anything here takes; a test that waits for what never comes fails instead of
/// hanging.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}

/// The server, as cargo has built it for these tests.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_demo-server");

type Log = Lines<BufReader<Box<dyn AsyncRead + Send + Unpin>>>;

fn log(source: impl AsyncRead + Send + Unpin + 'static) -> Log {
    BufReader::new(Box::new(source) as Box<_>).lines()
}

/// A running server on a port of its own, killed when dropped.
pub(crate) struct Server {
    pub(crate) process: Child,
    /// `127.0.0.1:PORT`
    pub(crate) host: String,
    pub(crate) log: Log,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with([""; 0]).await
    }

    pub(crate) async fn start_with(options: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        Self::spawn(Command::new(PROGRAM).args(["--listen", "127.0.0.1:0"]).args(options)).await
    }

    pub(crate) async fn spawn(command: &mut Command) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the server starts");
        let stdout = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let line = within("the server's address", stdout.lines().next_line())
            .await
            .expect("stdout is text")
            .expect("the server says where it listens");
        let host = line.strip_prefix("listening on http://").expect("the first line is the address").to_owned();
        let log = log(process.stderr.take().expect("stderr is piped"));
        Self { process, host, log }
    }

    #[cfg(unix)]
    pub(crate) async fn signal(&self, signal: &str) {
        let pid = self.process.id().expect("the server runs").to_string();
        let kill = Command::new("kill").args([signal, &pid]).status().await;
        assert!(kill.expect("there is a kill").success());
    }

    /// From now on nothing reads the log, or can.
    pub(crate) fn close_log(&mut self) {
        self.log = log(tokio::io::empty());
    }

    /// Reads the log until a line contains `text`.
    pub(crate) async fn logs(&mut self, text: &str) {
        let told = async {
            while let Some(line) = self.log.next_line().await.expect("the log is text") {
                if line.contains(text) {
                    return;
                }
            }
            panic!("the log ended");
        };
        within(text, told).await;
    }

    /// Opens a WebSocket.
    pub(crate) async fn open(&self, path: &str) -> Client {
        match self.try_open(path, &[]).await {
            Ok(client) => client,
            Err(answer) => panic!("{path}: refused with {answer:?}"),
        }
    }

    /// Tries to open a WebSocket, or tells how the server refused.
    pub(crate) async fn try_open(&self, path: &str, headers: &[(&'static str, &str)]) -> Result<Client, Answer> {
        let mut request = format!("ws://{}{path}", self.host).into_client_request().expect("a URL");
        for (name, value) in headers {
            let value = value.parse().expect("a header's value");
            request.headers_mut().insert(*name, value);
        }
        match within("the handshake", connect_async(request)).await {
            Ok((ws, _)) => Ok(Client(ws)),
            Err(Error::Http(response)) => {
                let (head, body) = response.into_parts();
                let lines = head.headers.iter();
                Err(Answer {
                    status: head.status.as_u16(),
                    headers: lines.map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect(),
                    body: String::from_utf8(body.unwrap_or_default()).expect("the body is text"),
                })
            }
            Err(error) => panic!("{path}: {error}"),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], b"").await
    }

    /// Adds a device and returns how many sockets were marked.
    pub(crate) async fn add_device(&self, id: &str, name: &str) -> u64 {
        let body = serde_json::json!({ "name": name }).to_string();
        let path = format!("/devices?id={id}");
        let answer = self.request("POST", &path, &[], body.as_bytes()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["sockets_marked"].as_u64().expect("a count")
    }

    pub(crate) async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.host,
            body.len()
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        let exchange = async {
            let mut tcp = TcpStream::connect(&self.host).await.expect("the server accepts");
            let request = [head.as_bytes(), b"\r\n", body].concat();
            tcp.write_all(&request).await.expect("the request is taken");
            let mut answer = String::new();
            tcp.read_to_string(&mut answer).await.expect("an answer in text");
            answer
        };
        let answer = within("an answer", exchange).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let (status, headers) = head.split_once("\r\n").expect("a status line");
        Answer {
            status: status[9..12].parse().expect("a status"),
            headers: headers.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }
}

/// What a plain request was answered with.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that this is that status with an explanation, and returns the explanation.
    pub(crate) fn refusal(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        let answer = self.json();
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(!error.is_empty(), "no explanation: {self:?}");
        error.to_owned()
    }
}

/// A client's end of a WebSocket.
pub(crate) struct Client(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    /// The next frame that is not a ping, `None` at the end.
    async fn next(&mut self) -> Option<Message> {
        let next = async {
            loop {
                match self.0.next().await?.expect("the server speaks WebSocket") {
                    Message::Ping(_) => {}
                    message => return Some(message),
                }
            }
        };
        within("a frame", next).await
    }

    /// The next text, `None` at the end.
    pub(crate) async fn next_text(&mut self) -> Option<String> {
        match self.next().await? {
            Message::Text(text) => Some(text.to_string()),
            Message::Close(_) => None,
            other => panic!("expected a text or the end, got {other:?}"),
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Some(Message::Text(text)) => text.to_string(),
            other => panic!("expected a text, got {other:?}"),
        }
    }

    /// Reads counts until `count` comes.
    pub(crate) async fn count(&mut self, count: u64) {
        let wanted = format!(r#"{{"active_users":{count}}}"#);
        while self.text().await != wanted {}
    }

    /// The close frame that the server sends, which must be what comes next.
    pub(crate) async fn dismissed(&mut self) -> CloseFrame {
        match self.next().await {
            Some(Message::Close(Some(frame))) => frame,
            other => panic!("expected a close frame with a reason, got {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, message: Message) {
        within("a frame to leave", self.0.send(message)).await.expect("the server takes a frame");
    }

    /// The whole closing handshake. The server has removed the socket before it answers, and
    /// whatever it sent before that is an error here: read it first.
    pub(crate) async fn close(mut self) {
        self.send(Message::Close(None)).await;
        match self.next().await {
            Some(Message::Close(_)) | None => {}
            other => panic!("expected the end, got {other:?}"),
        }
    }
}
