//! The oracle: what the registry promises, for one caller at a time, on one plain map.

use std::collections::{BTreeMap, HashSet};
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
        self.shown.2 = topics | self.shown.2;
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

    /// Of each active key the sockets in the order of their ids, and the topics due for any of them.
    pub(crate) fn by_key(&self) -> BTreeMap<Key, (Vec<SocketId>, Topics)> {
        let mut active: BTreeMap<Key, (Vec<SocketId>, Topics)> = BTreeMap::new();
        for (id, Live { shown: (key, _, due), .. }) in &self.live {
            let (ids, all_due) = active.entry(*key).or_insert((Vec::new(), Topics::EMPTY));
            ids.push(*id);
            *all_due = *due | *all_due;
        }
        active
    }

    fn count_of(&self, key: Key) -> usize {
        self.live.values().filter(|live| live.shown.0 == key).count()
    }

    pub(crate) fn join(&mut self, id: SocketId, key: Key, tag: Tag) {
        assert!(self.live.len() < self.max_sockets, "registered beyond max_sockets");
        assert!(self.count_of(key) < self.max_sockets_per_key, "beyond max_sockets_per_key");
        assert!(self.issued.insert(id), "{id} was issued before");
        let shown = (key, tag, Topics::EMPTY);
        self.live.insert(id, Live { shown, waiting: false, wakes: 0..=0 });
    }

    /// Where both limits are reached, either may be named.
    pub(crate) fn refuse(&self, key: Key, refusal: &RegisterError) {
        match refusal {
            RegisterError::Full => assert_eq!(self.live.len(), self.max_sockets),
            RegisterError::KeyFull => assert_eq!(self.count_of(key), self.max_sockets_per_key),
            other => panic!("refused for no reason: {other}"),
        }
    }

    pub(crate) fn leave(&mut self, id: SocketId) {
        self.live.remove(&id).expect("a held socket is live");
    }

    pub(crate) fn mark_key(&mut self, key: Key, topics: Topics) -> usize {
        let sockets = self.live.values_mut().filter(|live| live.shown.0 == key);
        sockets.map(|live| live.mark(topics, true)).count()
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
