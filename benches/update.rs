//! One update: a mark that wakes a task, and the poll that takes what is due and waits again. With
//! a waker that does nothing, through tokio, and the mark alone.

use benchkit::{
    criterion::{configured, rounds, sizes, threads, workload},
    entrants::{Contested, Entrant},
};
use criterion::{Criterion, criterion_group, criterion_main};
use uuid::Uuid;

fn by_hand<K: Contested>(criterion: &mut Criterion) {
    for &sockets in sizes() {
        let work = workload::<K>(sockets);
        for entrant in Entrant::<K>::waking() {
            let mut tasks = None;
            for threads in threads() {
                let subject = format!("one update/{}/{sockets} sockets/{threads} threads", K::NAME);
                rounds(criterion, &subject, entrant.name, || {
                    tasks.get_or_insert_with(|| (entrant.arm)(&work)).update(&work, threads)
                });
            }
            let subject = format!("mark with a task waiting/{}/{sockets} sockets", K::NAME);
            rounds(criterion, &subject, entrant.name, || tasks.get_or_insert_with(|| (entrant.arm)(&work)).mark(&work));
        }
    }
}

fn through_tokio<K: Contested>(criterion: &mut Criterion) {
    for &sockets in sizes() {
        let work = workload::<K>(sockets);
        for entrant in Entrant::<K>::waking() {
            let mut served = None;
            rounds(criterion, &format!("one update, tokio/{}/{sockets} sockets", K::NAME), entrant.name, || {
                served.get_or_insert_with(|| (entrant.serve)(&work))(&work)
            });
        }
    }
}

criterion_group! {
    name = update;
    config = configured();
    targets =
        by_hand::<u64>, by_hand::<Uuid>, by_hand::<String>,
        through_tokio::<u64>, through_tokio::<Uuid>, through_tokio::<String>
}
criterion_main!(update);
