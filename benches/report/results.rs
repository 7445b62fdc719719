//! What was measured.

use benchkit::peers::{DashMapNotify, Ours, Peer, ShardedMutex, SocketManager};

pub const OURS: &str = <Ours<u64> as Peer<u64>>::NAME;
pub const POLLED: &str = <SocketManager<u64> as Peer<u64>>::NAME;
/// What most people would write.
const COMMON: [&str; 2] = [<ShardedMutex<u64> as Peer<u64>>::NAME, <DashMapNotify<u64> as Peer<u64>>::NAME];
/// The name under which a subject's limit takes part in its rounds.
pub const LIMIT: &str = "limit";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Nanos,
    Bytes,
    Percent,
    Count,
}

impl Unit {
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Nanos if value < 1e3 => format!("{value:.1} ns"),
            Self::Nanos if value < 1e6 => format!("{:.1} µs", value / 1e3),
            Self::Nanos => format!("{:.1} ms", value / 1e6),
            Self::Bytes => format!("{value:.0} B"),
            Self::Percent => format!("{value:.1} %"),
            Self::Count => format!("{value:.0}"),
        }
    }
}

/// What one row is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Case {
    pub subject: &'static str,
    pub keys: &'static str,
    pub sockets: usize,
    pub threads: usize,
}

pub struct Row {
    pub case: Case,
    pub unit: Unit,
    /// Per contestant, lower is better.
    pub values: Vec<(&'static str, f64)>,
    pub limit: Option<f64>,
}

impl Row {
    pub fn value(&self, who: &str) -> Option<f64> {
        self.values.iter().find(|(name, _)| *name == who).map(|(_, value)| *value)
    }

    fn least(&self, wanted: impl Fn(&str) -> bool) -> Option<(&'static str, f64)> {
        self.values.iter().copied().filter(|(name, _)| wanted(name)).min_by(|one, other| one.1.total_cmp(&other.1))
    }

    /// The best peer that can wake a task.
    pub fn best(&self) -> Option<(&'static str, f64)> {
        self.least(|name| ![OURS, POLLED].contains(&name))
    }

    fn ratio_to(&self, other: Option<f64>) -> Option<f64> {
        Some(self.value(OURS)? / other?)
    }

    /// Ours, to the best peer that can wake a task.
    pub fn to_best(&self) -> Option<f64> {
        self.ratio_to(Some(self.best()?.1))
    }

    /// Ours, to the better one of the common answers.
    pub fn to_common(&self) -> Option<f64> {
        self.ratio_to(Some(self.least(|name| COMMON.contains(&name))?.1))
    }

    pub fn to_limit(&self) -> Option<f64> {
        self.ratio_to(self.limit)
    }
}

/// A distribution of latencies per contestant: in how many nanoseconds which share was done.
pub struct Curves {
    pub title: String,
    pub file: String,
    pub shares: Vec<f64>,
    pub lines: Vec<(&'static str, Vec<f64>)>,
}

#[derive(Default)]
pub struct Results {
    pub rows: Vec<Row>,
    pub curves: Vec<Curves>,
}

impl Results {
    /// Those in which a peer that can wake a task is ahead of us, the worst one first.
    pub fn lost(&self) -> Vec<&Row> {
        let mut lost: Vec<_> = self.rows.iter().filter(|row| row.to_best().is_some_and(|ratio| ratio > 1.0)).collect();
        lost.sort_by(|one, other| other.to_best().partial_cmp(&one.to_best()).expect("numbers"));
        lost
    }

    pub fn find(&self, subject: &str, keys: &str, sockets: usize, threads: usize) -> Option<&Row> {
        self.rows.iter().find(|Row { case, .. }| {
            (case.subject, case.keys, case.sockets, case.threads) == (subject, keys, sockets, threads)
        })
    }

    pub fn to_csv(&self) -> String {
        let mut csv = String::from("subject,keys,sockets,threads,contestant,value\n");
        for Row { case, values, limit, .. } in &self.rows {
            let limit = limit.map(|value| (LIMIT, value));
            for (name, value) in values.iter().copied().chain(limit) {
                let Case { subject, keys, sockets, threads } = case;
                csv += &format!("\"{subject}\",{keys},{sockets},{threads},\"{name}\",{value}\n");
            }
        }
        csv
    }
}
