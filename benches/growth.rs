//! Registrations into a registry that was not sized ahead: the mean, with one look at the clock per
//! registration. The worst one is in `cargo bench-report`.

use benchkit::{
    criterion::{configured, rounds, sizes},
    entrants::{Contested, Entrant},
    timing::Sample,
};
use criterion::{Criterion, criterion_group, criterion_main};
use std::time::Duration;
use uuid::Uuid;

fn growth<K: Contested>(criterion: &mut Criterion) {
    for &sockets in sizes() {
        for entrant in Entrant::<K>::all() {
            rounds(criterion, &format!("growth/{}/{sockets} sockets", K::NAME), entrant.name, || {
                let mean = (entrant.grow)(sockets).mean();
                Sample { elapsed: Duration::from_nanos((mean * sockets as f64) as u64), operations: sockets }
            });
        }
    }
}

criterion_group! {
    name = all;
    config = configured();
    targets = growth::<u64>, growth::<Uuid>, growth::<String>
}
criterion_main!(all);
