//! Whom to mark.

use crate::cli::Draw;

/// SplitMix64: repeatable, and good enough to draw users.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// In `0.0..1.0`.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Draws from so many users.
pub(crate) enum Lot {
    Uniform(usize),
    /// The sum of the weights up to each rank.
    Zipf(Vec<f64>),
}

impl Lot {
    pub(crate) fn new(draw: Draw, users: usize) -> Self {
        match draw {
            Draw::Uniform => Self::Uniform(users),
            Draw::Zipf => {
                let mut sum = 0.0;
                let weigh = |rank| {
                    sum += 1.0 / rank as f64;
                    sum
                };
                Self::Zipf((1..=users).map(weigh).collect())
            }
        }
    }

    pub(crate) fn draw(&self, random: &mut Random) -> usize {
        match self {
            Self::Uniform(users) => random.below(*users),
            Self::Zipf(sums) => {
                let total = sums.last().copied().unwrap_or_default();
                let at = random.unit() * total;
                sums.partition_point(|&sum| sum <= at).min(sums.len() - 1)
            }
        }
    }
}
