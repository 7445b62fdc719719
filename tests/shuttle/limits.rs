//! Limits that are reached all the time.

use super::{Census, Tracked, choose, crowd, explore};
use crate::{RegisterError, Registry};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

const OF_ALL: usize = 3;
const OF_A_KEY: usize = 2;

/// Never more than the limits at any time; none is refused while others hold too few; and all can
/// be had again at the end.
#[test]
fn limits_among_churn() {
    explore(|| {
        let registry: Registry<usize, Tracked> =
            Registry::builder().shards(2).max_sockets(OF_ALL).max_sockets_per_key(OF_A_KEY).build().unwrap();
        let census = Census::default();
        let (inside, of_all) = (registry.clone(), census.clone());
        // Of the registry, and of the two keys: rounds begun and over, and sockets held.
        let [begun, over, held]: [[AtomicUsize; 3]; 3] = Default::default();
        crowd(6, move |_| {
            for _ in 0..2 {
                let key = choose(2);
                let slots = [(0, OF_ALL), (1 + key, OF_A_KEY)];
                let over_before = slots.map(|(place, _)| over[place].load(SeqCst));
                for (place, _) in slots {
                    begun[place].fetch_add(1, SeqCst);
                }
                match of_all.register(&inside, key) {
                    Ok(socket) => {
                        for (place, limit) in slots {
                            assert!(held[place].fetch_add(1, SeqCst) < limit, "more sockets than the limit");
                        }
                        assert!(inside.mark(&key) >= 1);
                        for (place, _) in slots {
                            held[place].fetch_sub(1, SeqCst);
                        }
                        of_all.leave(&inside, socket);
                    }
                    Err(refused) => {
                        let at =
                            [RegisterError::Full, RegisterError::KeyFull].iter().position(|error| *error == refused);
                        let at = at.expect("no other reason");
                        let (place, limit) = slots[at];
                        let rivals = begun[place].load(SeqCst) - over_before[at];
                        assert!(rivals > limit, "{refused}, though only {rivals} were there");
                    }
                }
                for (place, _) in slots {
                    over[place].fetch_add(1, SeqCst);
                }
            }
        });
        let held: Vec<_> = [0, 0, 1].map(|key| census.register(&registry, key).unwrap()).into();
        assert_eq!(census.register(&registry, 0).err(), Some(RegisterError::Full));
        held.into_iter().for_each(|socket| census.leave(&registry, socket));
        census.check_empty(registry);
    });
}
