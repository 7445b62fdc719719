//! What others would build a registry of sockets from, behind one trait, with the semantics of
//! ours: many sockets per key, a mark wakes the task that waits, and a handle removes exactly its
//! own socket.
//!
//! Every map hashes with `ahash`, as we do: what is compared is the structure, not the hasher.
//!
//! | peer | what it is |
//! |---|---|
//! | [`SocketManager`] | the original's design: one mutex, a bool in the map, polled. It wakes no task |
//! | [`ShardedMutex`], [`DashMapNotify`] | what most people would write: an `Arc` with a bool and a `Notify` per socket |
//! | [`RwLocked`], [`Scc`], [`Papaya`] | the same socket in another map |
//! | [`DashMapWatch`] | a `tokio::sync::watch` channel per socket |
//! | [`Expert`] | the strongest that we could write from kept parts: due word and waker inline in the map, no `Arc` |
//! | [`Boxed`] | the same cell behind an `Arc`: dearer to mark and to register, cheaper to take and to wait |
//! | [`ShardedSlab`] | sockets in a slab, found by id; a map from the key to its ids |

mod boxed;
mod cell;
mod dashmap_notify;
mod dashmap_watch;
mod expert;
mod key;
mod notified;
mod ours;
mod papaya;
mod rwlock;
mod scc;
mod sharded_mutex;
mod sharded_slab;
mod socket_map;
mod socketmanager;

pub use self::{
    boxed::Boxed, dashmap_notify::DashMapNotify, dashmap_watch::DashMapWatch, expert::Expert, key::Key, ours::Ours,
    papaya::Papaya, rwlock::RwLocked, scc::Scc, sharded_mutex::ShardedMutex, sharded_slab::ShardedSlab,
    socketmanager::SocketManager,
};

/// A registry of sockets.
///
/// Sockets hold a `&'static` to it, as in a server that keeps its registry in a static: a counted
/// reference would charge every peer for an atomic that is no part of its design.
pub trait Peer<K: Key>: Send + Sync + Sized + 'static {
    /// How tables and plots call it.
    const NAME: &'static str;
    /// Whether a mark wakes a waiting task. If not, `due` polls once a second.
    const WAKES: bool = true;

    /// The owner's end of one registration; dropping it removes this registration and no other.
    type Socket: PeerSocket;

    /// With room for so many sockets from the start; 0 is the default size.
    fn sized_for(sockets: usize) -> Self;
    fn register(&'static self, key: K) -> Self::Socket;
    /// Registers a socket in place of all others of the key: marks reach only the new one, and the
    /// others' owners remove nothing any more.
    fn take_over(&'static self, key: K) -> Self::Socket;
    /// Marks all sockets of the key as due, and says how many they are.
    fn mark(&self, key: &K) -> usize;
    fn mark_many(&self, keys: &[K]) -> usize {
        keys.iter().map(|key| self.mark(key)).sum()
    }
    fn mark_all(&self) -> usize;
    fn is_active(&self, key: &K) -> bool;
    fn key_count(&self) -> usize;
    fn socket_count(&self) -> usize;
    /// Visits every socket with its key.
    fn for_each(&self, visit: impl FnMut(&K));
}

/// What a connection's task holds.
pub trait PeerSocket: Send + 'static {
    /// Reads and clears the due mark.
    fn take(&mut self) -> bool;
    /// Waits until the socket is due, and takes the mark. Cancel safe.
    fn due(&mut self) -> impl Future<Output = ()> + Send;
}

/// A registry whose sockets can also be marked by an id, without their key.
pub trait ById<K: Key>: Peer<K> {
    type Id: Copy + Send + Sync + 'static;

    fn id(socket: &Self::Socket) -> Self::Id;
    /// Marks one socket; false when it is gone.
    fn mark_id(&self, id: Self::Id) -> bool;
}

/// The hasher of every map here.
type Hasher = ahash::RandomState;
