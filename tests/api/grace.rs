//! `Grace`: what is held back, what is told and when, by example and against a naive model.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use socket_registry::PresenceEvent::Lagged;
use socket_registry::{Grace, PresenceEvent, Sequence};
use testkit::repeatable_cases;

type Event = PresenceEvent<u8>;

const PERIOD: u64 = 10;

fn online<K>(key: K, sequence: u64) -> PresenceEvent<K> {
    PresenceEvent::Online { key, sequence: Sequence::from_u64(sequence) }
}

fn offline<K>(key: K, sequence: u64) -> PresenceEvent<K> {
    PresenceEvent::Offline { key, sequence: Sequence::from_u64(sequence) }
}

/// Times of a test: so many milliseconds after its start.
struct Clock(Instant);

impl Clock {
    fn new() -> Self {
        Self(Instant::now())
    }

    fn at(&self, time: u64) -> Instant {
        self.0 + Duration::from_millis(time)
    }
}

fn grace() -> (Clock, Grace<u8>) {
    (Clock::new(), Grace::new(Duration::from_millis(PERIOD)))
}

fn told(grace: &mut Grace<u8>, now: Instant) -> Vec<Event> {
    std::iter::from_fn(|| grace.poll(now)).collect()
}

#[test]
fn an_online_is_told_at_once() {
    let (clock, mut grace) = grace();
    assert_eq!(grace.next_at(), None);
    grace.push(online(1, 1), clock.at(0));
    assert!(grace.next_at().unwrap() <= clock.at(0));
    assert_eq!(told(&mut grace, clock.at(0)), [online(1, 1)]);
    assert_eq!(grace.next_at(), None);
}

#[test]
fn an_absence_within_the_period_is_not_told() {
    let (clock, mut grace) = grace();
    grace.push(offline(1, 2), clock.at(0));
    assert_eq!(grace.next_at(), Some(clock.at(PERIOD)));
    assert_eq!(told(&mut grace, clock.at(9)), []);
    grace.push(online(1, 3), clock.at(9));
    assert_eq!(grace.next_at(), None);
    assert_eq!(told(&mut grace, clock.at(100)), []);
}

#[test]
fn an_absence_of_the_period_is_told_even_if_nobody_polled() {
    let (clock, mut grace) = grace();
    grace.push(offline(1, 2), clock.at(0));
    grace.push(online(1, 3), clock.at(PERIOD));
    assert_eq!(told(&mut grace, clock.at(PERIOD)), [offline(1, 2), online(1, 3)]);
}

#[test]
fn what_became_ready_first_is_told_first() {
    let (clock, mut grace) = grace();
    grace.push(offline(1, 2), clock.at(0));
    grace.push(online(2, 1), clock.at(5));
    grace.push(online(3, 1), clock.at(20));
    assert_eq!(told(&mut grace, clock.at(20)), [online(2, 1), offline(1, 2), online(3, 1)]);
}

/// The timer of the first absence runs out during the second one.
#[test]
fn an_old_timer_does_not_fire_for_a_new_absence() {
    let (clock, mut grace) = grace();
    grace.push(offline(1, 2), clock.at(0));
    grace.push(offline(9, 2), clock.at(0));
    grace.push(online(1, 3), clock.at(8));
    grace.push(offline(1, 4), clock.at(9));
    assert_eq!(told(&mut grace, clock.at(18)), [offline(9, 2)]);
    assert_eq!(grace.next_at(), Some(clock.at(19)));
    assert_eq!(told(&mut grace, clock.at(19)), [offline(1, 4)]);
}

/// The event of an absence that ended arrives again: its first timer runs out during the second
/// absence, and must not end it early.
#[test]
fn an_event_that_comes_twice_gets_a_period_of_its_own() {
    let (clock, mut grace) = grace();
    grace.push(offline(9, 2), clock.at(0));
    grace.push(offline(1, 6), clock.at(1));
    grace.push(online(1, 7), clock.at(2));
    grace.push(offline(1, 6), clock.at(5));
    assert_eq!(told(&mut grace, clock.at(11)), [offline(9, 2)]);
    assert_eq!(grace.next_at(), Some(clock.at(15)));
    assert_eq!(told(&mut grace, clock.at(15)), [offline(1, 6)]);
}

