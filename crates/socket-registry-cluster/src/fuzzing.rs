//! What the fuzz target runs, and a test with bytes at random.

use crate::engine::{Config, Engine, Time};
use crate::wire::subject::Subject;
use crate::wire::{Message, decode, encode};
use bytes::Bytes;
use std::time::Duration;

const OWN: u64 = 0;
const LANES: u16 = 4;

/// Takes the data for messages of a few senders and the times between them.
#[cfg_attr(not(fuzzing), allow(unreachable_pub, reason = "public for the fuzz target alone"))]
pub fn hear_anything(mut data: &[u8]) {
    let config = Config { lanes: LANES, max_peers: 5, ring_bytes: 1 << 16, presence: true, ..Config::new(OWN) };
    let mut now = Duration::ZERO;
    let time = |now: Duration| Time { since_start: now, wall_ms: now.as_millis() as u64 };
    let mut engine = Engine::new(config, time(now));
    // Each step: kind and sender, tens of milliseconds, length, as much of a body.
    while let [kind, wait, length, low, rest @ ..] = data {
        let length = rest.len().min(usize::from(length % 4) << 8 | usize::from(*low));
        let (body, after) = rest.split_at(length);
        data = after;
        now += Duration::from_millis(10 * u64::from(*wait));
        if engine.next_tick() <= now {
            engine.tick(time(now));
        }
        let bytes: Bytes = [&[1, 1 + kind % 13][..], &u64::from(kind / 13).to_le_bytes(), body].concat().into();
        if let Ok((sender, message)) = decode(&bytes, LANES) {
            assert_eq!(decode(&encode(sender, &message), LANES).as_ref(), Ok(&(sender, message.clone())));
            engine.hear(time(now), subject(&message), bytes);
        }
        engine.mark(body.get(..2).unwrap_or_default(), 1);
        engine.flush(time(now));
        let own: Vec<_> = engine.actions().collect();
        assert!(own.len() < 5000, "{} actions", own.len());
        // Half of the own beats come back.
        for action in own.into_iter().filter(|_| wait % 2 == 0) {
            if let crate::engine::Action::Publish { subject: Subject::Beat, bytes } = action {
                engine.hear(time(now), Subject::Beat, bytes);
            }
        }
        engine.assert_bounded();
    }
}

fn subject(message: &Message) -> Subject {
    match message {
        Message::Marks { lane, .. } | Message::Command { lane, .. } => Subject::Lane(*lane),
        Message::Beat(_) | Message::Bye => Subject::Beat,
        Message::Presence { .. } => Subject::Presence,
        Message::Relay(_) => Subject::Relay,
        _ => Subject::Node(OWN),
    }
}

#[cfg(test)]
mod tests {
    use super::hear_anything;
    use proptest::collection::vec;
    use proptest::num::u8::ANY;
    use proptest::test_runner::{Config, RngSeed};

    proptest::proptest! {
        #![proptest_config(Config { rng_seed: RngSeed::Fixed(0), failure_persistence: None, ..Config::default() })]

        #[test]
        fn random_bytes_do_no_harm(data in vec(ANY, 0..2000)) {
            hear_anything(&data);
        }
    }
}
