//! One key with up to a hundred thousand sockets.

use benchkit::{
    criterion::{configured, crowd as crowd_of, sizes},
    operations::Operation::{MarkAll, Reconnect},
};
use criterion::{Criterion, criterion_group, criterion_main};

const MOST: usize = 100_000;

fn crowd(criterion: &mut Criterion) {
    for &sockets in sizes().iter().filter(|&&sockets| sockets <= MOST) {
        crowd_of(criterion, &[Reconnect, MarkAll], sockets);
    }
}

criterion_group! {
    name = all;
    config = configured();
    targets = crowd
}
criterion_main!(all);
