//! Who watches: what the events add up to, and whether every change of the counts is told.

use std::collections::BTreeMap;

use socket_registry::{CountsWatch, Presence, PresenceEvent, Registry, Sequence};

use super::{Key, Tag};

/// Few, so that a storm is too much.
const CAPACITY: u32 = 8;

pub(super) struct Watch {
    presence: Presence<Key, Tag>,
    counts: CountsWatch<Key, Tag>,
    counted: (usize, usize),
    online: BTreeMap<Key, Sequence>,
    /// Of each key the sequence of its last event.
    last: BTreeMap<Key, Sequence>,
}

impl Watch {
    pub(super) fn new(registry: &Registry<Key, Tag>) -> Self {
        let (presence, counts) = (registry.presence_with_capacity(CAPACITY), registry.watch_counts());
        Self { presence, counts, counted: (0, 0), online: BTreeMap::new(), last: BTreeMap::new() }
    }

    /// What there is to be heard adds up to these active keys and these counts.
    pub(super) fn compare<'a>(&mut self, active: impl Iterator<Item = &'a Key>, counted: (usize, usize)) {
        while let Some(event) = self.presence.try_next() {
            self.hear(event);
        }
        assert!(self.presence.is_caught_up());
        assert!(self.online.keys().eq(active));
        assert!(self.counts.take_changed() || counted == self.counted, "a change of the counts was not told");
        assert_eq!((self.counts.key_count(), self.counts.socket_count()), counted);
        self.counted = counted;
    }

    fn hear(&mut self, event: PresenceEvent<Key>) {
        match event {
            PresenceEvent::Online { key, sequence } => {
                assert_eq!(self.online.insert(key, sequence), None, "online twice");
                let last = self.last.insert(key, sequence);
                assert!(last.is_none_or(|last| last < sequence), "sequences rise");
            }
            PresenceEvent::Offline { key, sequence } => {
                let online = self.online.remove(&key).expect("offline twice");
                assert!(online < sequence, "sequences rise");
                self.last.insert(key, sequence);
            }
            PresenceEvent::Lagged => {}
            other => panic!("an event that is not known: {other:?}"),
        }
    }
}
