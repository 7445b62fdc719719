//! Questions: whether a key is active, how many there are, and all of them.

use benchkit::{
    criterion::{configured, operations, sizes},
    entrants::Contested,
    operations::Operation::{ForEach, IsActive, KeyCount, SocketCount},
};
use criterion::{Criterion, criterion_group, criterion_main};
use uuid::Uuid;

fn read<K: Contested>(criterion: &mut Criterion) {
    for &sockets in sizes() {
        operations::<K>(criterion, &[ForEach, IsActive, KeyCount, SocketCount], sockets, &[1]);
    }
}

criterion_group! {
    name = all;
    config = configured();
    targets = read::<u64>, read::<Uuid>, read::<String>
}
criterion_main!(all);
