//! This crate.

use super::{ById, Key, Peer, PeerSocket};
use socket_registry::{Builder, Registry, Socket, SocketId};

pub struct Ours<K>(Registry<K>);

impl<K: Key> Peer<K> for Ours<K> {
    const NAME: &'static str = "socket-registry";
    type Socket = Socket<K>;

    fn sized_for(sockets: usize) -> Self {
        // One key may have them all.
        let builder = Registry::builder().max_sockets_per_key(Builder::<K>::MAX_SOCKETS_PER_KEY);
        let builder = match sockets {
            0 => builder,
            // A limit with some headroom, as anybody sets one: at the limit, a registration looks
            // for the last permits in every shard.
            _ => builder.max_sockets(sockets + sockets / 16 + 64),
        };
        Self(builder.build().expect("a valid size"))
    }

    fn register(&'static self, key: K) -> Socket<K> {
        self.0.register(key).expect("room for the socket")
    }

    fn take_over(&'static self, key: K) -> Socket<K> {
        self.0.register_taking_over(key, ()).expect("room for the socket")
    }

    fn mark(&self, key: &K) -> usize {
        self.0.mark(key)
    }

    fn mark_many(&self, keys: &[K]) -> usize {
        self.0.mark_many(keys)
    }

    fn mark_all(&self) -> usize {
        self.0.mark_all()
    }

    fn is_active(&self, key: &K) -> bool {
        self.0.is_active(key)
    }

    fn key_count(&self) -> usize {
        self.0.key_count()
    }

    fn socket_count(&self) -> usize {
        self.0.socket_count()
    }

    fn for_each(&self, mut visit: impl FnMut(&K)) {
        self.0.for_each(|socket| visit(socket.key()));
    }
}

impl<K: Key> ById<K> for Ours<K> {
    type Id = SocketId;

    fn id(socket: &Socket<K>) -> SocketId {
        socket.id()
    }

    fn mark_id(&self, id: SocketId) -> bool {
        self.0.mark_socket(id)
    }
}

impl<K: Key> PeerSocket for Socket<K> {
    fn take(&mut self) -> bool {
        !self.take_due().is_empty()
    }

    async fn due(&mut self) {
        Socket::due(self).await.expect("nobody closes the registry");
    }
}
