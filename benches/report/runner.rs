//! Interleaved rounds, and progress while they run.

use crate::results::{Case, LIMIT, Results, Row, Unit};
use std::time::{Duration, Instant};

/// For one contestant in one subject: some tables degenerate, and would keep all others waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// One figure that a round gives, and how the rounds' figures become one.
#[derive(Clone, Copy)]
pub struct Metric {
    pub case: Case,
    pub unit: Unit,
    pub combine: fn(Vec<f64>) -> f64,
}

/// A name, and what runs one round and gives a figure per metric.
pub type Contestant<'a> = (&'static str, Box<dyn FnMut() -> Vec<f64> + 'a>);

pub struct Runner {
    rounds: usize,
    start: Instant,
    results: Results,
}

impl Runner {
    pub fn new(rounds: usize) -> Self {
        Self { rounds, start: Instant::now(), results: Results::default() }
    }

    pub fn progress(&self, what: &str) {
        eprintln!("[{:5.0} s] {what}", self.start.elapsed().as_secs_f64());
    }

    /// Times every contestant once per round; each round begins with the next one. Who has used up
    /// its time sits out.
    pub fn rounds(&mut self, contestants: &mut [Contestant]) -> Vec<(&'static str, Vec<Vec<f64>>)> {
        let mut figures: Vec<_> = contestants.iter().map(|(name, _)| (*name, Vec::new())).collect();
        let mut used = vec![Duration::ZERO; contestants.len()];
        for round in 0..self.rounds {
            for turn in 0..contestants.len() {
                let at = (round + turn) % contestants.len();
                if used[at] < PATIENCE {
                    let start = Instant::now();
                    figures[at].1.push(contestants[at].1());
                    used[at] += start.elapsed();
                }
            }
        }
        figures
    }

    /// Runs the rounds and keeps a row per metric.
    pub fn contest(&mut self, metrics: &[Metric], mut contestants: Vec<Contestant>) {
        let Case { subject, keys, sockets, threads } = metrics[0].case;
        self.progress(&format!("{subject}: {keys}, {sockets} sockets, {threads} threads"));
        let figures = self.rounds(&mut contestants);
        self.keep(metrics, &figures);
    }

    /// Columns of the figures are metrics, in order; further columns are left out.
    pub fn keep(&mut self, metrics: &[Metric], figures: &[(&'static str, Vec<Vec<f64>>)]) {
        for (column, Metric { case, unit, combine }) in metrics.iter().enumerate() {
            let value = |rounds: &Vec<Vec<f64>>| combine(rounds.iter().map(|figures| figures[column]).collect());
            let mut values: Vec<_> = figures.iter().map(|(name, rounds)| (*name, value(rounds))).collect();
            let limit = values.iter().position(|(name, _)| *name == LIMIT).map(|at| values.remove(at).1);
            self.results.rows.push(Row { case: *case, unit: *unit, values, limit });
        }
    }

    pub fn results(&mut self) -> &mut Results {
        &mut self.results
    }

    pub fn finish(self) -> Results {
        self.progress("measured");
        self.results
    }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { values[middle - 1].midpoint(values[middle]) }
}

/// For worst cases: what is a contestant's own recurs in every round, what is a neighbour's does
/// not.
pub fn least(values: Vec<f64>) -> f64 {
    values.into_iter().min_by(f64::total_cmp).expect("at least one round")
}
