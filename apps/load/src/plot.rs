//! Mark to client by percentile, as SVG.

use std::path::Path;

use plotters::prelude::*;

use crate::Failure;
use crate::results::Results;
use crate::tally::Times;

const SIZE: (u32, u32) = (960, 600);
/// Times above the highest one, where the legend has its place.
const LEGEND: f64 = 30.0;
/// Drawn equally far apart.
const SHARES: [(f64, &str); 7] =
    [(0.5, "p50"), (0.75, "p75"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9"), (0.9999, "p99.99"), (1.0, "max")];

/// A line per server and step. Without anything measured there is no plot.
pub(crate) fn draw(file: &Path, results: &Results) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for measured in &results.subjects {
        for phase in &measured.phases {
            let name = format!("{}: {}", measured.subject.name(), phase.step.name());
            lines.extend(line(&phase.tally.latency).map(|line| (name, line)));
        }
    }
    let times = || lines.iter().flat_map(|(_, line)| line.iter().map(|point| point.1));
    let (Some(low), Some(high)) = (times().min_by(f64::total_cmp), times().max_by(f64::total_cmp)) else {
        return Ok(());
    };

    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Mark to client by percentile", ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(80)
        .build_cartesian_2d(0..SHARES.len() as i32 - 1, (low * 0.8..high * LEGEND).log_scale())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(SHARES.len())
        .x_label_formatter(&|x| SHARES.get(*x as usize).map(|(_, name)| name.to_string()).unwrap_or_default())
        .y_label_formatter(&|ms| format!("{ms} ms"))
        .draw()?;
    for (at, (name, line)) in lines.into_iter().enumerate() {
        let style = Palette99::pick(at).stroke_width(2);
        let sample = move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style);
        chart.draw_series(LineSeries::new(line, style).point_size(2))?.label(name).legend(sample);
    }
    let mut legend = chart.configure_series_labels();
    legend.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.8)).draw()?;
    area.present()?;
    Ok(())
}

/// Times of a microsecond at least: the scale is logarithmic.
fn line(times: &Times) -> Option<Vec<(i32, f64)>> {
    let points = (0..).zip(SHARES).map(|(x, (share, _))| (x, times.quantile(share).max(0.001)));
    (times.count() > 0).then(|| points.collect())
}
