//! What a node does to its own sockets.

use crate::engine::Lanes;
use crate::key::{ClusterKey, lane_of};
use futures_util::future::BoxFuture;
use socket_registry::{CloseReason, Presence, Registry, SocketRef, Topics};
use std::marker::PhantomData;
use std::time::Duration;

/// How many changes of the registry's presence may wait for the driver.
const PRESENCE_ROOM: u32 = 16_384;
/// The least code of a close reason.
const FIRST_CODE: u16 = 4000;
/// The shortest step of a walk that is spread over a time.
const STEP: Duration = Duration::from_millis(10);

/// The sockets of a node, or none.
pub(crate) trait Local: Clone + Send + Sync + 'static {
    type Key: ClusterKey;
    type Metadata: Send + Sync + 'static;

    /// The registry, if the node has sockets.
    fn registry(&self) -> Option<&Registry<Self::Key, Self::Metadata>>;

    fn mark(&self, keys: &[Self::Key], topics: u32) -> usize {
        self.registry().map_or(0, |registry| registry.mark_many_topics(keys, Topics::from_bits(topics)))
    }

    fn disconnect(&self, key: &Self::Key, reason: CloseReason) {
        self.registry().map(|registry| registry.disconnect(key, reason));
    }

    fn supersede(&self, key: &Self::Key) {
        self.registry().map(|registry| registry.supersede(key));
    }

    fn counts(&self) -> (u64, u64) {
        self.registry().map_or((0, 0), |registry| (registry.key_count() as u64, registry.socket_count() as u64))
    }

    fn presence(&self) -> Option<Presence<Self::Key, Self::Metadata>> {
        self.registry().map(|registry| registry.presence_with_capacity(PRESENCE_ROOM))
    }

    /// Marks every socket, spread over `spread`.
    fn mark_all(&self, topics: u32, spread: Duration) -> BoxFuture<'static, ()> {
        let local = self.clone();
        Box::pin(async move {
            let Some(registry) = local.registry() else { return };
            let batch = batch(registry.socket_count(), spread);
            walk(registry.mark_gradually(Topics::from_bits(topics), batch)).await;
        })
    }

    /// Makes every topic due for every socket of these lanes, spread over `spread`. Sockets that
    /// register after the call need none of it: without any now, nothing is to be done, so that a
    /// listener which opens when the node has joined meets no repair.
    fn repair(&self, lanes: Lanes, count: u16, spread: Duration) -> BoxFuture<'static, ()> {
        let local = self.clone();
        let sockets = self.registry().map_or(0, Registry::socket_count);
        Box::pin(async move {
            let Some(registry) = local.registry().filter(|_| sockets != 0) else { return };
            let batch = batch(sockets, spread);
            let mut bytes = Vec::new();
            let select = move |socket: SocketRef<'_, Self::Key, Self::Metadata>| {
                bytes.clear();
                socket.key().write(&mut bytes);
                lanes.contains(lane_of(&bytes, count))
            };
            walk(registry.mark_where_gradually(select, Topics::ALL, batch)).await;
        })
    }
}

/// A node with sockets.
impl<K: ClusterKey, M: Send + Sync + 'static> Local for Registry<K, M> {
    type Key = K;
    type Metadata = M;

    fn registry(&self) -> Option<&Registry<K, M>> {
        Some(self)
    }
}

/// A node without sockets.
pub(crate) struct NoSockets<K>(PhantomData<fn() -> K>);

impl<K> NoSockets<K> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<K> Clone for NoSockets<K> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<K: ClusterKey> Local for NoSockets<K> {
    type Key = K;
    type Metadata = ();

    fn registry(&self) -> Option<&Registry<K>> {
        None
    }
}

/// A reason as it travels: its code less 4,000. One from 4,256 on travels as `LOGGED_OUT`.
pub(crate) fn reason_to_wire(reason: CloseReason) -> u8 {
    let or_logged_out = |code: u16| u8::try_from(code - FIRST_CODE).ok();
    or_logged_out(reason.code()).or_else(|| or_logged_out(CloseReason::LOGGED_OUT.code())).unwrap_or_default()
}

pub(crate) fn reason_from_wire(reason: u8) -> Option<CloseReason> {
    CloseReason::new(FIRST_CODE + u16::from(reason))
}

/// How many of the sockets a step has to reach.
fn batch(sockets: usize, spread: Duration) -> usize {
    let steps = usize::try_from(spread.as_millis() / STEP.as_millis()).unwrap_or(usize::MAX);
    sockets.div_ceil(steps.max(1))
}

async fn walk(steps: impl Iterator<Item = usize>) {
    for _ in steps {
        tokio::time::sleep(STEP).await;
    }
}

#[cfg(test)]
mod tests {
    use super::Local;
    use crate::engine::Lanes;
    use crate::key::{ClusterKey, lane_of};
    use socket_registry::{Registry, Topics};
    use std::time::Duration;
    use tokio::time::Instant;

    const LANES: u16 = 2;
    const SPREAD: Duration = Duration::from_secs(2);

    fn lane(lane: u16) -> Lanes {
        let mut lanes = Lanes::none(LANES);
        lanes.insert(lane);
        lanes
    }

    /// As a listener does that opens when the node has joined, while the driver has other things to
    /// do first.
    #[tokio::test(start_paused = true)]
    async fn sockets_that_register_after_the_call_meet_no_repair() {
        let registry = Registry::<u64>::new();
        let repairs = [0, 1].map(|number| registry.repair(lane(number), LANES, SPREAD));
        let sockets = Vec::from_iter((0..100).map(|user| registry.register(user).unwrap()));
        for repair in repairs {
            repair.await;
        }
        let due = sockets.iter().filter(|socket| !socket.peek_due().is_empty()).count();
        assert_eq!(due, 0, "they have nothing to repair");
    }

    #[tokio::test(start_paused = true)]
    async fn a_repair_is_of_its_lanes_and_takes_its_time() {
        let registry = Registry::<u64>::new();
        let sockets = Vec::from_iter((0..1_000).map(|user| registry.register(user).unwrap()));
        let begin = Instant::now();
        registry.repair(lane(1), LANES, SPREAD).await;
        let took = begin.elapsed();
        assert!((SPREAD / 2..=SPREAD * 3 / 2).contains(&took), "{took:?}");
        for socket in sockets {
            let mut bytes = Vec::new();
            socket.key().write(&mut bytes);
            let expected = if lane_of(&bytes, LANES) == 1 { Topics::ALL } else { Topics::EMPTY };
            assert_eq!(socket.take_due(), expected);
        }
    }
}
