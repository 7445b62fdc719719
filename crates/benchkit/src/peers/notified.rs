//! What most people would write: an `Arc` with a bool and a `Notify` per socket, and a list of them
//! per key. The maps differ, so a peer of this kind is only its map.

use super::{Key, Peer, PeerSocket};
use smallvec::SmallVec;
use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Notify;

/// What the map and the owner share of one socket.
#[derive(Default)]
pub struct Bell {
    due: AtomicBool,
    notify: Notify,
}

impl Bell {
    fn ring(&self) {
        if !self.due.swap(true, Ordering::AcqRel) {
            self.notify.notify_one();
        }
    }

    fn take(&self) -> bool {
        self.due.swap(false, Ordering::AcqRel)
    }
}

/// The sockets of one key; most keys have one.
pub(super) type Bells = SmallVec<[Arc<Bell>; 1]>;

/// Takes the bell out of its list, and says whether the list is empty now.
pub(super) fn unhang(bells: &mut Bells, bell: &Arc<Bell>) -> bool {
    if let Some(at) = bells.iter().position(|other| Arc::ptr_eq(other, bell)) {
        bells.swap_remove(at);
    }
    bells.is_empty()
}

/// A concurrent map from keys to lists of bells.
pub trait BellMap<K: Key>: Send + Sync + Sized + 'static {
    const NAME: &'static str;

    fn with_capacity(keys: usize) -> Self;
    fn add(&self, key: K, bell: Arc<Bell>);
    /// Puts a list in the place of the key's.
    fn replace(&self, key: K, bells: Bells);
    /// Removes the bell, and the key with its last one.
    fn remove(&self, key: &K, bell: &Arc<Bell>);
    fn read<R>(&self, key: &K, look: impl FnOnce(&Bells) -> R) -> Option<R>;
    fn walk(&self, visit: impl FnMut(&K, &Bells));
    fn keys(&self) -> usize;
}

pub struct Notified<K, M> {
    map: M,
    keys: PhantomData<fn(K)>,
}

pub struct NotifiedSocket<K: Key, M: BellMap<K>> {
    map: &'static M,
    key: K,
    bell: Arc<Bell>,
}

impl<K: Key, M: BellMap<K>> Peer<K> for Notified<K, M> {
    const NAME: &'static str = M::NAME;
    type Socket = NotifiedSocket<K, M>;

    fn sized_for(sockets: usize) -> Self {
        Self { map: M::with_capacity(sockets), keys: PhantomData }
    }

    fn register(&'static self, key: K) -> Self::Socket {
        let bell = Arc::new(Bell::default());
        self.map.add(key.clone(), bell.clone());
        NotifiedSocket { map: &self.map, key, bell }
    }

    fn take_over(&'static self, key: K) -> Self::Socket {
        let bell = Arc::new(Bell::default());
        self.map.replace(key.clone(), Bells::from_elem(bell.clone(), 1));
        NotifiedSocket { map: &self.map, key, bell }
    }

    fn mark(&self, key: &K) -> usize {
        let ring = |bells: &Bells| {
            bells.iter().for_each(|bell| bell.ring());
            bells.len()
        };
        self.map.read(key, ring).unwrap_or(0)
    }

    fn mark_all(&self) -> usize {
        let mut marked = 0;
        self.map.walk(|_, bells| {
            bells.iter().for_each(|bell| bell.ring());
            marked += bells.len();
        });
        marked
    }

    fn is_active(&self, key: &K) -> bool {
        self.map.read(key, |_| ()).is_some()
    }

    fn key_count(&self) -> usize {
        self.map.keys()
    }

    fn socket_count(&self) -> usize {
        let mut sockets = 0;
        self.map.walk(|_, bells| sockets += bells.len());
        sockets
    }

    fn for_each(&self, mut visit: impl FnMut(&K)) {
        self.map.walk(|key, bells| bells.iter().for_each(|_| visit(key)));
    }
}

impl<K: Key, M: BellMap<K>> PeerSocket for NotifiedSocket<K, M> {
    fn take(&mut self) -> bool {
        self.bell.take()
    }

    async fn due(&mut self) {
        while !self.bell.take() {
            self.bell.notify.notified().await;
        }
    }
}

impl<K: Key, M: BellMap<K>> Drop for NotifiedSocket<K, M> {
    fn drop(&mut self) {
        self.map.remove(&self.key, &self.bell);
    }
}
