//! The plots, as SVG.

use crate::{
    results::{LIMIT, OURS, Results, Unit},
    scale::{Scale, short},
};
use benchkit::{operations::Operation, peers::Key};
use plotters::prelude::*;
use std::{error::Error, path::Path};

const SIZE: (u32, u32) = (960, 600);

/// Times against a few places on the x axis, which are drawn equally far apart.
struct Plot {
    title: String,
    x: &'static str,
    labels: Vec<String>,
    /// Per contestant, its time at some of the places.
    lines: Vec<(&'static str, Vec<(i32, f64)>)>,
}

pub fn draw(folder: &Path, scale: &Scale, results: &Results) -> Result<(), Box<dyn Error>> {
    against_sockets(scale, results).draw(&folder.join("sockets.svg"))?;
    for operation in [Operation::MarkUniform, Operation::MarkHot, Operation::Churn] {
        let file = format!("threads-{operation:?}.svg").to_lowercase();
        against_threads(operation, scale, results).draw(&folder.join(file))?;
    }
    for curves in &results.curves {
        let labels = curves.shares.iter().map(|share| format!("p{}", share * 100.0)).collect();
        let lines =
            curves.lines.iter().map(|(name, nanos)| (*name, (0..).zip(nanos.iter().copied()).collect())).collect();
        Plot { title: curves.title.clone(), x: "share of the marks", labels, lines }
            .draw(&folder.join(&curves.file))?;
    }
    Ok(())
}

fn against_sockets(scale: &Scale, results: &Results) -> Plot {
    let subject = Operation::MarkUniform.name();
    Plot {
        title: format!("{subject}, u64 keys: time per mark"),
        x: "sockets",
        labels: scale.sizes.iter().map(|&sockets| short(sockets)).collect(),
        lines: lines(results, subject, scale.sizes.iter().map(|&sockets| (sockets, 1))),
    }
}

fn against_threads(operation: Operation, scale: &Scale, results: &Results) -> Plot {
    let subject = operation.name();
    let threads = scale.all_threads();
    Plot {
        title: format!("{subject}, u64 keys, {} sockets: time per operation, as a thread sees it", short(scale.big())),
        x: "threads",
        labels: threads.iter().map(|threads| threads.to_string()).collect(),
        lines: lines(results, subject, threads.iter().map(|&threads| (scale.big(), threads))),
    }
}

/// From the rows of a subject; places are (sockets, threads).
fn lines(
    results: &Results,
    subject: &str,
    places: impl Iterator<Item = (usize, usize)>,
) -> Vec<(&'static str, Vec<(i32, f64)>)> {
    let mut lines: Vec<(_, Vec<_>)> = Vec::new();
    for (x, (sockets, threads)) in (0..).zip(places) {
        let Some(row) = results.find(subject, u64::NAME, sockets, threads) else { continue };
        let limit = row.limit.map(|nanos| (LIMIT, nanos));
        for (name, nanos) in row.values.iter().copied().chain(limit) {
            match lines.iter_mut().find(|(known, _)| *known == name) {
                Some((_, line)) => line.push((x, nanos)),
                None => lines.push((name, vec![(x, nanos)])),
            }
        }
    }
    lines
}

impl Plot {
    /// The times on a logarithmic scale; our line is the thick one. Without anything measured there
    /// is no plot.
    fn draw(&self, file: &Path) -> Result<(), Box<dyn Error>> {
        let nanos = || self.lines.iter().flat_map(|(_, line)| line.iter().map(|point| point.1));
        let (Some(low), Some(high)) = (nanos().min_by(f64::total_cmp), nanos().max_by(f64::total_cmp)) else {
            return Ok(());
        };
        let area = SVGBackend::new(file, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let right = self.labels.len() as i32 - 1;
        let mut chart = ChartBuilder::on(&area)
            .caption(&self.title, ("sans-serif", 20))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(80)
            .build_cartesian_2d(0..right.max(1), (low * 0.8..high * 1.25).log_scale())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(self.labels.len())
            .x_desc(self.x)
            .x_label_formatter(&|x| self.labels.get(*x as usize).cloned().unwrap_or_default())
            .y_label_formatter(&|nanos| Unit::Nanos.show(*nanos))
            .draw()?;
        for (at, (name, line)) in self.lines.iter().enumerate() {
            let style = Palette99::pick(at).stroke_width(if *name == OURS { 4 } else { 1 });
            let series = LineSeries::new(line.iter().copied(), style).point_size(2);
            let sample = move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style);
            chart.draw_series(series)?.label(*name).legend(sample);
        }
        let mut legend = chart.configure_series_labels();
        legend.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.8)).draw()?;
        area.present()?;
        Ok(())
    }
}
