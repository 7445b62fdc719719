//! The oracle: what the registry promises, for one caller at a time, on one plain map.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::RangeInclusive;

use socket_registry::{RegisterError, SocketId, Topics};

use super::{Key, Tag};

pub(crate) struct Live {
    /// What anybody may see of the socket.
    pub(crate) shown: (Key, Tag, Topics),
    /// A poll was pending, and nothing has become due nor was the wait dropped since.
    waiting: bool,
    /// A wait that was dropped need not be woken, but may be: a wake-up too many is allowed.
    pub(crate) wakes: RangeInclusive<usize>,
}

impl Live {
    /// `wakes` says whether who waits must be told; an owner's own `remark` tells nobody new.
    fn mark(&mut self, topics: Topics, wakes: bool) {
        if self.shown.2.is_empty() {
            let (least, most) = self.wakes.clone().into_inner();
            self.wakes = least + usize::from(self.waiting && wakes)..=most + 1;
            self.waiting = false;
        }
        self.shown.2 = self.shown.2 | topics;
    }
}

pub(crate) struct Expected {
    max_sockets: usize,
    max_sockets_per_key: usize,
    live: BTreeMap<SocketId, Live>,
    issued: HashSet<SocketId>,
}

impl Expected {
    pub(crate) fn new(max_sockets: usize, max_sockets_per_key: usize) -> Self {
        Self { max_sockets, max_sockets_per_key, live: BTreeMap::new(), issued: HashSet::new() }
    }

    pub(crate) fn live(&self) -> &BTreeMap<SocketId, Live> {
        &self.live
    }

    pub(crate) fn key_count(&self) -> usize {
        self.live.values().map(|live| live.shown.0).collect::<BTreeSet<_>>().len()
    }

    /// The sockets of a key in the order of their ids, and the topics that are due for any of them.
    pub(crate) fn of(&self, key: Key) -> (Vec<SocketId>, Topics) {
        let sockets = self.live.iter().filter(|(_, live)| live.shown.0 == key);
        sockets.fold((Vec::new(), Topics::EMPTY), |(mut ids, due), (id, live)| {
            ids.push(*id);
            (ids, due | live.shown.2)
        })
    }

    pub(crate) fn join(&mut self, id: SocketId, key: Key, tag: Tag) {
        assert!(self.live.len() < self.max_sockets, "registered beyond max_sockets");
        assert!(self.of(key).0.len() < self.max_sockets_per_key, "beyond max_sockets_per_key");
        assert!(self.issued.insert(id), "{id} was issued before");
        let shown = (key, tag, Topics::EMPTY);
        self.live.insert(id, Live { shown, waiting: false, wakes: 0..=0 });
    }

    /// Where both limits are reached, either may be named.
    pub(crate) fn refuse(&self, key: Key, refusal: &RegisterError) {
        match refusal {
            RegisterError::Full => assert_eq!(self.live.len(), self.max_sockets),
            RegisterError::KeyFull => assert_eq!(self.of(key).0.len(), self.max_sockets_per_key),
            other => panic!("refused for no reason: {other}"),
        }
    }

    pub(crate) fn leave(&mut self, id: SocketId) {
        self.live.remove(&id).expect("a held socket is live");
    }

    pub(crate) fn mark_key(&mut self, key: Key, topics: Topics) -> usize {
        let ids = self.of(key).0;
        ids.iter().for_each(|&id| self.mark_socket(id, topics));
        ids.len()
    }

    pub(crate) fn mark_all(&mut self) -> usize {
        self.live.values_mut().for_each(|live| live.mark(Topics::UPDATE, true));
        self.live.len()
    }

    pub(crate) fn mark_socket(&mut self, id: SocketId, topics: Topics) {
        self.get(id).mark(topics, true);
    }

    pub(crate) fn remark(&mut self, id: SocketId, topics: Topics) {
        self.get(id).mark(topics, false);
    }

    pub(crate) fn take(&mut self, id: SocketId) -> Topics {
        std::mem::replace(&mut self.get(id).shown.2, Topics::EMPTY)
    }

    pub(crate) fn wait(&mut self, id: SocketId) {
        let live = self.get(id);
        assert!(live.shown.2.is_empty(), "pending, although topics are due");
        live.waiting = true;
    }

    pub(crate) fn cancel(&mut self, id: SocketId) {
        self.get(id).waiting = false;
    }

    fn get(&mut self, id: SocketId) -> &mut Live {
        self.live.get_mut(&id).expect("a held socket is live")
    }
}
