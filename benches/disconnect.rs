//! The p99 of registrations while many sockets leave at the same time.

use benchkit::{
    criterion::{configured, rounds, sizes},
    entrants::Entrant,
    timing::Sample,
};
use criterion::{Criterion, criterion_group, criterion_main};
use std::time::Duration;

fn disconnect(criterion: &mut Criterion) {
    for &sockets in sizes() {
        for entrant in Entrant::<u64>::all() {
            rounds(criterion, &format!("disconnect, p99 of registering/{sockets} sockets"), entrant.name, || {
                let p99 = (entrant.disconnect)(sockets).quantile(0.99);
                Sample { elapsed: Duration::from_nanos(p99 as u64), operations: 1 }
            });
        }
    }
}

criterion_group! {
    name = all;
    config = configured();
    targets = disconnect
}
criterion_main!(all);
