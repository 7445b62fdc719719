//! Sockets that leave while others come: other keys, the same key, all at the same time; and among
//! marks.

use benchkit::{
    criterion::{configured, operations, sizes, threads},
    entrants::Contested,
    operations::Operation::{Churn, Mix, Reconnect, Storm},
};
use criterion::{Criterion, criterion_group, criterion_main};
use uuid::Uuid;

fn churn<K: Contested>(criterion: &mut Criterion) {
    for &sockets in sizes() {
        operations::<K>(criterion, &[Churn, Mix, Reconnect, Storm], sockets, &threads());
    }
}

criterion_group! {
    name = all;
    config = configured();
    targets = churn::<u64>, churn::<Uuid>, churn::<String>
}
criterion_main!(all);
