//! Two tabs of one user, and a handler that says "user 42 has something new".
//!
//! `cargo run --example quickstart`

use socket_registry::{CloseReason, RegisterError, Registry, Socket};

/// The task of a connection. A server does this in `select!`, together with the read side.
async fn connection(tab: &str, mut socket: Socket<u64>) {
    loop {
        match socket.due().await {
            Ok(_topics) => println!("{tab} sends `update`; the page fetches again"),
            Err(closed) => return println!("{tab} ends: {closed}"),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), RegisterError> {
    let registry = Registry::new(); // a clone of it goes into every handler
    let first = tokio::spawn(connection("first tab", registry.register(42)?));
    let second = tokio::spawn(connection("second tab", registry.register(42)?));
    println!("{} user, {} sockets", registry.key_count(), registry.socket_count());

    let marked = registry.mark(&42); // from any thread, async or not
    println!("{marked} sockets have an update due");
    tokio::task::yield_now().await;

    registry.disconnect(&42, CloseReason::LOGGED_OUT); // "log out everywhere"
    let _ = tokio::join!(first, second);
    println!("{} users, {} sockets", registry.key_count(), registry.socket_count());
    Ok(())
}
