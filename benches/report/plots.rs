//! The plots, as SVG that can be read on a light and on a dark page.

use crate::{
    results::{LIMIT, OURS, Results, Unit},
    scale::{Scale, short},
    subjects::{memory::IDLE_RESIDENT, throughput::UPDATE},
};
use benchkit::{operations::Operation, peers::Key};
use plotters::prelude::*;
use std::{error::Error, fs, path::Path};

const SIZE: (u32, u32) = (960, 600);
/// The names, to the right of the lines.
const LEGEND: u32 = 200;

/// Neither light nor dark, ours first and last the limit's.
const COLOURS: [RGBColor; 12] = [
    RGBColor(0xF0, 0x5A, 0x14),
    RGBColor(0x1C, 0x7E, 0xD6),
    RGBColor(0x2F, 0x9E, 0x44),
    RGBColor(0x9C, 0x5A, 0xC8),
    RGBColor(0xD9, 0x48, 0x78),
    RGBColor(0x10, 0x98, 0xAD),
    RGBColor(0xA9, 0x84, 0x67),
    RGBColor(0x7C, 0x9C, 0x1E),
    RGBColor(0x6C, 0x6C, 0xE0),
    RGBColor(0xC9, 0x8A, 0x00),
    RGBColor(0x5C, 0x7C, 0x8A),
    RGBColor(0x86, 0x8E, 0x96),
];

/// On a dark page the two colours that are not in `COLOURS` change.
const DARK: &str = "<style>@media (prefers-color-scheme: dark) {
[fill=\"#FFFFFF\"] { fill: #0D1117 } [fill=\"#000000\"] { fill: #E6EDF3 } [stroke=\"#000000\"] { stroke: #E6EDF3 }
}</style>
";

/// A plot that the page shows.
pub struct PagePlot {
    pub file: &'static str,
    pub title: String,
    kind: Kind,
}

enum Kind {
    Sockets(&'static str),
    Threads(&'static str),
    Memory,
}

/// Those of which something was measured.
pub fn of_page(scale: &Scale, results: &Results) -> Vec<PagePlot> {
    let churn = Operation::Churn.name();
    let big = short(scale.big());
    let plots = [
        ("bench-update-sockets.svg", format!("{UPDATE}, u64 keys: time against sockets"), Kind::Sockets(UPDATE)),
        ("bench-churn-sockets.svg", format!("{churn}, u64 keys: time against sockets"), Kind::Sockets(churn)),
        (
            "bench-update-threads.svg",
            format!("{UPDATE}, u64 keys, {big} sockets: time against threads"),
            Kind::Threads(UPDATE),
        ),
        (
            "bench-churn-threads.svg",
            format!("{churn}, u64 keys, {big} sockets: time against threads"),
            Kind::Threads(churn),
        ),
        (
            "bench-memory.svg",
            format!("Bytes per idle socket, {big} sockets: u64 above, 36-byte String below"),
            Kind::Memory,
        ),
    ];
    let measured = |kind: &Kind| match kind {
        Kind::Sockets(subject) | Kind::Threads(subject) => results.rows.iter().any(|row| row.case.subject == *subject),
        Kind::Memory => results.find(IDLE_RESIDENT, u64::NAME, scale.big(), 1).is_some(),
    };
    let plots = plots.into_iter().map(|(file, title, kind)| PagePlot { file, title, kind });
    plots.filter(|plot| measured(&plot.kind)).collect()
}

impl PagePlot {
    pub fn draw(&self, folder: &Path, scale: &Scale, results: &Results) -> Result<(), Box<dyn Error>> {
        let file = folder.join(self.file);
        match self.kind {
            Kind::Sockets(subject) => against_sockets(&self.title, subject, scale, results).draw(&file),
            Kind::Threads(subject) => against_threads(&self.title, subject, scale, results).draw(&file),
            Kind::Memory => bars(&self.title, scale, results, &file),
        }
    }
}

/// Those of the page, and further ones.
pub fn draw(folder: &Path, scale: &Scale, results: &Results) -> Result<(), Box<dyn Error>> {
    for plot in of_page(scale, results) {
        plot.draw(folder, scale, results)?;
    }
    for operation in [Operation::MarkUniform, Operation::MarkHot] {
        let subject = operation.name();
        let title = format!("{subject}, u64 keys, {} sockets: time against threads", short(scale.big()));
        let file = format!("threads-{operation:?}.svg").to_lowercase();
        against_threads(&title, subject, scale, results).draw(&folder.join(file))?;
    }
    for curves in &results.curves {
        let labels = curves.shares.iter().map(|share| format!("p{}", share * 100.0)).collect();
        let lines =
            curves.lines.iter().map(|(name, nanos)| (*name, (0..).zip(nanos.iter().copied()).collect())).collect();
        Plot { title: &curves.title, x: "share of the marks", labels, lines }.draw(&folder.join(&curves.file))?;
    }
    Ok(())
}

/// Times against a few places on the x axis, which are drawn equally far apart.
struct Plot<'a> {
    title: &'a str,
    x: &'static str,
    labels: Vec<String>,
    /// Per contestant, its time at some of the places.
    lines: Vec<(&'static str, Vec<(i32, f64)>)>,
}

fn against_sockets<'a>(title: &'a str, subject: &str, scale: &Scale, results: &Results) -> Plot<'a> {
    let labels = scale.sizes.iter().map(|&sockets| short(sockets)).collect();
    let places = scale.sizes.iter().map(|&sockets| (sockets, 1));
    Plot { title, x: "sockets", labels, lines: lines(results, subject, places) }
}

