//! A server of its own: every tab of a user hears `update` whenever something is new, until the
//! user logs out.
//!
//! `cargo run -p socket-registry-axum --example notify`, open `ws://127.0.0.1:3000/ws/ada` with any
//! client, then `curl -X POST http://127.0.0.1:3000/notify/ada`, and to log out
//! `curl -X DELETE http://127.0.0.1:3000/sessions/ada`. Ctrl-C or SIGTERM closes all sockets.
//! The user is the one that the path names; a real server asks for a token or a cookie.

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use socket_registry::{CloseReason, Registry};
use socket_registry_axum::{Drain, OriginPolicy, Sessions, StopSignal};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let sessions = Sessions::new(Registry::new());
    let drain = Drain::new().of(&sessions);
    let app = Router::new()
        .route("/ws/{user}", get(ws))
        .route("/notify/{user}", post(notify))
        .route("/sessions/{user}", delete(log_out))
        .layer(from_fn(own_pages))
        .with_state(sessions);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    let mut stop = StopSignal::new()?;
    println!("listening on http://{}", listener.local_addr()?);

    let server = axum::serve(listener, app).with_graceful_shutdown(drain.closing());
    let (served, ()) = tokio::join!(server.into_future(), async {
        stop.recv().await;
        println!("{} sockets left behind", drain.run().await);
    });
    served
}

/// A browser sends its user's cookies along, whichever site's page asks it to.
async fn own_pages(request: Request, next: Next) -> Response {
    let is_own = OriginPolicy::same_origin().permits(request.headers());
    if is_own { next.run(request).await } else { StatusCode::FORBIDDEN.into_response() }
}

async fn ws(State(sessions): State<Sessions<String>>, Path(user): Path<String>, ws: WebSocketUpgrade) -> Response {
    sessions.upgrade(ws, user, |_due| async { Message::text("update") }).await
}

async fn notify(State(sessions): State<Sessions<String>>, Path(user): Path<String>) -> String {
    sessions.registry().mark(&user).to_string()
}

async fn log_out(State(sessions): State<Sessions<String>>, Path(user): Path<String>) -> String {
    sessions.registry().disconnect(&user, CloseReason::LOGGED_OUT).to_string()
}
