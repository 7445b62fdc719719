//! Marks of one key: uniform, zipf, already due, hot, and by id. With a task waiting: see `update`.

use benchkit::{
    criterion::{configured, operations, rounds, sizes, threads, workload},
    entrants::{Contested, by_id},
    operations::Operation::{MarkDue, MarkHot, MarkUniform, MarkZipf},
};
use criterion::{Criterion, criterion_group, criterion_main};
use uuid::Uuid;

fn by_key<K: Contested>(criterion: &mut Criterion) {
    for &sockets in sizes() {
        operations::<K>(criterion, &[MarkUniform, MarkZipf, MarkDue, MarkHot], sockets, &threads());
    }
}

fn by_socket_id(criterion: &mut Criterion) {
    for &sockets in sizes() {
        let work = workload::<u64>(sockets);
        for (name, mut round) in by_id(&work) {
            rounds(criterion, &format!("mark by id/{sockets} sockets"), name, || round(&work));
        }
    }
}

criterion_group! {
    name = mark;
    config = configured();
    targets = by_key::<u64>, by_key::<Uuid>, by_key::<String>, by_socket_id
}
criterion_main!(mark);