#[test]
fn events_that_come_late_end_nothing() {
    let (clock, mut grace) = grace();
    grace.push(offline(1, 4), clock.at(0));
    grace.push(online(1, 3), clock.at(1));
    grace.push(offline(1, 2), clock.at(2));
    grace.push(offline(1, 4), clock.at(3));
    assert_eq!(told(&mut grace, clock.at(9)), [online(1, 3)]);
    assert_eq!(told(&mut grace, clock.at(30)), [offline(1, 4)]);
    // A newer one takes the held one's place.
    grace.push(offline(1, 6), clock.at(40));
    grace.push(offline(1, 8), clock.at(45));
    assert_eq!(told(&mut grace, clock.at(54)), []);
    assert_eq!(told(&mut grace, clock.at(99)), [offline(1, 8)]);
}

#[test]
fn lagged_is_told_at_once_and_changes_nothing() {
    let (clock, mut grace) = grace();
    grace.push(offline(1, 2), clock.at(0));
    grace.push(offline(2, 2), clock.at(1));
    grace.push(Lagged, clock.at(2));
    grace.push(online(1, 3), clock.at(3));
    assert_eq!(told(&mut grace, clock.at(10)), [Lagged]);
    assert_eq!(told(&mut grace, clock.at(11)), [offline(2, 2)]);
}

#[test]
fn beyond_the_limit_the_oldest_is_told_early() {
    let (clock, grace) = grace();
    let mut grace = grace.with_limit(2);
    for key in 0..4 {
        grace.push(offline(key, 2), clock.at(u64::from(key)));
    }
    assert_eq!(told(&mut grace, clock.at(3)), [offline(0, 2), offline(1, 2)]);
    // One that is cancelled makes room.
    grace.push(online(2, 3), clock.at(4));
    grace.push(offline(4, 2), clock.at(5));
    assert_eq!(told(&mut grace, clock.at(5)), []);
    let mut grace = grace.with_limit(0);
    assert_eq!(told(&mut grace, clock.at(5)), [offline(3, 2), offline(4, 2)]);
    grace.push(offline(5, 2), clock.at(6));
    assert_eq!(told(&mut grace, clock.at(6)), [offline(5, 2)]);
}

#[test]
fn a_period_of_zero_passes_everything_on() {
    let clock = Clock::new();
    let mut grace = Grace::new(Duration::ZERO);
    let events = [online(1, 1), offline(1, 2), online(1, 3), offline(1, 4), Lagged];
    let mut all = Vec::new();
    for event in events.clone() {
        grace.push(event, clock.at(0));
        all.extend(told(&mut grace, clock.at(0)));
    }
    assert_eq!(all, events);
}

#[test]
fn a_period_without_end_and_a_clock_that_goes_back() {
    let clock = Clock::new();
    let mut grace = Grace::new(Duration::MAX);
    grace.push(offline(1, 2), clock.at(10));
    assert_eq!((grace.next_at(), grace.poll(clock.at(1 << 40))), (None, None));
    let mut grace = Grace::new(Duration::from_millis(PERIOD));
    grace.push(offline(1, 2), clock.at(10));
    grace.push(offline(2, 2), clock.at(5));
    assert_eq!(told(&mut grace, clock.at(19)), []);
    assert_eq!(told(&mut grace, clock.at(20)), [offline(1, 2), offline(2, 2)]);
}

/// Keys that flap within the period, behind one that stays away: the timers of ended absences must
/// not pile up.
#[test]
fn absences_that_ended_take_no_memory() {
    let clock = Clock::new();
    let tracked = std::rc::Rc::new(());
    #[derive(Clone, PartialEq, Eq)]
    struct Key(u64, std::rc::Rc<()>);
    impl std::hash::Hash for Key {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }
    let key = |n| Key(n, std::rc::Rc::clone(&tracked));
    let mut grace = Grace::new(Duration::from_secs(3600));
    grace.push(offline(key(0), 2), clock.at(0));
    for n in 1..10_000 {
        grace.push(offline(key(n % 7 + 1), 2 * n), clock.at(n));
        grace.push(online(key(n % 7 + 1), 2 * n + 1), clock.at(n));
        assert!(std::rc::Rc::strong_count(&tracked) <= 8, "keys of ended absences are kept");
    }
    assert!(grace.poll(clock.at(10_000)).is_none());
}

