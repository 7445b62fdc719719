//! What this crate replaces, to compare it with the demo server: one mutex around one map, a bool
//! for each id, and every connection looks at its own once a second. It answers what the load
//! generator and the page's script ask.
//!
//! `cargo run --release -p polling`. Its bugs belong to the design: tabs of one id take each
//! other's update, and a tab that leaves removes the entry of the tab that came after.

use std::collections::HashMap;
use std::error::Error;
use std::mem::take;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use clap::Parser;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio::time::{MissedTickBehavior, interval};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// As in the demo server, whose memory this one's is compared with.
const BUFFER: usize = 4 << 10;
/// As in the demo server: what is compared is not how the system queues connections.
const BACKLOG: u32 = 4096;

/// The design that looks once a second.
#[derive(Parser)]
#[command(name = "polling", version)]
pub struct Cli {
    /// Address to listen on; port 0 takes a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
}

#[derive(Default)]
struct App {
    due: Mutex<HashMap<String, bool>>,
    users: Mutex<usize>,
    devices: Mutex<HashMap<String, Vec<Device>>>,
}

#[derive(Deserialize)]
struct User {
    id: String,
}

#[derive(Deserialize)]
struct NewDevice {
    name: String,
}

#[derive(Clone, Serialize)]
struct Device {
    name: String,
    /// Milliseconds since the Unix epoch.
    added_at: u128,
}

/// Serves until the process is ended, and says on stdout where it listens.
#[tokio::main]
pub async fn run(cli: Cli) -> Result<(), Box<dyn Error>> {
    let address = cli.listen;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|tcp| _ = tcp.set_nodelay(true));
    let router = Router::new()
        .route("/active-users", get(active_users))
        .route("/device-ws", get(device_ws))
        .route("/devices", get(devices).post(add_device))
        .route("/stats", get(stats))
        .with_state(Arc::<App>::default());
    axum::serve(listener, router).await?;
    Ok(())
}

/// The number of users, again whenever it is another one.
async fn active_users(State(app): State<Arc<App>>, upgrade: WebSocketUpgrade) -> Response {
    small(upgrade).on_upgrade(async move |socket| {
        *app.users.lock() += 1;
        let mut told = None;
        let count = || {
            let count = *app.users.lock();
            let changed = told.replace(count) != Some(count);
            changed.then(|| json!({ "active_users": count }).to_string())
        };
        poll(socket, count).await;
        *app.users.lock() -= 1;
    })
}

async fn device_ws(State(app): State<Arc<App>>, Query(user): Query<User>, upgrade: WebSocketUpgrade) -> Response {
    small(upgrade).on_upgrade(async move |socket| {
        app.due.lock().insert(user.id.clone(), false);
        let update = || app.due.lock().get_mut(&user.id).is_some_and(take).then(|| "update".to_owned());
        poll(socket, update).await;
        app.due.lock().remove(&user.id);
    })
}

fn small(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.read_buffer_size(BUFFER).write_buffer_size(0)
}

/// Sends what there is to say, once a second, until the client is gone.
async fn poll(mut socket: WebSocket, mut news: impl FnMut() -> Option<String>) {
    let mut time = interval(LOOK_EVERY);
    time.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = time.tick() => {
                if let Some(text) = news()
                    && socket.send(Message::text(text)).await.is_err()
                {
                    return;
                }
            }
            frame = socket.recv() => {
                if !matches!(frame, Some(Ok(_))) {
                    return;
                }
            }
        }
    }
}

async fn devices(State(app): State<Arc<App>>, Query(user): Query<User>) -> Json<Vec<Device>> {
    Json(app.devices.lock().get(&user.id).cloned().unwrap_or_default())
}

async fn add_device(State(app): State<Arc<App>>, Query(user): Query<User>, body: Bytes) -> StatusCode {
    let Ok(NewDevice { name }) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST };
    let added_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    app.devices.lock().entry(user.id.clone()).or_default().push(Device { name, added_at });
    if let Some(due) = app.due.lock().get_mut(&user.id) {
        *due = true;
    }
    StatusCode::CREATED
}

async fn stats(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "active_users": *app.users.lock(), "device_sockets": app.due.lock().len() }))
}
