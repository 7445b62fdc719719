//! A process of clients. It marks its own users, so that a latency is the difference of two
//! readings of one clock.

mod connection;
mod crowd;
mod draw;
mod marking;
mod watch;

use std::rc::Rc;
use std::time::Duration;

use serde_json::to_string;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::task::LocalSet;
use tokio::time::{interval, sleep};

use crate::Failure;
use crate::cli::Clients;
use crate::wire::{Answer, Order};
use crowd::Crowd;

pub(crate) use watch::PATIENCE;

const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Obeys until the orders end, in the middle of one too.
pub(crate) async fn run(clients: Clients) -> Result<bool, Failure> {
    let crowd = Rc::new(Crowd::new(&clients));
    let mut orders = BufReader::new(stdin()).lines();
    LocalSet::new()
        .run_until(async {
            let mut next = orders.next_line().await?;
            while let Some(order) = next.take() {
                let order = serde_json::from_str(&order)?;
                tokio::select! {
                    () = obey(&crowd, order) => {}
                    // There is no next order before the answer: this is the end.
                    _ = orders.next_line() => return Ok(true),
                }
                let tally = Box::new(crowd.tally.take());
                println!("{}", to_string(&Answer::Done(tally))?);
                next = orders.next_line().await?;
            }
            Ok(true)
        })
        .await
}

async fn obey(crowd: &Rc<Crowd>, order: Order) {
    crowd.done.set(0);
    let obeyed = async {
        match order {
            Order::Open { per_second } => crowd.open_all(per_second).await,
            Order::Rest { seconds } => {
                for passed in 1..=seconds {
                    sleep(Duration::from_secs(1)).await;
                    crowd.done.set(passed);
                }
            }
            Order::Mark(marks) => marking::run(crowd, marks).await,
            Order::Vanish => crowd.vanish().await,
        }
    };
    let told = async {
        let mut time = interval(PROGRESS_EVERY);
        loop {
            time.tick().await;
            let progress = Answer::Progress { done: crowd.done.get(), marks: crowd.tally.borrow().marks };
            println!("{}", to_string(&progress).expect("a number is JSON"));
        }
    };
    tokio::select! {
        () = obeyed => {}
        () = told => {}
        () = crowd.count_time() => {}
    }
}
