//! Bytes per socket.

use crate::{
    children,
    results::{Case, Unit},
    runner::{Metric, Runner, median},
    scale::Scale,
};
use benchkit::{
    entrants::{Contested, Entrant},
    memory::{Footprints, Phase},
};
use std::error::Error;

/// Subjects of a phase: allocated and resident, at its first look and at its second.
type Subjects = [&'static str; 4];

pub const IDLE_RESIDENT: &str = "idle, handle included, resident";

const PHASES: [(Phase, Subjects); 3] = [
    (
        Phase::Idle,
        [
            "idle, handle included, allocated",
            IDLE_RESIDENT,
            "after idle ones left, allocated",
            "after idle ones left, resident",
        ],
    ),
    (
        Phase::Waiting,
        [
            "with a waiting task, allocated",
            "with a waiting task, resident",
            "after waiting ones left, allocated",
            "after waiting ones left, resident",
        ],
    ),
    (
        Phase::Passing,
        [
            "first generation, allocated",
            "first generation, resident",
            "tenth generation, allocated",
            "tenth generation, resident",
        ],
    ),
];

pub fn memory(scale: &Scale, runner: &mut Runner) -> Result<(), Box<dyn Error>> {
    of::<u64>(scale, runner)?;
    of::<String>(scale, runner)
}

/// One child each: bytes do not depend on the noise of the moment.
fn of<K: Contested>(scale: &Scale, runner: &mut Runner) -> Result<(), Box<dyn Error>> {
    let sockets = scale.big();
    for (phase, subjects) in PHASES {
        runner.progress(&format!("memory, {}: {}, {sockets} sockets", phase.name(), K::NAME));
        let mut figures = Vec::new();
        // No task waits for a wake-up that never comes.
        let entrants = if phase == Phase::Waiting { Entrant::<K>::waking() } else { Entrant::<K>::all() };
        for entrant in entrants {
            let Footprints(first, second) = children::measure::<K>(entrant.name, phase, sockets)?;
            let bytes = vec![first.allocated, first.resident, second.allocated, second.resident];
            figures.push((entrant.name, vec![bytes]));
        }
        let metrics = subjects.map(|subject| {
            let case = Case { subject, keys: K::NAME, sockets, threads: 1 };
            Metric { case, unit: Unit::Bytes, combine: median }
        });
        runner.keep(&metrics, &figures);
    }
    Ok(())
}
