//! Which users are online on any server of a cluster.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use socket_registry_cluster::{Presence, PresenceEvent};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::input::UserId;

/// Users who have a socket, or had one less than the grace period ago.
struct Roster {
    users: BTreeSet<UserId>,
    /// Those who have none, and since when.
    idle: HashMap<UserId, Instant>,
    /// The same, the first first; also of those who have come back.
    timers: VecDeque<(Instant, UserId)>,
    grace: Duration,
}

impl Roster {
    fn new(grace: Duration) -> Self {
        Self { users: BTreeSet::new(), idle: HashMap::new(), timers: VecDeque::new(), grace }
    }

    fn push(&mut self, event: PresenceEvent<UserId>, now: Instant) {
        match event {
            PresenceEvent::Online(user) => {
                self.idle.remove(&user);
                self.users.insert(user);
            }
            PresenceEvent::Offline(user) => self.leaves(user, now),
            // Those who are still online follow, well within any grace that is worth its name.
            PresenceEvent::Lagged => self.users.clone().into_iter().for_each(|user| self.leaves(user, now)),
        }
    }

    fn leaves(&mut self, user: UserId, now: Instant) {
        self.idle.insert(user.clone(), now);
        self.timers.push_back((now, user));
    }

    /// Forgets those whose grace is over.
    fn settle(&mut self, now: Instant) {
        while self.timers.front().is_some_and(|(since, _)| now - *since >= self.grace) {
            let Some((since, user)) = self.timers.pop_front() else { return };
            if self.idle.get(&user) == Some(&since) {
                self.idle.remove(&user);
                self.users.remove(&user);
            }
        }
    }
}

/// Tells who is online, once per `pace`, until the node ends.
pub(crate) async fn follow(
    mut presence: Presence<UserId>,
    grace: Duration,
    pace: Duration,
    mut tell: impl FnMut(&BTreeSet<UserId>),
) {
    let mut roster = Roster::new(grace);
    let mut pace = interval(pace);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = presence.next() => match event {
                Some(event) => roster.push(event, Instant::now()),
                None => return,
            },
            now = pace.tick() => {
                roster.settle(now);
                tell(&roster.users);
            }
        }
        // A million may come at the same time, and others have work to do as well.
        consume_budget().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(2);

    fn user(name: &str) -> UserId {
        name.to_owned().try_into().expect("an id")
    }

    fn shown(roster: &Roster) -> Vec<&str> {
        roster.users.iter().map(UserId::as_str).collect()
    }

    #[test]
    fn who_comes_back_within_the_grace_was_never_away() {
        let mut roster = Roster::new(GRACE);
        let start = Instant::now();
        let second = Duration::from_secs(1);
        for name in ["ann", "bob"] {
            roster.push(PresenceEvent::Online(user(name)), start);
            roster.push(PresenceEvent::Offline(user(name)), start);
        }
        roster.settle(start + second);
        assert_eq!(shown(&roster), ["ann", "bob"]);
        roster.push(PresenceEvent::Online(user("ann")), start + second);
        roster.push(PresenceEvent::Offline(user("ann")), start + second);
        roster.settle(start + GRACE);
        assert_eq!(shown(&roster), ["ann"], "her time has begun again");
        roster.settle(start + second + GRACE);
        assert!(roster.users.is_empty() && roster.idle.is_empty() && roster.timers.is_empty());
    }

    #[test]
    fn after_a_lag_those_who_are_not_named_again_are_gone() {
        let mut roster = Roster::new(GRACE);
        let start = Instant::now();
        for name in ["ann", "bob"] {
            roster.push(PresenceEvent::Online(user(name)), start);
        }
        roster.push(PresenceEvent::Lagged, start);
        roster.push(PresenceEvent::Online(user("bob")), start);
        roster.settle(start + GRACE);
        assert_eq!(shown(&roster), ["bob"]);
    }
}
