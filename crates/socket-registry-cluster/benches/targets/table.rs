//! The table of what was measured.

use std::fmt;

#[derive(Default)]
pub(crate) struct Table(Vec<[String; 5]>);

/// What a number means.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Times,
    Nanoseconds,
    Bytes,
    Percent,
}

impl Unit {
    /// With two digits after the point, as they are on the side of `round`.
    fn show(self, value: f64, round: fn(f64) -> f64) -> String {
        let value = round(value * 100.0) / 100.0;
        match self {
            Self::Times => format!("{value} x"),
            Self::Nanoseconds => format!("{value} ns"),
            Self::Bytes => format!("{value} B"),
            Self::Percent => format!("{value} %"),
        }
    }
}

impl Table {
    /// Adds a row for a value that must not be greater. What is shown is never rounded down.
    /// `figures` are those that the value comes from.
    pub(crate) fn at_most(&mut self, subject: impl Into<String>, figures: String, value: f64, limit: f64, unit: Unit) {
        let target = format!("<= {}", unit.show(limit, f64::round));
        self.add([subject.into(), figures, unit.show(value, f64::ceil), target], value <= limit);
    }

    /// Adds a row for a value that must not be less. What is shown is never rounded up.
    pub(crate) fn at_least(&mut self, subject: impl Into<String>, figures: String, value: f64, limit: f64, unit: Unit) {
        let target = format!(">= {}", unit.show(limit, f64::round));
        self.add([subject.into(), figures, unit.show(value, f64::floor), target], value >= limit);
    }

    pub(crate) fn leave_out(&mut self, subject: &str, why: &str) {
        eprintln!("{subject}: not measured, {why}");
        self.0.push([subject, why, "-", "-", "not measured"].map(str::to_owned));
    }

    fn add(&mut self, [subject, figures, measured, target]: [String; 4], is_met: bool) {
        let verdict = if is_met { "met" } else { "MISSED" };
        let row = [subject, figures, measured, target, verdict.to_owned()];
        eprintln!("{}", row.join(" | "));
        self.0.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n| subject | figures | measured | target | |\n|---|---|--:|--:|---|")?;
        self.0.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}
