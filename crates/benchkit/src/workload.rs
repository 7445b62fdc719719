//! What is done to the contestants, drawn once and the same for all of them.

use super::peers::Key;

/// Operations per round: more keys than fit into an L2 cache, so that they come as a server's do,
/// from memory.
pub const DRAWS: usize = 1 << 18;

/// A round that only shows that it works.
pub const FEW_DRAWS: usize = 1 << 10;

/// Registrations cost more than marks, and must be undone: a round has fewer.
const DRAWS_PER_CHURN: usize = 16;

/// The skew of YCSB, often used for what people look at.
const ZIPF: f64 = 0.99;

/// SplitMix64: repeatable, and good enough to draw keys.
pub struct Random(pub u64);

impl Random {
    fn draw(&mut self) -> u64 {
        self.0 += 1;
        u64::nth(self.0)
    }

    /// Below the bound; the bias is far below what could be measured.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.draw()) * bound as u128) >> 64) as usize
    }

    /// In `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Keys to mark, and whose they are.
pub struct Draws<K> {
    pub positions: Vec<usize>,
    pub keys: Vec<K>,
}

impl<K: Key> Draws<K> {
    /// The keys are cloned in the order of their use, so that strings are read in the order of
    /// memory.
    fn new(keys: &[K], draws: usize, mut draw: impl FnMut() -> usize) -> Self {
        let positions: Vec<_> = (0..draws).map(|_| draw()).collect();
        let keys = positions.iter().map(|&at| keys[at].clone()).collect();
        Self { positions, keys }
    }
}

/// A population and what happens to it.
pub struct Workload<K> {
    /// Whose sockets are there.
    pub keys: Vec<K>,
    /// In which order they came: not that of `keys`, so that a walk over the sockets is not one
    /// over the heap.
    pub arrival: Vec<usize>,
    pub uniform: Draws<K>,
    pub zipf: Draws<K>,
    /// Each socket before any of them again.
    pub in_turn: Draws<K>,
    /// Keys that are not there.
    pub fresh: Vec<K>,
}

impl<K: Key> Workload<K> {
    /// One socket for each of so many keys.
    pub fn distinct(sockets: usize, draws: usize) -> Self {
        let keys: Vec<_> = (0..sockets as u64).map(K::nth).collect();
        let fresh = (0..sockets.min(draws / DRAWS_PER_CHURN)).map(|n| K::nth((sockets + n) as u64)).collect();
        Self::new(keys, fresh, draws)
    }

    /// So many sockets for one key. Few of them leave per round: with most peers, leaving costs a
    /// walk over all.
    pub fn crowd(sockets: usize, draws: usize) -> Self {
        Self::new(vec![K::nth(0); sockets], vec![K::nth(0); sockets.min(1000)], draws)
    }

    fn new(keys: Vec<K>, fresh: Vec<K>, draws: usize) -> Self {
        let mut random = Random(1);
        let mut arrival: Vec<_> = (0..keys.len()).collect();
        random.shuffle(&mut arrival);
        let uniform = Draws::new(&keys, draws, || random.below(keys.len()));
        let zipf = Zipf::new(keys.len());
        // Positions are in no order that a table or the heap knows, so a rank may serve as one.
        let zipf = Draws::new(&keys, draws, || zipf.rank(random.unit()));
        let mut order: Vec<_> = (0..keys.len()).collect();
        random.shuffle(&mut order);
        let mut turns = order.iter().copied().cycle();
        let in_turn = Draws::new(&keys, draws, || turns.next().expect("at least one socket"));
        Self { keys, arrival, uniform, zipf, in_turn, fresh }
    }

    /// How many operations make a round.
    pub fn draws(&self) -> usize {
        self.uniform.keys.len()
    }

    pub fn sockets(&self) -> usize {
        self.keys.len()
    }

    /// How often a round churns through `fresh`, so that small populations give long enough rounds.
    pub fn churns(&self) -> usize {
        (self.draws() / DRAWS_PER_CHURN / self.sockets()).max(1)
    }
}

/// Ranks with probabilities falling as `1 / rank^0.99`.
struct Zipf {
    cumulated: Vec<f64>,
}

impl Zipf {
    fn new(ranks: usize) -> Self {
        let mut sum = 0.0;
        let weigh = |rank| {
            sum += (rank as f64).powf(-ZIPF);
            sum
        };
        Self { cumulated: (1..=ranks).map(weigh).collect() }
    }

    fn rank(&self, unit: f64) -> usize {
        let total = self.cumulated.last().expect("at least one rank");
        self.cumulated.partition_point(|&sum| sum <= unit * total).min(self.cumulated.len() - 1)
    }
}
