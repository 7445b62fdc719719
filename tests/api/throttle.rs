//! The throttle example: how many updates a burst of marks becomes, on a clock that only the test
//! moves.

#![allow(dead_code, reason = "the example's `main`")]

#[path = "../../examples/throttle.rs"]
mod example;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use example::{jitter, updates};
use socket_registry::{Closed, Registry, Topics};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

const INTERVAL: Duration = Duration::from_secs(1);

/// When updates were sent, in milliseconds after the start, and of which topics.
type Sent = Arc<Mutex<Vec<(u128, Topics)>>>;

fn connection(registry: &Registry<u64>) -> (Sent, JoinHandle<Closed>) {
    let (sent, start) = (Sent::default(), Instant::now());
    let log = Arc::clone(&sent);
    let send = move |topics| log.lock().unwrap().push((start.elapsed().as_millis(), topics));
    let task = tokio::spawn(updates(registry.register(42).unwrap(), INTERVAL, send));
    (sent, task)
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_one_update_at_once_and_one_when_the_interval_is_over() {
    let registry = Registry::new();
    let (sent, _task) = connection(&registry);
    sleep(Duration::from_millis(100)).await;
    for n in 0..50 {
        assert_eq!(registry.mark_topics(&42, Topics::topic(n % 3)), 1);
        sleep(Duration::from_millis(1)).await;
    }
    sleep(10 * INTERVAL).await;
    let three = (0..3).map(Topics::topic).collect();
    assert_eq!(*sent.lock().unwrap(), [(100, Topics::topic(0)), (1_100, three)]);
}

#[tokio::test(start_paused = true)]
async fn one_mark_is_one_update() {
    let registry = Registry::new();
    let (sent, _task) = connection(&registry);
    for _ in 0..3 {
        registry.mark(&42);
        sleep(5 * INTERVAL).await;
    }
    let at = |time| (time, Topics::UPDATE);
    assert_eq!(*sent.lock().unwrap(), [at(0), at(5_000), at(10_000)]);
}

#[tokio::test(start_paused = true)]
async fn marks_without_end_are_one_update_in_each_interval() {
    let registry = Registry::new();
    let (sent, task) = connection(&registry);
    for _ in 0..3_500 {
        registry.mark(&42);
        sleep(Duration::from_millis(1)).await;
    }
    registry.close();
    assert_eq!(task.await.unwrap(), Closed::Shutdown);
    let times: Vec<_> = sent.lock().unwrap().iter().map(|&(time, _)| time).collect();
    assert_eq!(times, [0, 1_000, 2_000, 3_000]);
}

#[test]
fn a_herd_is_spread() {
    let mut tenths = [0; 10];
    for _ in 0..1_000 {
        let delay = jitter(INTERVAL);
        assert!(delay < INTERVAL);
        tenths[delay.as_millis() as usize / 100] += 1;
    }
    // 100 each, give or take seven standard deviations.
    assert!(tenths.iter().all(|&clients| (33..=167).contains(&clients)), "{tenths:?}");
}
