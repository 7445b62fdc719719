//! The contestants: each peer as a list of what can be done with it, so that a report can go
//! through them.

use super::{
    armed::{Armed, Tasks},
    disconnect::disconnect,
    growth::grow,
    memory::{self, Footprints, Phase},
    operations::Stand,
    peers::{
        Boxed, ById, DashMapNotify, DashMapWatch, Expert, Key, Ours, Papaya, Peer, RwLocked, Scc, ShardedMutex,
        ShardedSlab, SocketManager,
    },
    population::Population,
    served::Served,
    timing::{Latencies, Sample},
    wake::{self, Idle, Plan, Wakes},
    workload::Workload,
};
use uuid::Uuid;

/// A round on a contestant that is there for one subject only.
pub type Round<K> = Box<dyn FnMut(&Workload<K>) -> Sample>;

pub struct Entrant<K> {
    pub name: &'static str,
    pub wakes: bool,
    pub populate: fn(&Workload<K>) -> Box<dyn Stand<K>>,
    pub arm: fn(&Workload<K>) -> Box<dyn Tasks<K>>,
    pub serve: fn(&Workload<K>) -> Round<K>,
    pub grow: fn(usize) -> Latencies,
    pub disconnect: fn(usize) -> Latencies,
    pub wake: fn(Plan) -> Wakes,
    pub idle: fn(usize) -> Idle,
    pub memory: fn(Phase, usize) -> Footprints,
}

impl<K: Key> Entrant<K> {
    fn new<P: Peer<K>>() -> Self {
        Self {
            name: P::NAME,
            wakes: P::WAKES,
            populate: |work| Box::new(Population::<K, P>::new(work)),
            arm: |work| Box::new(Armed::<K, P>::new(work.sockets(), work.keys.iter().cloned())),
            serve: |work| {
                let mut served = Served::<K, P>::new(work);
                Box::new(move |work| served.update(work))
            },
            grow: grow::<K, P>,
            disconnect: disconnect::<K, P>,
            wake: wake::wake::<K, P>,
            idle: wake::idle::<K, P>,
            memory: memory::measure::<K, P>,
        }
    }

    /// Ours first.
    fn compiled() -> Vec<Self> {
        vec![
            Self::new::<Ours<K>>(),
            Self::new::<Expert<K>>(),
            Self::new::<Boxed<K>>(),
            Self::new::<ShardedMutex<K>>(),
            Self::new::<DashMapNotify<K>>(),
            Self::new::<DashMapWatch<K>>(),
            Self::new::<ShardedSlab<K>>(),
            Self::new::<Papaya<K>>(),
            Self::new::<Scc<K>>(),
            Self::new::<RwLocked<K>>(),
            Self::new::<SocketManager<K>>(),
        ]
    }
}

/// A key that the contestants are compiled for: here and once, not again in each benchmark.
pub trait Contested: Key {
    fn entrants() -> Vec<Entrant<Self>>;
}

macro_rules! contested {
    ($($key:ty),*) => {$(
        impl Contested for $key {
            fn entrants() -> Vec<Entrant<Self>> {
                Entrant::compiled()
            }
        }
    )*};
}

contested!(u64, Uuid, String);

impl<K: Contested> Entrant<K> {
    pub fn all() -> Vec<Self> {
        K::entrants()
    }

    /// Those whose marks wake.
    pub fn waking() -> Vec<Self> {
        Self::all().into_iter().filter(|entrant| entrant.wakes).collect()
    }

    /// Those in which one key can have a hundred thousand sockets: papaya copies the key's list for
    /// each of them.
    pub fn crowdable() -> Vec<Self> {
        Self::all().into_iter().filter(|entrant| entrant.name != <Papaya<K> as Peer<K>>::NAME).collect()
    }
}

/// Those that mark by id.
pub fn by_id(work: &Workload<u64>) -> Vec<(&'static str, Round<u64>)> {
    fn round<P: ById<u64>>(work: &Workload<u64>) -> (&'static str, Round<u64>) {
        let mut population = Population::<u64, P>::new(work);
        (P::NAME, Box::new(move |work| population.mark_by_id(work, 1)))
    }
    vec![round::<Ours<u64>>(work), round::<ShardedSlab<u64>>(work)]
}
