//! The contestants: each peer as a list of what can be done with it, so that a report can go through them.

use super::{
    armed::Armed,
    disconnect::disconnect,
    growth::grow,
    memory::{self, Footprints, Phase},
    operations::Stand,
    peers::{
        ById, DashMapNotify, DashMapWatch, Expert, Key, Ours, Papaya, Peer, RwLocked, Scc, ShardedMutex, ShardedSlab,
        SocketManager,
    },
    population::Population,
    timing::{Latencies, Sample},
    wake::{self, Idle, Plan, Wakes},
    workload::Workload,
};

/// A round on a contestant that is there for one subject only.
pub type Round<K> = Box<dyn FnMut(&Workload<K>) -> Sample>;

pub struct Entrant<K> {
    pub name: &'static str,
    pub wakes: bool,
    pub populate: fn(&Workload<K>) -> Box<dyn Stand<K>>,
    pub arm: fn(&Workload<K>) -> Round<K>,
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
            arm: |work| {
                let mut armed = Armed::<K, P>::new(work.sockets(), work.keys.iter().cloned());
                Box::new(move |work| armed.mark(work))
            },
            grow: grow::<K, P>,
            disconnect: disconnect::<K, P>,
            wake: wake::wake::<K, P>,
            idle: wake::idle::<K, P>,
            memory: memory::measure::<K, P>,
        }
    }

    /// Ours first.
    pub fn all() -> Vec<Self> {
        vec![
            Self::new::<Ours<K>>(),
            Self::new::<Expert<K>>(),
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

    /// Those whose marks wake.
    pub fn waking() -> Vec<Self> {
        Self::all().into_iter().filter(|entrant| entrant.wakes).collect()
    }

    /// Those in which one key can have a hundred thousand sockets: papaya copies the key's list for each of them.
    pub fn crowdable() -> Vec<Self> {
        Self::all().into_iter().filter(|entrant| entrant.name != <Papaya<K> as Peer<K>>::NAME).collect()
    }
}

/// Those that mark by id.
pub fn by_id<K: Key>(work: &Workload<K>) -> Vec<(&'static str, Round<K>)> {
    fn round<K: Key, P: ById<K>>(work: &Workload<K>) -> (&'static str, Round<K>) {
        let mut population = Population::<K, P>::new(work);
        (P::NAME, Box::new(move |work| population.mark_by_id(work, 1)))
    }
    vec![round::<K, Ours<K>>(work), round::<K, ShardedSlab<K>>(work)]
}
