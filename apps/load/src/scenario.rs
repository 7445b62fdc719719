//! What is done to a server, step by step.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Failure;
use crate::broker::Broker;
use crate::cli::{AFTER_STORM_SECONDS, OUTAGE_PATIENCE_SECONDS, OUTAGE_SECONDS, Settings, Subject};
use crate::fleet::Fleet;
use crate::process::{resident, watched, with_longest_pause};
use crate::progress::Progress;
use crate::results::{Measured, Phase, Step};
use crate::wire::{Marks, Order};
use crate::worker::PATIENCE;

/// On top of the time that a step is meant to take, before the run is given up.
const SPARE: Duration = Duration::from_secs(180);
/// When the broker of a cluster is killed, after the marks have begun, and for how long.
const OUTAGE_AFTER: Duration = Duration::from_secs(2);
const OUTAGE: Duration = Duration::from_secs(2);

pub(crate) async fn run(settings: &Settings, subject: Subject) -> Result<Measured, Failure> {
    let mut stage = Stage::set(settings, subject).await?;
    let connections = f64::from(settings.connections);
    let marks = |seconds: u64, percent: f64, patience: Duration| {
        Order::Mark(Marks {
            per_second: f64::from(settings.marks),
            seconds: seconds as f64,
            draw: settings.draw,
            churned_per_second: connections * percent / 100.0,
            patience,
        })
    };
    let mark = |seconds, percent| marks(seconds, percent, PATIENCE);
    let rate = f64::from(settings.rate);
    stage.play(Step::Ramp, (connections / rate) as u64, Order::Open { per_second: Some(rate) }).await?;
    if !settings.cluster.is_empty() {
        stage.play(Step::Marks, settings.mark_seconds, mark(settings.mark_seconds, 0.0)).await?;
        if stage.broker.is_some() {
            let patience = Duration::from_secs(OUTAGE_PATIENCE_SECONDS);
            stage.play(Step::Outage, OUTAGE_SECONDS, marks(OUTAGE_SECONDS, 0.0, patience)).await?;
        }
        return stage.clear().await;
    }
    stage.play(Step::Idle, settings.idle, Order::Rest { seconds: settings.idle }).await?;
    if let Some(minutes) = settings.soak {
        stage.play(Step::Soak, minutes * 60, mark(minutes * 60, settings.churn)).await?;
        return stage.clear().await;
    }
    stage.play(Step::Marks, settings.mark_seconds, mark(settings.mark_seconds, 0.0)).await?;
    stage.play(Step::Churn, settings.churn_seconds, mark(settings.churn_seconds, settings.churn)).await?;
    if !settings.no_storm {
        stage.play(Step::Vanish, 0, Order::Vanish).await?;
        stage.play(Step::Storm, 0, Order::Open { per_second: None }).await?;
        stage.play(Step::AfterStorm, AFTER_STORM_SECONDS, mark(AFTER_STORM_SECONDS, 0.0)).await?;
    }
    stage.clear().await
}

struct Stage<'a> {
    settings: &'a Settings,
    broker: Option<Broker>,
    fleet: Fleet,
    measured: Measured,
    open: u64,
}

impl<'a> Stage<'a> {
    async fn set(settings: &'a Settings, subject: Subject) -> Result<Self, Failure> {
        let broker = match subject {
            Subject::Cluster(kind) => Some(Broker::start(kind, &settings.out).await?),
            _ => None,
        };
        let fleet = Fleet::start(settings, subject, broker.as_ref()).await?;
        let measured = Measured {
            subject,
            servers: settings.pairs(),
            connections: settings.connections,
            resident_before: resident(fleet.server_pids()),
            phases: Vec::new(),
        };
        Ok(Self { settings, broker, fleet, measured, open: 0 })
    }

    /// A step that takes no time is not part of the scenario, unless it takes as long as it takes.
    async fn play(&mut self, step: Step, seconds: u64, order: Order) -> Result<(), Failure> {
        if seconds == 0 && matches!(order, Order::Rest { .. } | Order::Mark { .. }) {
            return Ok(());
        }
        let title = format!("{}: {}", self.measured.subject.name(), step.name());
        let (connections, processes) = (self.settings.connections.into(), self.settings.pairs() as u64);
        let progress = Progress::begin(title, &order, connections, seconds, processes);
        let within = Duration::from_secs(seconds) + SPARE;
        let (server_pids, client_pids) = (self.fleet.server_pids().to_vec(), self.fleet.client_pids());
        let vanishing = matches!(order, Order::Vanish);
        let start = Instant::now();
        let (fleet, broker) = (&mut self.fleet, self.broker.as_mut().filter(|_| step == Step::Outage));
        let outage = async {
            if let Some(broker) = broker {
                sleep(OUTAGE_AFTER).await;
                broker.interrupt(OUTAGE).await?;
            }
            Ok(())
        };
        let work = async {
            let (tally, ()) = tokio::try_join!(fleet.order(&order, within, &progress), outage)?;
            if vanishing {
                fleet.deserted(within).await?;
            }
            Ok::<_, Failure>(tally)
        };
        let work = watched(&client_pids, watched(&server_pids, work));
        let (((tally, server), clients), pause) = with_longest_pause(work).await;
        let (tally, seconds) = (tally?, start.elapsed().as_secs_f64());
        progress.end();

        let gone = if vanishing { self.open } else { tally.replaced + tally.dropped };
        self.open = (self.open + tally.opened).saturating_sub(gone);
        self.measured.phases.push(Phase { step, seconds, open: self.open, tally, server, clients, pause });
        Ok(())
    }

    async fn clear(self) -> Result<Measured, Failure> {
        self.fleet.stop().await?;
        if let Some(broker) = self.broker {
            broker.stop().await?;
        }
        Ok(self.measured)
    }
}
