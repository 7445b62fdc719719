//! The same rounds under criterion, for people who look at one subject.
//!
//! Criterion runs one contestant after the other. For comparisons see `cargo bench-report`, which
//! interleaves them.

use super::{
    entrants::{Contested, Entrant},
    operations::Operation,
    peers::Key,
    timing::{Sample, cores},
    workload::{DRAWS, FEW_DRAWS, Workload},
};
use criterion::{Criterion, SamplingMode};
use std::{cell::OnceCell, time::Duration};

/// Sizes of the populations; a test run only wants to know that everything works.
pub fn sizes() -> &'static [usize] {
    if is_test() { &[100] } else { &[1_000, 10_000, 100_000, 1_000_000] }
}

/// Numbers of threads.
pub fn threads() -> Vec<usize> {
    let mut threads = vec![1, 2, 4, cores()];
    threads.sort_unstable();
    threads.dedup();
    threads
}

pub fn workload<K: Key>(sockets: usize) -> Workload<K> {
    Workload::distinct(sockets, draws())
}

fn draws() -> usize {
    if is_test() { FEW_DRAWS } else { DRAWS }
}

/// `cargo bench` says so; `cargo test` does not.
fn is_test() -> bool {
    !std::env::args().any(|argument| argument == "--bench")
}

/// Long populations, short rounds: few samples tell enough.
pub fn configured() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

/// Times rounds until criterion's iterations are done. A round has a fixed number of operations, so
/// the last one may be too long by some; its share is counted.
pub fn rounds(criterion: &mut Criterion, subject: &str, who: &str, mut round: impl FnMut() -> Sample) {
    let mut group = criterion.benchmark_group(subject);
    group.sampling_mode(SamplingMode::Flat);
    group.bench_function(who, |bencher| {
        bencher.iter_custom(|iterations| {
            let mut total = Sample::default();
            while (total.operations as u64) < iterations {
                total += round();
            }
            total.elapsed.mul_f64(iterations as f64 / total.operations as f64)
        });
    });
    group.finish();
}

/// Times the operations on a population of every contestant. A contestant is populated when its
/// first round is wanted, so a filter on the command line saves the time of all others.
pub fn operations<K: Contested>(
    criterion: &mut Criterion,
    operations: &[Operation],
    sockets: usize,
    threads: &[usize],
) {
    let work = workload::<K>(sockets);
    for entrant in Entrant::<K>::all() {
        contestant(criterion, &entrant, &work, K::NAME, operations, threads);
    }
}

/// The same with all sockets under one key.
pub fn crowd(criterion: &mut Criterion, operations: &[Operation], sockets: usize) {
    let work = Workload::<u64>::crowd(sockets, draws());
    for entrant in Entrant::crowdable() {
        contestant(criterion, &entrant, &work, "one key", operations, &[1]);
    }
}

fn contestant<K: Key>(
    criterion: &mut Criterion,
    entrant: &Entrant<K>,
    work: &Workload<K>,
    keys: &str,
    operations: &[Operation],
    threads: &[usize],
) {
    let mut stand = OnceCell::new();
    for &operation in operations {
        for &threads in threads {
            let subject = format!("{}/{keys}/{} sockets/{threads} threads", operation.name(), work.sockets());
            rounds(criterion, &subject, entrant.name, || {
                stand.get_or_init(|| (entrant.populate)(work));
                stand.get_mut().expect("just populated").run(operation, threads, work)
            });
        }
    }
}
