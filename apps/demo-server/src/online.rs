//! Who is online, as a list that follows by itself.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::future::pending;
use std::hash::Hash;
use std::time::Duration;

use serde::Serialize;
use socket_registry::{Grace, Presence, PresenceEvent};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep_until};

/// The first in order, and of those no more than fit into so many bytes: nobody reads a longer list.
const MAX_IDS: usize = 50;
const MAX_BYTES: usize = 4 << 10;

/// Who has a socket, or had one less than the grace period ago.
struct Online<K> {
    grace: Grace<K>,
    ids: BTreeSet<K>,
}

impl<K: Ord + Hash + Clone + Serialize> Online<K> {
    /// Follows what may be told by now; whether anything may.
    fn settle(&mut self) -> bool {
        let mut changed = false;
        while let Some(event) = self.grace.poll(Instant::now().into_std()) {
            changed = true;
            match event {
                PresenceEvent::Online { key: id, .. } => drop(self.ids.insert(id)),
                PresenceEvent::Offline { key: id, .. } => drop(self.ids.remove(&id)),
                _ => {} // lagged: what is missing follows
            }
        }
        changed
    }

    /// `{"online":{"count":N,"ids":[..]}}`
    fn text(&self) -> String {
        let mut ids = String::new();
        for id in self.ids.iter().take(MAX_IDS) {
            let Ok(id) = serde_json::to_string(id) else { continue };
            if ids.len() + id.len() > MAX_BYTES {
                break;
            }
            let comma = if ids.is_empty() { "" } else { "," };
            let _ = write!(ids, "{comma}{id}"); // into a string, which takes everything
        }
        format!(r#"{{"online":{{"count":{},"ids":[{ids}]}}}}"#, self.ids.len())
    }
}

/// Tells who is online, now and whenever that changed, at most once per `pace`. Who comes back within `grace` was never away.
pub async fn follow<K, M>(mut presence: Presence<K, M>, grace: Duration, pace: Duration, mut tell: impl FnMut(String))
where
    K: Ord + Hash + Clone + Serialize,
{
    let mut online = Online { grace: Grace::new(grace), ids: BTreeSet::new() };
    let mut told = String::new();
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
            () = sleep_until(free_at), if changed => {
                free_at = Instant::now() + pace;
                if whole {
                    changed = false;
                    let text = online.text();
                    if text != told {
                        told.clone_from(&text);
                        tell(text);
                    }
                }
            }
        }
        changed |= online.settle();
        whole |= presence.is_caught_up();
        // A million may come at once, and others have work to do as well.
        consume_budget().await;
    }
}