/// Says the same by looking at everything each time.
struct Naive {
    limit: usize,
    /// In the order in which they came.
    held: Vec<(u64, u8, Sequence)>,
    ready: Vec<Event>,
}

impl Naive {
    fn expire(&mut self, now: u64) {
        let (gone, held) = self.held.drain(..).partition(|&(since, ..)| now - since >= PERIOD);
        self.held = held;
        self.ready.extend(gone.into_iter().map(|(_, key, sequence)| PresenceEvent::Offline { key, sequence }));
    }

    fn push(&mut self, event: Event, now: u64) {
        self.expire(now);
        match event {
            PresenceEvent::Online { key, sequence: number } => {
                let before = self.held.len();
                self.held.retain(|&(_, other, held)| other != key || held >= number);
                if self.held.len() == before {
                    self.ready.push(event);
                }
            }
            PresenceEvent::Offline { key, sequence: number } => {
                if self.held.iter().any(|&(_, other, held)| other == key && held >= number) {
                    return;
                }
                self.held.retain(|&(_, other, _)| other != key);
                self.held.push((now, key, number));
                if self.held.len() > self.limit {
                    let (_, key, sequence) = self.held.remove(0);
                    self.ready.push(PresenceEvent::Offline { key, sequence });
                }
            }
            _ => self.ready.push(event),
        }
    }
}

fn events() -> impl Strategy<Value = Vec<(Option<Event>, u64)>> {
    let number = 0u64..12;
    let event = prop_oneof![
        8 => (0u8..5, number.clone()).prop_map(|(key, number)| Some(online(key, number))),
        8 => (0u8..5, number).prop_map(|(key, number)| Some(offline(key, number))),
        1 => Just(Some(Lagged)),
        4 => Just(None),
    ];
    vec((event, prop_oneof![3 => 0u64..4, 1 => 0u64..15]), 0..60)
}

proptest::proptest! {
    #![proptest_config(repeatable_cases())]

    /// Any numbers, any gaps, polled or not.
    #[test]
    fn it_tells_what_the_naive_model_tells(events in events(), limit in 0usize..6, rising in any::<bool>()) {
        let (clock, grace) = grace();
        let mut grace = grace.with_limit(limit);
        let mut naive = Naive { limit, held: Vec::new(), ready: Vec::new() };
        let (mut now, mut numbers) = (0, [0u64; 5]);
        for (event, gap) in events {
            now += gap;
            let mut next = |key: u8, number: Sequence| {
                let last = &mut numbers[usize::from(key)];
                if rising { *last += 1; *last } else { number.to_u64() }
            };
            let event = event.map(|event| match event {
                PresenceEvent::Online { key, sequence: number } => online(key, next(key, number)),
                PresenceEvent::Offline { key, sequence: number } => offline(key, next(key, number)),
                other => other,
            });
            if let Some(event) = event {
                naive.push(event.clone(), now);
                grace.push(event, clock.at(now));
            } else {
                naive.expire(now);
                assert_eq!(told(&mut grace, clock.at(now)), std::mem::take(&mut naive.ready));
                assert_eq!(grace.next_at(), naive.held.first().map(|&(since, ..)| clock.at(since + PERIOD)));
            }
            if naive.ready.is_empty() {
                assert_eq!(grace.next_at(), naive.held.first().map(|&(since, ..)| clock.at(since + PERIOD)));
            } else {
                assert!(grace.next_at().unwrap() <= clock.at(now));
            }
        }
        naive.expire(now + PERIOD);
        assert_eq!(told(&mut grace, clock.at(now + PERIOD)), naive.ready);
        assert!(naive.held.is_empty() && grace.next_at().is_none());
    }
}
