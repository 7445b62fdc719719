//! Who is online, as a list or a number that follows by itself.

use std::collections::BTreeSet;
use std::future::pending;
use std::hash::Hash;
use std::time::Duration;

use socket_registry::{CountsWatch, Grace, Presence, PresenceEvent};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep, sleep_until};

/// Keys that have a socket, or had one less than the grace period ago.
struct Roster<K> {
    grace: Grace<K>,
    keys: BTreeSet<K>,
}

impl<K: Ord + Hash + Clone> Roster<K> {
    /// Applies the events whose grace is over. Returns whether there were any.
    fn settle(&mut self) -> bool {
        let mut changed = false;
        while let Some(event) = self.grace.poll(Instant::now().into_std()) {
            changed = true;
            match event {
                PresenceEvent::Online { key, .. } => drop(self.keys.insert(key)),
                PresenceEvent::Offline { key, .. } => drop(self.keys.remove(&key)),
                _ => {} // lagged: what was missed follows
            }
        }
        changed
    }
}

/// Calls `tell` with the keys that are online: now, and whenever they or the numbers of their
/// sockets may have changed, at most once per `pace`. A key that comes back within `grace` was
/// never away. The future never completes: spawn it.
///
/// ```
/// use std::time::Duration;
/// use socket_registry::Registry;
/// use tokio::sync::mpsc;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), socket_registry::RegisterError> {
/// let registry: Registry<&str> = Registry::new();
/// let (tell, mut told) = mpsc::unbounded_channel();
/// let (grace, pace) = (Duration::from_secs(2), Duration::from_millis(1));
/// let (presence, counts) = (registry.presence(), registry.watch_counts());
/// tokio::spawn(socket_registry_axum::follow_online(presence, counts, grace, pace, move |online| {
///     let _ = tell.send(online.len());
/// }));
/// assert_eq!(told.recv().await, Some(0));
/// let _ann = registry.register("ann")?;
/// while told.recv().await != Some(1) {}
/// # Ok(()) }
/// ```
pub async fn follow_online<K, M>(
    mut presence: Presence<K, M>,
    mut counts: CountsWatch<K, M>,
    grace: Duration,
    pace: Duration,
    mut tell: impl FnMut(&BTreeSet<K>),
) where
    K: Ord + Hash + Clone,
{
    let mut online = Roster { grace: Grace::new(grace), keys: BTreeSet::new() };
    // Half a list would be wrong. Once it is whole, what follows keeps it so.
    let mut whole = false;
    let mut changed = true;
    let mut free_at = Instant::now();
    loop {
        let next_at = online.grace.next_at();
        let grace_over = async {
            match next_at {
                Some(at) => sleep_until(at.into()).await,
                None => pending().await,
            }
        };
        tokio::select! {
            event = presence.next() => online.grace.push(event, Instant::now().into_std()),
            () = grace_over => {}
            () = counts.changed() => changed = true,
            () = sleep_until(free_at), if changed => {
                free_at = Instant::now() + pace;
                if whole {
                    changed = false;
                    tell(&online.keys);
                }
            }
        }
        changed |= online.settle();
        whole |= presence.is_caught_up();
        // A million events may come at the same time: let other tasks run.
        consume_budget().await;
    }
}

/// Calls `tell` with the number of keys that have a socket, whenever a socket came or went since
/// `counts` was made, at most once per `pace`. The future never completes: spawn it.
///
/// To show the number on every page, mark all their sockets in `tell`: however many come and go,
/// that is one walk over the sockets per `pace`.
///
/// ```
/// use std::time::Duration;
/// use socket_registry::Registry;
/// use socket_registry_axum::follow_count;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), socket_registry::RegisterError> {
/// let registry: Registry<&str> = Registry::new();
/// let users = registry.clone();
/// tokio::spawn(follow_count(registry.watch_counts(), Duration::from_millis(100), move |_count| {
///     users.mark_all();
/// }));
/// let mut ann = registry.register("ann")?;
/// let _bob = registry.register("bob")?;
/// assert!(ann.due().await.is_ok());
/// # Ok(()) }
/// ```
pub async fn follow_count<K, M>(mut counts: CountsWatch<K, M>, pace: Duration, mut tell: impl FnMut(usize)) {
    loop {
        counts.changed().await;
        tell(counts.key_count());
        sleep(pace).await;
    }
}

#[cfg(test)]
mod tests {
    use socket_registry::Registry;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_comes_before_the_first_turn_of_the_task_is_told_of() {
        let registry: Registry<&str> = Registry::new();
        let (tell, mut told) = unbounded_channel();
        let pace = Duration::from_millis(100);
        let following = follow_count(registry.watch_counts(), pace, move |count| {
            let _ = tell.send(count);
        });
        let _ann = registry.register("ann").expect("there is room");
        tokio::spawn(following);
        let next = async |told: &mut UnboundedReceiver<usize>| timeout(pace * 100, told.recv()).await;
        assert_eq!(next(&mut told).await, Ok(Some(1)));

        let start = Instant::now();
        let bob = registry.register("bob").expect("there is room");
        drop((bob, registry.register("cem")));
        assert_eq!(next(&mut told).await, Ok(Some(1)), "a page may have been told of 2 or 3 meanwhile");
        assert!(start.elapsed() >= pace, "{:?}", start.elapsed());
        next(&mut told).await.expect_err("nothing has changed");
    }
}
