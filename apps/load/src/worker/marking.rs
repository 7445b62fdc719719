//! Marks and churn, each at its rate whatever the server does: one that falls behind is not asked
//! less.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::spawn_local;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::wire::Marks;
use crate::worker::crowd::{Crowd, TICK};
use crate::worker::draw::{Lot, Random};

/// Enough for a duplicate to come while it is counted where it belongs.
const QUIET: Duration = Duration::from_millis(300);

pub(crate) async fn run(crowd: &Rc<Crowd>, order: Marks) {
    let Marks { per_second, seconds, draw, churned_per_second, patience } = order;
    let lot = Lot::new(draw, crowd.users.len());
    let mut random = Random(u64::from(crowd.target.port()));
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);

    let start = Instant::now();
    let (mut marks, mut churned) = (0u32, 0u32);
    loop {
        let elapsed = start.elapsed().as_secs_f64();
        if elapsed >= seconds {
            break;
        }
        while f64::from(marks) < elapsed * per_second {
            let due = start + Duration::from_secs_f64(f64::from(marks) / per_second);
            spawn_mark(crowd, lot.draw(&mut random), due, patience);
            marks += 1;
        }
        while f64::from(churned) < elapsed * churned_per_second {
            crowd.spawn_open(random.below(crowd.seats()));
            churned += 1;
        }
        crowd.done.set(elapsed as u64);
        tick.tick().await;
    }
    crowd.rest().await;

    let last = crowd.now();
    while crowd.is_waiting() && !last.is_over(crowd.now(), patience) {
        sleep(QUIET / 10).await;
    }
    sleep(QUIET).await;
    crowd.give_up_all();
}

fn spawn_mark(crowd: &Rc<Crowd>, user: usize, due: Instant, patience: Duration) {
    let crowd = Rc::clone(crowd);
    crowd.busy.set(crowd.busy.get() + 1);
    spawn_local(async move {
        mark(&crowd, user, due, patience).await;
        crowd.busy.set(crowd.busy.get() - 1);
    });
}

async fn mark(crowd: &Crowd, user: usize, due: Instant, patience: Duration) {
    let user = &crowd.users[user];
    let mut sent = None;
    // A server of a cluster is told of the mark alone: what is new is in the database of all.
    let (route, body) = if crowd.has_entry { ("/devices-sockets", "") } else { ("/devices", r#"{"name":"x"}"#) };
    let path = format!("{route}?id={}", user.id);
    let sending = || {
        let now = crowd.now();
        sent = Some(now);
        let mut tally = crowd.tally.borrow_mut();
        tally.lag.record(now.at - due);
        user.marking(now, patience, &mut tally);
    };
    let reply = crowd.http.send("POST", &path, body, sending).await;

    let mut tally = crowd.tally.borrow_mut();
    if sent.is_some() {
        user.marked();
    }
    let problem = match reply {
        Ok(reply) if matches!(reply.status, 200 | 201) => {
            tally.marks += 1;
            return;
        }
        Ok(reply) => format!("{}: {}", reply.status, String::from_utf8_lossy(&reply.body)),
        Err(error) => error.to_string(),
    };
    tally.refused += 1;
    tally.problem(format!("a mark was not accepted: {problem}"));
    if let Some(sent) = sent {
        user.withdraw(sent, &mut tally);
    }
}
