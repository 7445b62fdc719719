//! What was measured, step by step.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::cli::Subject;
use crate::process::Load;
use crate::tally::Tally;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Ramp,
    Idle,
    Marks,
    Churn,
    Vanish,
    Storm,
    AfterStorm,
    Soak,
    /// Marks, while the broker of a cluster is killed and started again.
    Outage,
}

pub(crate) struct Results {
    pub(crate) machine: Vec<(&'static str, String)>,
    pub(crate) command: String,
    pub(crate) subjects: Vec<Measured>,
}

pub(crate) struct Measured {
    pub(crate) subject: Subject,
    pub(crate) servers: usize,
    pub(crate) connections: u32,
    /// Bytes of all its servers before the first connection.
    pub(crate) resident_before: Option<u64>,
    pub(crate) phases: Vec<Phase>,
}

pub(crate) struct Phase {
    pub(crate) step: Step,
    pub(crate) seconds: f64,
    /// Connections at its end.
    pub(crate) open: u64,
    pub(crate) tally: Tally,
    pub(crate) server: Option<Load>,
    pub(crate) clients: Option<Load>,
    /// The longest time for which the machine did not run this process when it should have.
    pub(crate) pause: Duration,
}

impl Step {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ramp => "ramp up",
            Self::Idle => "idle",
            Self::Marks => "marks",
            Self::Churn => "marks and churn",
            Self::Vanish => "mass disconnect",
            Self::Storm => "reconnect storm",
            Self::AfterStorm => "marks after the storm",
            Self::Soak => "soak",
            Self::Outage => "broker away",
        }
    }

    pub(crate) fn has_marks(self) -> bool {
        matches!(self, Self::Marks | Self::Churn | Self::AfterStorm | Self::Soak | Self::Outage)
    }
}

impl Results {
    /// What must not be. The polling server is there to show what its design loses.
    pub(crate) fn faults(&self) -> Vec<String> {
        let measured = self.subjects.iter().filter(|measured| measured.subject != Subject::Polling);
        let phases = measured.flat_map(|measured| measured.phases.iter().map(|phase| (measured.subject.name(), phase)));
        let faults = phases.flat_map(|(name, phase)| {
            let step = phase.step.name();
            let problem = phase.tally.problem.clone().unwrap_or_default();
            let faults = phase.wrong().into_iter().filter(|&(_, count)| count > 0);
            faults.map(move |(what, count)| format!("{name}, {step}: {count} {what} {problem}"))
        });
        faults.collect()
    }

    pub(crate) fn to_json(&self) -> Value {
        let machine: Map<_, _> = self.machine.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
        let subjects: Vec<_> = self.subjects.iter().map(Measured::to_json).collect();
        json!({ "command": self.command, "machine": machine, "subjects": subjects })
    }
}

impl Measured {
    /// Whether it is of a cluster, or of what that is compared with.
    pub(crate) fn is_of_cluster(&self) -> bool {
        matches!(self.subject, Subject::Alone | Subject::Cluster(_))
    }

    pub(crate) fn phase(&self, step: Step) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.step == step)
    }

    /// What a connection costs, over what the servers had before the first one.
    pub(crate) fn resident_per_connection(&self, phase: &Phase) -> Option<f64> {
        let more = phase.server.as_ref()?.resident.saturating_sub(self.resident_before?);
        (phase.open > 0).then(|| more as f64 / phase.open as f64)
    }

    fn to_json(&self) -> Value {
        let phases: Vec<_> = self.phases.iter().map(|phase| phase.to_json(self)).collect();
        json!({
            "name": self.subject.name(),
            "servers": self.servers,
            "connections": self.connections,
            "rss_before_bytes": self.resident_before,
            "phases": phases,
        })
    }
}

impl Phase {
    /// What must not be.
    pub(crate) fn wrong(&self) -> [(&'static str, u64); 6] {
        let Tally { not_opened, dropped, refused, lost, .. } = self.tally;
        let [duplicate, unexpected] = self.too_many();
        [
            ("connections not opened", not_opened),
            ("connections dropped", dropped),
            ("marks refused", refused),
            ("updates lost", lost),
            ("updates duplicate", duplicate),
            ("updates unexpected", unexpected),
        ]
    }

    /// Updates that no mark explains. After an outage a cluster may have to make sockets due of
    /// which it cannot know what they missed: they cost fetches, and those are judged.
    pub(crate) fn too_many(&self) -> [u64; 2] {
        let Tally { duplicate, unexpected, .. } = self.tally;
        if self.step == Step::Outage { [0; 2] } else { [duplicate, unexpected] }
    }

    fn to_json(&self, measured: &Measured) -> Value {
        let Tally { connect, latency, lag, .. } = &self.tally;
        json!({
            "name": self.step.name(),
            "seconds": self.seconds,
            "connections": self.open,
            "opened": self.tally.opened,
            "not_opened": self.tally.not_opened,
            "dropped": self.tally.dropped,
            "replaced": self.tally.replaced,
            "problem": self.tally.problem,
            "connect": connect.to_json(),
            "marks": self.tally.marks,
            "refused": self.tally.refused,
            "lag": lag.to_json(),
            "expected": self.tally.expected,
            "overlapping": self.tally.overlapping,
            "latency": latency.to_json(),
            "updates": self.tally.updates,
            "lost": self.tally.lost,
            "distinct": self.tally.distinct,
            "fetches_per_mark": self.tally.fetches_per_mark(),
            "stale": self.tally.stale,
            "moot": self.tally.moot,
            "duplicate": self.tally.duplicate,
            "unexpected": self.tally.unexpected,
            "server_cores": self.server.as_ref().and_then(|server| server.cores),
            "client_cores": self.clients.as_ref().and_then(|clients| clients.cores),
            "longest_pause_ms": self.pause.as_secs_f64() * 1e3,
            "rss_bytes": self.server.as_ref().map(|server| server.resident),
            "rss_per_connection_bytes": measured.resident_per_connection(self),
            "rss_samples": self.server.as_ref().map(|server| &server.samples),
            "rss_slope_bytes_per_second": self.server.as_ref().and_then(Load::slope),
        })
    }
}
