//! Whatever a client sends, back to it, until the process is asked to stop: for test suites of the
//! WebSocket protocol.
//!
//! `cargo run -p socket-registry-axum --features serve --example echo`; it says where it listens.

use std::future::ready;
use std::io;

use axum::extract::State;
use axum::extract::ws::Message;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use socket_registry::Registry;
use socket_registry_axum::serve::{Server, listen};
use socket_registry_axum::{Drain, Handshake, Sessions, StopSignal};

#[tokio::main]
async fn main() -> io::Result<()> {
    // Longer messages than most clients ever need.
    let sessions = Sessions::builder(Registry::new()).max_message(1 << 20).max_outgoing(2 << 20).build();
    let drain = Drain::new().of(&sessions);
    let app = Router::new().route("/", get(echo)).with_state(sessions);
    let mut stop = StopSignal::new()?;
    for listener in listen("127.0.0.1:0").await? {
        println!("listening on http://{}", listener.local_addr()?);
        tokio::spawn(Server::new().serve(listener, app.clone(), drain.clone()));
    }
    stop.recv().await;
    drain.run().await;
    Ok(())
}

async fn echo(State(sessions): State<Sessions<()>>, Handshake(ws): Handshake) -> Response {
    let session = sessions.session((), ()).on_message(ready);
    session.upgrade(ws, |_| ready(None::<Message>)).into_response()
}
