//! From a mark to the task that runs, in tokio: the p99 of single marks.

use benchkit::{
    criterion::{configured, rounds, sizes},
    entrants::Entrant,
    timing::Sample,
    wake::{Flavour, Plan},
};
use criterion::{Criterion, criterion_group, criterion_main};
use std::time::Duration;

const MOST: usize = 100_000;
const MARKS: usize = 1000;

fn wake(criterion: &mut Criterion) {
    for flavour in [Flavour::MultiThread, Flavour::CurrentThread] {
        for &tasks in sizes().iter().filter(|&&tasks| tasks <= MOST) {
            for entrant in Entrant::<u64>::waking() {
                rounds(criterion, &format!("wake, p99/{flavour:?}/{tasks} tasks"), entrant.name, || {
                    let p99 = (entrant.wake)(Plan { flavour, tasks, marks: MARKS }).latencies.quantile(0.99);
                    Sample { elapsed: Duration::from_nanos(p99 as u64), operations: 1 }
                });
            }
        }
    }
}

criterion_group! {
    name = all;
    config = configured();
    targets = wake
}
criterion_main!(all);
