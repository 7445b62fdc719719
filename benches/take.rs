//! What a task does after each wake-up: it takes what is due.

use benchkit::{
    criterion::{configured, operations, sizes},
    entrants::Contested,
    operations::Operation::Take,
};
use criterion::{Criterion, criterion_group, criterion_main};
use uuid::Uuid;

fn take<K: Contested>(criterion: &mut Criterion) {
    for &sockets in sizes() {
        operations::<K>(criterion, &[Take], sockets, &[1]);
    }
}

criterion_group! {
    name = all;
    config = configured();
    targets = take::<u64>, take::<Uuid>, take::<String>
}
criterion_main!(all);
