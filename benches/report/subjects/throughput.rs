//! Nanoseconds per operation.

use crate::{
    results::{Case, LIMIT, Unit},
    runner::{Contestant, Metric, Runner, median},
    scale::Scale,
};
use benchkit::{
    bound::Bound,
    entrants::{Contested, Entrant, by_id},
    limit::Limit,
    operations::{Operation, Stand},
    peers::Key,
    timing::cores,
    workload::Workload,
};
use uuid::Uuid;

pub const UPDATE: &str = "one update";
pub const UPDATE_TOKIO: &str = "one update, through tokio";
pub const BY_ID: &str = "mark by id";
pub const WAITING: &str = "mark, a task waits";
pub const CROWD_KEYS: &str = "one u64 for all";
pub const APART_KEYS: &str = "a u64 for each";

fn nanos(case: Case) -> [Metric; 1] {
    [Metric { case, unit: Unit::Nanos, combine: median }]
}

/// Operations and numbers of threads, in the order in which they are run.
type Plan = Vec<(Operation, usize)>;

fn with(threads: &[usize], operations: &[Operation]) -> Plan {
    operations.iter().flat_map(|&operation| threads.iter().map(move |&threads| (operation, threads))).collect()
}

/// Churn comes last: some tables answer more slowly after it, forever.
pub fn populations(scale: &Scale, runner: &mut Runner) {
    use Operation::*;
    let marks = [MarkUniform, MarkZipf, MarkDue, MarkHot];
    let questions = [MarkMany, MarkAll, Take, IsActive, KeyCount, SocketCount, ForEach];
    let churns = [Churn, Mix];
    for &sockets in scale.sizes {
        let threads = match sockets {
            _ if sockets == scale.big() => scale.all_threads(),
            _ if sockets == scale.small() => vec![1, 2],
            _ => vec![1],
        };
        let last = [Reconnect, MarkAged];
        let all = [with(&threads, &marks), with(&[1], &questions), with(&threads, &churns), with(&[1], &last)];
        let storm = if [scale.small(), scale.big()].contains(&sockets) { vec![(Storm, cores())] } else { vec![] };
        population::<u64>(scale, runner, sockets, [all.concat(), storm].concat());
        if [scale.small(), scale.big()].contains(&sockets) {
            let some = [with(&[1, 2], &[MarkUniform]), with(&[1], &[MarkZipf, MarkMany, Take, IsActive, Churn])];
            population::<String>(scale, runner, sockets, [some.concat(), vec![(Storm, cores())]].concat());
            population::<Uuid>(scale, runner, sockets, with(&[1], &[MarkUniform, Churn]));
        }
    }
}

fn population<K: Contested>(scale: &Scale, runner: &mut Runner, sockets: usize, plan: Plan) {
    runner.progress(&format!("populating: {}, {sockets} sockets", K::NAME));
    let work = Workload::<K>::distinct(sockets, scale.draws);
    let mut bound = Bound::new(&work);
    let mut stands: Vec<_> =
        Entrant::<K>::all().iter().map(|entrant| (entrant.name, (entrant.populate)(&work))).collect();
    for (operation, threads) in plan {
        let limit: Option<&mut dyn Stand<K>> = operation.limit().is_some().then_some(&mut bound);
        compare(runner, operation, K::NAME, threads, &work, &mut stands, limit);
    }
}

type Stands<K> = [(&'static str, Box<dyn Stand<K>>)];

fn compare<K: Contested>(
    runner: &mut Runner,
    operation: Operation,
    keys: &'static str,
    threads: usize,
    work: &Workload<K>,
    stands: &mut Stands<K>,
    limit: Option<&mut (dyn Stand<K> + 'static)>,
) {
    let stands = stands.iter_mut().map(|(name, stand)| (*name, stand.as_mut()));
    let contestants = stands.chain(limit.map(|limit| (LIMIT, limit))).map(|(name, stand)| -> Contestant {
        (name, Box::new(move || vec![stand.run(operation, threads, work).nanos()]))
    });
    let case = Case { subject: operation.name(), keys, sockets: work.sockets(), threads };
    runner.contest(&nanos(case), contestants.collect());
}

pub fn marks_by_id(scale: &Scale, runner: &mut Runner) {
    for sockets in [scale.small(), scale.big()] {
        let work = Workload::<u64>::distinct(sockets, scale.draws);
        let bound = Bound::new(&work);
        let rounds = by_id(&work).into_iter().map(|(name, mut round)| -> Contestant {
            let work = &work;
            (name, Box::new(move || vec![round(work).nanos()]))
        });
        let limit = || vec![bound.measure(Limit::Random, &work.uniform.keys, 1).nanos()];
        let contestants = rounds.chain([(LIMIT, Box::new(limit) as _)]).collect();
        runner.contest(&nanos(Case { subject: BY_ID, keys: u64::NAME, sockets, threads: 1 }), contestants);
    }
}

/// Three keys, all sizes: this is what a server does most.
pub fn updates(scale: &Scale, runner: &mut Runner) {
    for &sockets in scale.sizes {
        let threads = if sockets == scale.big() { scale.all_threads() } else { vec![1] };
        update::<u64>(scale, runner, sockets, &threads);
        update::<Uuid>(scale, runner, sockets, &[1]);
        update::<String>(scale, runner, sockets, &[1]);
    }
}

fn update<K: Contested>(scale: &Scale, runner: &mut Runner, sockets: usize, threads: &[usize]) {
    runner.progress(&format!("populating with tasks: {}, {sockets} sockets", K::NAME));
    let work = &Workload::<K>::distinct(sockets, scale.draws);
    let case = |subject, threads| nanos(Case { subject, keys: K::NAME, sockets, threads });
    let mut armed: Vec<_> = Entrant::waking().iter().map(|entrant| (entrant.name, (entrant.arm)(work))).collect();
    for &threads in threads {
        let contestants = armed
            .iter_mut()
            .map(|(name, tasks)| -> Contestant { (name, Box::new(move || vec![tasks.update(work, threads).nanos()])) });
        runner.contest(&case(UPDATE, threads), contestants.collect());
    }
    let contestants = armed
        .iter_mut()
        .map(|(name, tasks)| -> Contestant { (name, Box::new(move || vec![tasks.mark(work).nanos()])) });
    runner.contest(&case(WAITING, 1), contestants.collect());
    drop(armed);

    let contestants = Entrant::waking().into_iter().map(|entrant| -> Contestant {
        let mut round = (entrant.serve)(work);
        (entrant.name, Box::new(move || vec![round(work).nanos()]))
    });
    runner.contest(&case(UPDATE_TOKIO, 1), contestants.collect());
}

/// Next to it the same with a key per socket: what a crowd costs is the difference.
pub fn crowd(scale: &Scale, runner: &mut Runner) {
    let crowd = (CROWD_KEYS, Workload::<u64>::crowd(scale.crowd, scale.draws));
    let apart = (APART_KEYS, Workload::<u64>::distinct(scale.crowd, scale.draws));
    for (keys, work) in [crowd, apart] {
        let entrants = Entrant::<u64>::crowdable();
        let mut stands: Vec<_> = entrants.iter().map(|entrant| (entrant.name, (entrant.populate)(&work))).collect();
        for operation in [Operation::Reconnect, Operation::MarkAll] {
            compare(runner, operation, keys, 1, &work, &mut stands, None);
        }
    }
}
