//! What single operations take at worst, and how soon a marked task runs.

use crate::{
    results::{Case, Curves, LIMIT, OURS, POLLED, Unit},
    runner::{Contestant, Metric, Runner, least, median},
    scale::{Scale, short},
};
use benchkit::{
    bound::unpark,
    entrants::{Contested, Entrant},
    peers::Key,
    timing::Latencies,
    wake::{Flavour, Plan},
};

pub const GROWTH_MEAN: &str = "register while growing, mean";
pub const GROWTH_P99: &str = "register while growing, p99";
pub const GROWTH_WORST: &str = "register while growing, worst";
pub const DISCONNECT_P99: &str = "register during mass disconnect, p99";
pub const DISCONNECT_WORST: &str = "register during mass disconnect, worst";
pub const IDLE_CPU: &str = "CPU of idle sockets, of one core";
pub const IDLE_LATENCY: &str = "mark to task running, mean";

/// Of marks to tasks, by runtime.
pub struct WakeSubjects {
    pub keys: &'static str,
    flavour: Flavour,
}

pub const WAKE_P50: &str = "mark to task running, p50";
pub const WAKE_P99: &str = "mark to task running, p99";
pub const WAKE_P999: &str = "mark to task running, p99.9";
pub const WAKE_CPU_ASLEEP: &str = "CPU time per wake-up, runtime asleep";
pub const WAKE_CPU_BATCH: &str = "CPU time per wake-up, all marked before any task runs";
pub const FLAVOURS: [WakeSubjects; 2] = [
    WakeSubjects { keys: "multi-thread", flavour: Flavour::MultiThread },
    WakeSubjects { keys: "current-thread", flavour: Flavour::CurrentThread },
];

pub fn growth(scale: &Scale, runner: &mut Runner) {
    fn of<K: Contested>(scale: &Scale, runner: &mut Runner) {
        let sockets = scale.big();
        let metric = |subject, combine| {
            let case = Case { subject, keys: K::NAME, sockets, threads: 1 };
            Metric { case, unit: Unit::Nanos, combine }
        };
        let metrics = [metric(GROWTH_MEAN, median), metric(GROWTH_P99, median), metric(GROWTH_WORST, least)];
        let contestants = Entrant::<K>::all().into_iter().map(|entrant| -> Contestant {
            let round = move || {
                let grown = (entrant.grow)(sockets);
                vec![grown.mean(), grown.quantile(0.99), grown.worst()]
            };
            (entrant.name, Box::new(round))
        });
        runner.contest(&metrics, contestants.collect());
    }
    of::<u64>(scale, runner);
    of::<String>(scale, runner);
}

pub fn disconnect(scale: &Scale, runner: &mut Runner) {
    let metric = |subject, combine| {
        let case = Case { subject, keys: u64::NAME, sockets: scale.leaving, threads: 2 };
        Metric { case, unit: Unit::Nanos, combine }
    };
    let metrics = [metric(DISCONNECT_P99, median), metric(DISCONNECT_WORST, least)];
    let contestants = Entrant::<u64>::all().into_iter().map(|entrant| -> Contestant {
        let sockets = scale.leaving;
        let round = move || {
            let registered = (entrant.disconnect)(sockets);
            vec![registered.quantile(0.99), registered.worst()]
        };
        (entrant.name, Box::new(round))
    });
    runner.contest(&metrics, contestants.collect());
}

/// What the plot shows. The tables show three of them.
const SHARES: [f64; 8] = [0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999];

fn quantiles(latencies: &Latencies) -> Vec<f64> {
    SHARES.iter().map(|&share| latencies.quantile(share)).collect()
}

pub fn wakes(scale: &Scale, runner: &mut Runner) {
    for WakeSubjects { keys, flavour } in &FLAVOURS {
        for &tasks in scale.tasks {
            wake(scale, runner, keys, *flavour, tasks);
        }
    }
    idle(scale, runner);
}

fn wake(scale: &Scale, runner: &mut Runner, keys: &'static str, flavour: Flavour, tasks: usize) {
    runner.progress(&format!("mark to task running: {keys} runtime, {tasks} tasks"));
    let plan = Plan { flavour, tasks, marks: scale.wakes };
    let entrants = Entrant::<u64>::waking().into_iter().map(|entrant| -> Contestant {
        let round = move || {
            let wakes = (entrant.wake)(plan);
            let mut figures = quantiles(&wakes.latencies);
            figures.extend([wakes.cpu_asleep, wakes.cpu_batch]);
            figures
        };
        (entrant.name, Box::new(round))
    });
    let unparked = || {
        let mut figures = quantiles(&unpark(plan.marks));
        figures.extend([f64::NAN; 2]);
        figures
    };
    let mut contestants: Vec<_> = entrants.chain([(LIMIT, Box::new(unparked) as _)]).collect();
    let figures = runner.rounds(&mut contestants);

    let metric = |subject| {
        let case = Case { subject, keys, sockets: tasks, threads: 1 };
        Metric { case, unit: Unit::Nanos, combine: median }
    };
    for (subject, share) in [(WAKE_P50, 0.5), (WAKE_P99, 0.99), (WAKE_P999, 0.999)] {
        let column = SHARES.iter().position(|&known| known == share).expect("one of them");
        runner.keep(&[metric(subject)], &column_of(&figures, column));
    }
    for (subject, column) in [(WAKE_CPU_ASLEEP, SHARES.len()), (WAKE_CPU_BATCH, SHARES.len() + 1)] {
        runner.keep(&[metric(subject)], &column_of(&figures[..figures.len() - 1], column));
    }

    let nanos = |rounds: &Vec<Vec<f64>>, column| median(rounds.iter().map(|figures| figures[column]).collect());
    let line = |rounds| (0..SHARES.len()).map(|column| nanos(rounds, column)).collect();
    runner.results().curves.push(Curves {
        title: format!("Mark to task running: {keys} runtime, {} tasks", short(tasks)),
        file: format!("wake-{keys}-{}.svg", short(tasks)),
        shares: SHARES.to_vec(),
        lines: figures.iter().map(|(name, rounds)| (*name, line(rounds))).collect(),
    });
}

type Figures = Vec<(&'static str, Vec<Vec<f64>>)>;

fn column_of(figures: &[(&'static str, Vec<Vec<f64>>)], column: usize) -> Figures {
    let one = |rounds: &[Vec<f64>]| rounds.iter().map(|figures| vec![figures[column]]).collect();
    figures.iter().map(|(name, rounds)| (*name, one(rounds))).collect()
}

/// The original's design and ours: what it costs to wait, and for how long.
fn idle(scale: &Scale, runner: &mut Runner) {
    let tasks = scale.tasks[scale.tasks.len() - 1];
    runner.progress(&format!("idle sockets: {tasks} tasks"));
    let entrants = Entrant::<u64>::all().into_iter().filter(|entrant| [OURS, POLLED].contains(&entrant.name));
    let figures: Figures = entrants
        .map(|entrant| {
            let idle = (entrant.idle)(tasks);
            (entrant.name, vec![vec![idle.cpu_percent, idle.latencies.mean()]])
        })
        .collect();
    let metric = |subject, unit| {
        let case = Case { subject, keys: u64::NAME, sockets: tasks, threads: 1 };
        Metric { case, unit, combine: median }
    };
    runner.keep(&[metric(IDLE_CPU, Unit::Percent), metric(IDLE_LATENCY, Unit::Nanos)], &figures);
}
