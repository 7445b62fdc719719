//! A connection in several rooms: the key is the room, and the connection's task holds a socket for
//! each room that it is in. Dropping one of them leaves that room, and no other.
//!
//! `cargo run --example rooms`

use std::future::poll_fn;
use std::task::Poll;

use socket_registry::{Closed, RegisterError, Registry, Socket};

type Room = &'static str;

fn join(registry: &Registry<Room>, rooms: &[Room]) -> Result<Vec<Socket<Room>>, RegisterError> {
    rooms.iter().map(|&room| registry.register(room)).collect()
}

/// Waits for news in any of the rooms, and returns all rooms that have some.
async fn news(sockets: &mut [Socket<Room>]) -> Result<Vec<Room>, Closed> {
    poll_fn(|cx| {
        let mut rooms = Vec::new();
        for socket in &mut *sockets {
            if let Poll::Ready(due) = socket.poll_due(cx) {
                due?;
                rooms.push(*socket.key());
            }
        }
        if rooms.is_empty() { Poll::Pending } else { Poll::Ready(Ok(rooms)) }
    })
    .await
}

async fn connection(name: &str, mut sockets: Vec<Socket<Room>>) {
    loop {
        match news(&mut sockets).await {
            Ok(rooms) => println!("{name} hears of news in {}", rooms.join(" and ")),
            Err(closed) => return println!("{name} ends: {closed}"),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), RegisterError> {
    let registry = Registry::new();
    let ann = tokio::spawn(connection("ann", join(&registry, &["chess", "rust"])?));
    let bob = tokio::spawn(connection("bob", join(&registry, &["chess", "tea"])?));

    for rooms in [&["chess"][..], &["rust"], &["chess", "tea"]] {
        let marked = registry.mark_many(rooms);
        println!("news in {} for {marked} sockets", rooms.join(" and "));
        tokio::task::yield_now().await;
    }
    registry.close();
    let _ = tokio::join!(ann, bob);
    Ok(())
}
