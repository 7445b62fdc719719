//! When to ask a client whether it is still there, and when to give it up.

use std::pin::pin;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// If a timer fires this much too late, the process itself was paused: the client may have answered
/// long ago.
const JUMP: Duration = Duration::from_millis(100);

/// The pings of one session.
#[derive(Debug)]
pub(crate) struct Pulse {
    every: Duration,
    within: Duration,
    /// When the next step is due.
    at: Instant,
    asked: Asked,
}

#[derive(Debug, PartialEq)]
enum Asked {
    No,
    Once,
    /// Because the clock jumped while the first answer was awaited.
    Again,
}

/// What to do now.
#[derive(Debug, PartialEq)]
pub(crate) enum Beat {
    Wait,
    Ask,
    GiveUp,
}

impl Pulse {
    pub(crate) fn new(every: Duration, within: Duration, now: Instant) -> Self {
        Self { every, within, at: on_a_tick(now + every), asked: Asked::No }
    }

    /// Returns when to call [`beat`](Self::beat) next.
    pub(crate) fn at(&self) -> Instant {
        self.at
    }

    /// Decides what to do now. Precondition: everything that has arrived was read. Otherwise a
    /// client whose answer has already arrived might be given up.
    pub(crate) fn beat(&mut self, now: Instant) -> Beat {
        let Some(late) = now.checked_duration_since(self.at) else { return Beat::Wait };
        self.asked = match self.asked {
            Asked::No => Asked::Once,
            Asked::Once if late > JUMP => Asked::Again,
            _ => return Beat::GiveUp,
        };
        self.at = now + self.within;
        Beat::Ask
    }

    /// Notes a pong. Returns false if none was asked for.
    pub(crate) fn pong(&mut self, now: Instant) -> bool {
        let asked = std::mem::replace(&mut self.asked, Asked::No) != Asked::No;
        if asked {
            self.at = on_a_tick(now + self.every);
        }
        asked
    }
}

/// How far apart the moments are at which sessions send their pings. It is long enough for the
/// server to wake up once for the pings of many, and short enough for the updates of other sessions
/// not to wait long behind them.
const TICK: Duration = Duration::from_millis(50);

/// Returns the next tick after `time`. All sessions share the ticks.
pub(crate) fn on_a_tick(time: Instant) -> Instant {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let ticks = time.duration_since(*START).as_millis() / TICK.as_millis() + 1;
    *START + Duration::from_millis((ticks * TICK.as_millis()) as u64)
}

/// Does the same as `timeout`, but grants the time once more if the clock jumped: what the future
/// waits for may have come meanwhile.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..2 {
        let deadline = Instant::now() + limit;
        if let Ok(output) = timeout_at(deadline, &mut future).await {
            return Some(output);
        }
        if deadline.elapsed() < JUMP {
            break;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(45);
    const WITHIN: Duration = Duration::from_secs(10);

    fn asked() -> Pulse {
        let mut pulse = Pulse::new(EVERY, WITHIN, Instant::now());
        assert_eq!(pulse.beat(pulse.at()), Beat::Ask);
        pulse
    }

    #[tokio::test]
    async fn a_client_is_asked_and_given_up() {
        let start = Instant::now();
        let mut pulse = Pulse::new(EVERY, WITHIN, start);
        let first = pulse.at();
        assert!((EVERY..=EVERY + TICK).contains(&(first - start)));
        assert_eq!(pulse.beat(first - Duration::from_millis(1)), Beat::Wait);
        assert_eq!(pulse.beat(first), Beat::Ask);
        assert_eq!(pulse.beat(first + WITHIN - Duration::from_millis(1)), Beat::Wait);
        assert_eq!(pulse.beat(first + WITHIN), Beat::GiveUp);
    }

    #[tokio::test]
    async fn an_answer_begins_it_anew() {
        let mut pulse = asked();
        let now = pulse.at();
        assert!(pulse.pong(now));
        assert!(!pulse.pong(now), "nothing was asked");
        assert!(pulse.at() > now + EVERY - Duration::from_millis(1));
        assert_eq!(pulse.beat(pulse.at()), Beat::Ask);
    }

    #[tokio::test]
    async fn after_a_jump_of_the_clock_it_asks_once_more_and_no_more() {
        let mut pulse = asked();
        let thawed = pulse.at() + Duration::from_secs(60);
        assert_eq!(pulse.beat(thawed), Beat::Ask);
        assert_eq!(pulse.beat(thawed + WITHIN + Duration::from_secs(60)), Beat::GiveUp);
    }
}
