//! How to send few updates however many marks come, with nothing but the registry: marks coalesce
//! by themselves.
//!
//! - A connection that has sent an update sleeps until the interval is over before it asks for what
//!   is due again. What is marked meanwhile stays due, so the last update is never lost: a burst of
//!   marks is one update immediately, and one at the end of the interval.
//! - `mark_all` makes every client fetch again. Each waits for a random part of a period first,
//!   so that they do not all come at the same time.
//!
//! `cargo run --example throttle`

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use socket_registry::{Closed, Registry, Socket, Topics};
use tokio::time::{Instant, sleep, sleep_until};

const INTERVAL: Duration = Duration::from_secs(1);
const SPREAD: Duration = Duration::from_secs(5);

/// Sends at most one update in each interval, the first immediately. Returns when the socket is
/// closed, which it learns when the interval is over. A server does this in `select!`, together
/// with the read side of the connection, which need not wait.
pub(crate) async fn updates<K>(mut socket: Socket<K>, interval: Duration, mut send: impl FnMut(Topics)) -> Closed {
    loop {
        match socket.due().await {
            Ok(topics) => send(topics),
            Err(closed) => return closed,
        }
        let sent = Instant::now();
        sleep_until(sent + interval).await;
    }
}

/// How long a client waits before it fetches again: a random part of `spread`.
pub(crate) fn jitter(spread: Duration) -> Duration {
    // Whatever is random will do; the page says `Math.random() * spread`.
    let random = RandomState::new().build_hasher().finish();
    spread.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::<u64>::new();
    let start = Instant::now();
    let connection = tokio::spawn(updates(registry.register(42)?, INTERVAL, move |topics| {
        println!("{:4} ms: update {topics:?}", start.elapsed().as_millis());
    }));
    println!("250 marks in 2.5 seconds");
    for _ in 0..250 {
        registry.mark(&42);
        sleep(Duration::from_millis(10)).await;
    }
    sleep(INTERVAL).await;
    registry.close();
    let closed = connection.await?;
    println!("{:4} ms: {closed}", start.elapsed().as_millis());

    println!("After `mark_all`, ten clients would fetch after");
    for _ in 0..10 {
        println!("{:4} ms", jitter(SPREAD).as_millis());
    }
    Ok(())
}