fn against_threads<'a>(title: &'a str, subject: &str, scale: &Scale, results: &Results) -> Plot<'a> {
    let threads = scale.all_threads();
    let labels = threads.iter().map(|threads| threads.to_string()).collect();
    let places = threads.iter().map(|&threads| (scale.big(), threads));
    Plot { title, x: "threads", labels, lines: lines(results, subject, places) }
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

/// Draws into text, so that the style can be added.
fn save(
    file: &Path,
    draw: impl FnOnce(&DrawingArea<SVGBackend, plotters::coord::Shift>) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    draw(&area)?;
    area.present()?;
    drop(area);
    let (head, rest) = svg.split_once('\n').ok_or("an SVG of one line")?;
    Ok(fs::write(file, format!("{head}\n{DARK}{rest}"))?)
}

impl Plot<'_> {
    /// The times on a logarithmic scale; our line is the thick one. Without anything measured there
    /// is no plot.
    fn draw(&self, file: &Path) -> Result<(), Box<dyn Error>> {
        let nanos = || self.lines.iter().flat_map(|(_, line)| line.iter().map(|point| point.1));
        let (Some(low), Some(high)) = (nanos().min_by(f64::total_cmp), nanos().max_by(f64::total_cmp)) else {
            return Ok(());
        };
        save(file, |area| {
            let right = self.labels.len() as i32 - 1;
            let mut chart = ChartBuilder::on(area)
                .caption(self.title, ("sans-serif", 20))
                .margin(16)
                .margin_right(LEGEND)
                .x_label_area_size(44)
                .y_label_area_size(80)
                .build_cartesian_2d(0..right.max(1), (low * 0.8..high * 1.25).log_scale())?;
            chart
                .configure_mesh()
                .disable_x_mesh()
                .max_light_lines(0)
                .x_labels(self.labels.len())
                .x_desc(self.x)
                .x_label_formatter(&|x| self.labels.get(*x as usize).cloned().unwrap_or_default())
                .y_label_formatter(&|nanos| Unit::Nanos.show(*nanos))
                .draw()?;
            for (at, (name, line)) in self.lines.iter().enumerate() {
                let colour = if *name == LIMIT { COLOURS.len() - 1 } else { at % (COLOURS.len() - 1) };
                let style = COLOURS[colour].stroke_width(if *name == OURS { 4 } else { 1 });
                chart.draw_series(LineSeries::new(line.iter().copied(), style).point_size(2))?;
                let (x, y) = ((SIZE.0 - LEGEND) as i32 + 12, 50 + 18 * at as i32);
                area.draw(&PathElement::new([(x, y), (x + 16, y)], style))?;
                area.draw(&Text::new(*name, (x + 24, y - 6), ("sans-serif", 13)))?;
            }
            Ok(())
        })
    }
}

/// Two bars per contestant, each with its name and its bytes.
fn bars(title: &str, scale: &Scale, results: &Results, file: &Path) -> Result<(), Box<dyn Error>> {
    let of = |keys| results.find(IDLE_RESIDENT, keys, scale.big(), 1);
    let (Some(short_keys), Some(long_keys)) = (of(u64::NAME), of(String::NAME)) else { return Ok(()) };
    let bytes = short_keys.values.iter().chain(&long_keys.values).map(|(_, bytes)| *bytes);
    let most = bytes.max_by(f64::total_cmp).unwrap_or(1.0);
    save(file, |area| {
        let bottom = short_keys.values.len() as f64;
        let mut chart = ChartBuilder::on(area)
            .caption(title, ("sans-serif", 20))
            .margin(16)
            .build_cartesian_2d(0.0..most * 1.4, bottom..0.0)?;
        for (at, (name, bytes)) in short_keys.values.iter().enumerate() {
            let colour = COLOURS[at % (COLOURS.len() - 1)];
            let further = long_keys.value(name);
            for (half, bytes) in [(0.0, Some(*bytes)), (0.42, further)] {
                let Some(bytes) = bytes else { continue };
                let (top, bottom) = (at as f64 + half + 0.04, at as f64 + half + 0.42);
                let text = format!("{name}: {}", Unit::Bytes.show(bytes));
                chart.draw_series([Rectangle::new([(0.0, top), (bytes, bottom)], colour.filled())])?;
                let font = ("sans-serif", if *name == OURS { 17 } else { 14 });
                chart.draw_series([Text::new(text, (bytes + most * 0.01, top + 0.06), font)])?;
            }
        }
        Ok(())
    })
}
