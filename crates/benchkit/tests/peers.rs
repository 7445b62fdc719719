//! The peers of the benchmarks do what our registry does: nothing is timed that is not right.

use benchkit::peers::{
    Boxed, ById, DashMapNotify, DashMapWatch, Expert, Key, Ours, Papaya, Peer, PeerSocket, RwLocked, Scc, ShardedMutex,
    ShardedSlab, SocketManager,
};
use std::{
    any::Any,
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
};
use uuid::Uuid;

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Leaked, because sockets hold a `&'static`; and kept in sight, so that this is not taken for a
/// leak of a peer's.
fn registry<K: Key, P: Peer<K>>() -> &'static P {
    static KEPT: Mutex<Vec<&'static (dyn Any + Send + Sync)>> = Mutex::new(Vec::new());
    let registry = Box::leak(Box::new(P::sized_for(0)));
    KEPT.lock().unwrap().push(registry);
    registry
}

fn marks_reach_every_socket_of_the_key_once<K: Key, P: Peer<K>>() {
    let registry = registry::<K, P>();
    let (key, other, absent) = (K::nth(1), K::nth(2), K::nth(3));
    let mut sockets: Vec<_> = (0..3).map(|_| registry.register(key.clone())).collect();
    let mut bystander = registry.register(other.clone());

    assert_eq!(registry.mark(&key), 3);
    assert_eq!(registry.mark(&key), 3, "what is already due is still reached");
    assert_eq!(registry.mark(&absent), 0);
    assert!(sockets.iter_mut().all(PeerSocket::take));
    assert!(!sockets.iter_mut().any(PeerSocket::take), "a take clears, and marks coalesce");
    assert!(!bystander.take());

    assert_eq!(registry.mark_many(&[key, absent, other]), 4);
    assert!(sockets.iter_mut().all(PeerSocket::take) && bystander.take());
    assert_eq!(registry.mark_all(), 4);
    assert!(sockets.iter_mut().all(PeerSocket::take) && bystander.take());
}

fn a_socket_removes_itself_and_no_other<K: Key, P: Peer<K>>() {
    let registry = registry::<K, P>();
    let key = K::nth(1);
    for leaves in 0..3 {
        let mut sockets: Vec<_> = (0..3).map(|_| registry.register(key.clone())).collect();
        drop(sockets.remove(leaves));
        assert_eq!(registry.mark(&key), 2);
        assert!(sockets.iter_mut().all(PeerSocket::take), "socket {leaves} of 3 took another one with it");
        drop(sockets);
        assert!(!registry.is_active(&key));
        assert_eq!(registry.mark(&key), 0);
    }
}

fn a_takeover_replaces_the_others<K: Key, P: Peer<K>>() {
    let registry = registry::<K, P>();
    let key = K::nth(1);
    let before: Vec<_> = (0..2).map(|_| registry.register(key.clone())).collect();
    let mut socket = registry.take_over(key.clone());
    assert_eq!(registry.mark(&key), 1);
    assert!(socket.take());
    drop(before);
    assert_eq!((registry.mark(&key), registry.socket_count()), (1, 1), "the others took the new one with them");
    assert!(socket.take());
    let last = registry.take_over(K::nth(2));
    assert_eq!(registry.mark(&K::nth(2)), 1, "nobody to take over from");
    drop((socket, last));
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
}

fn counts_and_walks_agree<K: Key, P: Peer<K>>() {
    let registry = registry::<K, P>();
    let mut sockets: Vec<_> = (0..1000).map(|n| registry.register(K::nth(n / 2))).collect();
    let count = || {
        let mut seen = HashMap::<K, usize>::new();
        registry.for_each(|key| *seen.entry(key.clone()).or_default() += 1);
        assert_eq!(registry.key_count(), seen.len());
        assert_eq!(registry.socket_count(), seen.values().sum::<usize>());
        (registry.key_count(), registry.socket_count())
    };
    assert_eq!(count(), (500, 1000));
    sockets.truncate(501);
    assert_eq!(count(), (251, 501));
    assert!(registry.is_active(&K::nth(250)) && !registry.is_active(&K::nth(251)));
    sockets.clear();
    assert_eq!(count(), (0, 0));
}

