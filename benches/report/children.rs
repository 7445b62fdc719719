//! Memory is measured in child processes: this program, started again for one contestant and one
//! phase.

use benchkit::{
    entrants::{Contested, Entrant},
    memory::{Counting, Footprint, Footprints, Phase},
    peers::Key,
};
use std::{env, error::Error, process::Command};

const FLAG: &str = "--memory-child";

pub fn is_child() -> bool {
    env::args().nth(1).is_some_and(|argument| argument == FLAG)
}

/// In the child: measures and prints four numbers.
pub fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(2).collect();
    let [keys, name, phase, sockets] = &arguments[..] else { return Err("a child needs four arguments".into()) };
    let phase = Phase::ALL.into_iter().find(|known| known.name() == phase).ok_or("no such phase")?;
    let sockets = sockets.parse()?;
    let measure = if keys == u64::NAME { measure_of::<u64>(name)? } else { measure_of::<String>(name)? };

    Counting::enable();
    let Footprints(first, second) = measure(phase, sockets);
    println!("{} {} {} {}", first.allocated, first.resident, second.allocated, second.resident);
    Ok(())
}

type Measure = fn(Phase, usize) -> Footprints;

fn measure_of<K: Contested>(name: &str) -> Result<Measure, Box<dyn Error>> {
    let entrant = Entrant::<K>::all().into_iter().find(|entrant| entrant.name == name);
    Ok(entrant.ok_or("no such contestant")?.memory)
}

/// In the parent: starts the child and reads its answer.
pub fn measure<K: Contested>(name: &str, phase: Phase, sockets: usize) -> Result<Footprints, Box<dyn Error>> {
    let sockets = sockets.to_string();
    let output = Command::new(env::current_exe()?).args([FLAG, K::NAME, name, phase.name(), &sockets]).output()?;
    let answer = String::from_utf8(output.stdout)?;
    let numbers = answer.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    let [allocated, resident, later_allocated, later_resident] = numbers[..] else {
        return Err(format!("{name} died: {}", String::from_utf8_lossy(&output.stderr)).into());
    };
    let later = Footprint { allocated: later_allocated, resident: later_resident };
    Ok(Footprints(Footprint { allocated, resident }, later))
}
