//! When the tasks begin that tell of counts.

use std::time::Duration;

use socket_registry::Registry;
use tokio::time::timeout;
use uuid::Uuid;

use super::tell_count;
use crate::feed::{Feed, Wishes};

#[tokio::test(start_paused = true)]
async fn who_comes_before_the_first_turn_of_the_task_is_told_of() {
    let users = Feed::new(Registry::new(), "users", Duration::ZERO);
    let mut early = users.register(Uuid::new_v4(), Wishes::default()).expect("there is room");
    let telling = tell_count(users.clone());
    let _second = users.register(Uuid::new_v4(), Wishes::default()).expect("there is room");
    tokio::spawn(telling);
    let told = timeout(Duration::from_secs(1), early.due()).await;
    assert!(told.is_ok(), "nobody told the first of the second");
}
