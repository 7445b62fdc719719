//! The registry on bare `tokio-tungstenite`: the path of the URL is the user.
//!
//! `cargo run --example tungstenite`, then open `ws://127.0.0.1:3001/alice` with any client, twice.
//! Whatever one socket of alice says, all of alice's sockets hear `update`. What a server needs
//! besides, such as pings, deadlines and a graceful stop, is in `socket-registry-axum`.

use std::error::Error;

use futures_util::{SinkExt, StreamExt};
use socket_registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, http::StatusCode};

type User = String;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::<User>::new();
    let listener = TcpListener::bind("127.0.0.1:3001").await?;
    println!("listening on ws://{}", listener.local_addr()?);
    loop {
        let (tcp, client) = listener.accept().await?;
        let registry = registry.clone();
        tokio::spawn(async move {
            if let Err(error) = connection(tcp, registry).await {
                eprintln!("{client}: {error}");
            }
        });
    }
}

async fn connection(tcp: TcpStream, registry: Registry<User>) -> Result<(), Box<dyn Error + Send + Sync>> {
    // Registering during the handshake lets it fail with a status that says why.
    let mut socket = None;
    #[expect(clippy::result_large_err, reason = "the handshake's callback is declared so")]
    let register = |request: &Request, response: Response| {
        let user = request.uri().path().trim_start_matches('/').to_owned();
        match registry.register(user) {
            Ok(registered) => {
                socket = Some(registered);
                Ok(response)
            }
            Err(error) => {
                let mut refusal = ErrorResponse::new(Some(error.to_string()));
                *refusal.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                Err(refusal)
            }
        }
    };
    let small = WebSocketConfig::default().read_buffer_size(4 << 10).max_message_size(Some(4 << 10));
    let mut ws = tokio_tungstenite::accept_hdr_async_with_config(tcp, register, Some(small)).await?;
    let mut socket = socket.ok_or("the handshake did not ask")?;

    loop {
        tokio::select! {
            due = socket.due() => match due {
                Ok(_topics) => ws.send(Message::text("update")).await?,
                // The code says whether the client should come back.
                Err(closed) => {
                    let frame = CloseFrame { code: closed.code().into(), reason: closed.to_string().into() };
                    return Ok(ws.close(Some(frame)).await?);
                }
            },
            frame = ws.next() => {
                // Without a next frame `socket` is dropped, and no other socket of this user is
                // touched.
                let Some(frame) = frame.transpose()? else { return Ok(()) };
                if frame.is_text() {
                    registry.mark(socket.key());
                }
            }
        }
    }
}
