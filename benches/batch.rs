//! Marks of many: a list of keys, and every socket.

use benchkit::{
    criterion::{configured, operations, sizes},
    entrants::Contested,
    operations::Operation::{MarkAll, MarkMany},
};
use criterion::{Criterion, criterion_group, criterion_main};
use uuid::Uuid;

fn batch<K: Contested>(criterion: &mut Criterion) {
    for &sockets in sizes() {
        operations::<K>(criterion, &[MarkAll, MarkMany], sockets, &[1]);
    }
}

criterion_group! {
    name = all;
    config = configured();
    targets = batch::<u64>, batch::<Uuid>, batch::<String>
}
criterion_main!(all);
