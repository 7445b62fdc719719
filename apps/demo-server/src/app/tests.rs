//! When the tasks begin that tell of counts.

use std::time::Duration;

use clap::Parser;
use socket_registry::Registry;
use tokio::time::timeout;
use uuid::Uuid;

use super::tell_count;
use crate::cli::Cli;
use crate::feed::Feed;

#[tokio::test(start_paused = true)]
async fn who_comes_before_the_first_turn_of_the_task_is_told_of() {
    let users = Feed::new(Registry::new(), "users", Duration::ZERO, &Cli::parse_from(["demo-server"]));
    let mut early = users.registry().register(Uuid::new_v4()).expect("there is room");
    let telling = tell_count(users.clone());
    let _second = users.registry().register(Uuid::new_v4()).expect("there is room");
    tokio::spawn(telling);
    let told = timeout(Duration::from_secs(1), early.due()).await;
    assert!(told.is_ok(), "nobody told the first of the second");
}
