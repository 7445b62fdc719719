//! `cargo bench-report`: everything that we claim about speed and memory, measured side by side in
//! one run.
//!
//! Each subject is timed in rounds, and each round times every contestant once, in rotating order:
//! a noisy neighbour hits all of them alike. Figures are medians over the rounds.

#![allow(unreachable_pub, reason = "no other crate reaches into a program")]

mod children;
mod format;
mod machine;
mod plots;
mod results;
mod runner;
mod scale;
mod subjects;
mod tables;
mod targets;

use benchkit::{document, memory::Counting};
use clap::Parser;
use runner::Runner;
use scale::Scale;
use std::{error::Error, fs, path::Path};
use subjects::Section;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Measures this crate, its peers and the machine's limits side by side, and writes
/// target/bench-report/.
#[derive(Parser)]
#[command(name = "cargo bench-report")]
struct Arguments {
    /// Smaller populations and fewer rounds. Leaves the pages in docs alone.
    #[arg(long)]
    quick: bool,
    /// Only these sections. Leaves the pages in docs alone.
    #[arg(long, value_enum)]
    only: Vec<Section>,
    /// Cargo says so when it benchmarks. Without it this is a test: tiny populations, nothing is
    /// written.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    if children::is_child() {
        return children::run();
    }
    let arguments = Arguments::parse();
    let scale = match (arguments.bench, arguments.quick) {
        (false, _) => Scale::SMOKE,
        (true, true) => Scale::QUICK,
        (true, false) => Scale::FULL,
    };
    let sections = if arguments.only.is_empty() { Section::ALL } else { &arguments.only };

    let mut runner = Runner::new(scale.rounds);
    for section in sections {
        section.run(&scale, &mut runner)?;
    }
    let results = runner.finish();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("benches is a folder of the repository");
    let baseline = serde_json::from_str(&fs::read_to_string(root.join("benches/instructions.json"))?)?;
    let circumstances = tables::circumstances(&machine::describe(), &scale);
    let page_plots = plots::of_page(&scale, &results);
    let report = tables::report(&circumstances, &scale, &results, &page_plots);
    let targets = format!("{circumstances}\n\n{}", targets::table(&scale, &results, &baseline));
    if !arguments.bench {
        return Ok(());
    }

    let folder = root.join("target/bench-report");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("report.md"), &report)?;
    fs::write(folder.join("results.csv"), results.to_csv())?;
    plots::draw(&folder, &scale, &results)?;
    fs::write(folder.join("targets.md"), &targets)?;
    println!("{targets}");
    println!("All tables and plots: {}", folder.display());

    if !arguments.quick && arguments.only.is_empty() {
        for (page, measured) in [("docs/BENCHMARKS.md", &report), ("docs/internals/TARGETS.md", &targets)] {
            let page = root.join(page);
            fs::write(&page, document::refreshed(&fs::read_to_string(&page)?, measured)?)?;
            println!("Refreshed {}", page.display());
        }
        for plot in page_plots {
            plot.draw(&root.join("docs"), &scale, &results)?;
        }
    }
    Ok(())
}