fn a_mark_wakes_who_waits<K: Key, P: Peer<K>>() {
    let registry = registry::<K, P>();
    let key = K::nth(1);
    let mut socket = registry.register(key.clone());
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut cx = Context::from_waker(&waker);

    registry.mark(&key);
    assert_eq!(pin!(socket.due()).poll(&mut cx), Poll::Ready(()), "marked before the wait");
    for round in 1..=3 {
        let mut due = pin!(socket.due());
        assert_eq!(due.as_mut().poll(&mut cx), Poll::Pending);
        registry.mark(&key);
        registry.mark(&key);
        assert_eq!(wakes.count(), round, "marked during the wait, twice");
        assert_eq!(due.as_mut().poll(&mut cx), Poll::Ready(()));
    }
    {
        let mut dropped = pin!(socket.due());
        assert_eq!(dropped.as_mut().poll(&mut cx), Poll::Pending);
        registry.mark(&key);
    }
    assert_eq!(pin!(socket.due()).poll(&mut cx), Poll::Ready(()), "marked, and the wait dropped");
}

/// Sockets of the same keys come and go on two threads, while a third one marks. Every thread keeps
/// one socket per key throughout, and that one must get a mark of the last round.
fn survives_churn<K: Key, P: Peer<K>>() {
    const KEYS: u64 = 8;
    let registry = registry::<K, P>();
    let churning = AtomicBool::new(true);
    let kept: Vec<_> = thread::scope(|scope| {
        let churn = || {
            let kept: Vec<_> = (0..KEYS).map(|n| registry.register(K::nth(n))).collect();
            for n in 0..2000 {
                drop(registry.register(K::nth(n % KEYS)));
            }
            kept
        };
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(churn)).collect();
        scope.spawn(|| {
            while churning.load(Ordering::Relaxed) {
                (0..KEYS).for_each(|n| {
                    registry.mark(&K::nth(n));
                });
            }
        });
        let kept = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        churning.store(false, Ordering::Relaxed);
        kept
    });
    let mut kept = kept;
    kept.iter_mut().for_each(|socket| {
        socket.take();
    });
    assert_eq!((0..KEYS).map(|n| registry.mark(&K::nth(n))).sum::<usize>(), kept.len());
    assert!(kept.iter_mut().all(PeerSocket::take));
    drop(kept);
    assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
}

fn ids_name_one_socket<K: Key, P: ById<K>>() {
    let registry = registry::<K, P>();
    let mut sockets: Vec<_> = (0..3).map(|_| registry.register(K::nth(1))).collect();
    let ids: Vec<_> = sockets.iter().map(P::id).collect();
    assert!(registry.mark_id(ids[1]));
    assert_eq!(sockets.iter_mut().map(PeerSocket::take).collect::<Vec<_>>(), [false, true, false]);
    drop(sockets.remove(1));
    assert!(!registry.mark_id(ids[1]));
    assert!(!sockets.iter_mut().any(PeerSocket::take));
}

macro_rules! same_semantics {
    ($($name:ident: $peer:ident;)*) => {$(
        #[test]
        fn $name() {
            fn check<K: Key>() {
                marks_reach_every_socket_of_the_key_once::<K, $peer<K>>();
                a_socket_removes_itself_and_no_other::<K, $peer<K>>();
                a_takeover_replaces_the_others::<K, $peer<K>>();
                counts_and_walks_agree::<K, $peer<K>>();
                survives_churn::<K, $peer<K>>();
                if <$peer<K> as Peer<K>>::WAKES {
                    a_mark_wakes_who_waits::<K, $peer<K>>();
                }
            }
            check::<u64>();
            check::<Uuid>();
            check::<String>();
        }
    )*};
}

same_semantics! {
    ours: Ours;
    socketmanager: SocketManager;
    sharded_mutex: ShardedMutex;
    dashmap_notify: DashMapNotify;
    dashmap_watch: DashMapWatch;
    expert: Expert;
    boxed: Boxed;
    papaya: Papaya;
    scc: Scc;
    rwlock: RwLocked;
    sharded_slab: ShardedSlab;
}

#[test]
fn by_our_id() {
    ids_name_one_socket::<u64, Ours<u64>>();
}

#[test]
fn by_id_in_a_slab() {
    ids_name_one_socket::<u64, ShardedSlab<u64>>();
}

/// The polled peer gets there too, a second later.
#[tokio::test]
async fn polling_finds_the_mark() {
    let registry = registry::<u64, SocketManager<u64>>();
    let mut socket = registry.register(1);
    let waiting = tokio::spawn(async move { socket.due().await });
    tokio::task::yield_now().await;
    registry.mark(&1);
    waiting.await.unwrap();
}
