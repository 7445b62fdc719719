//! The oracle: what the registry promises, for one caller at a time, on one plain map.

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;

use socket_registry::{CloseReason, Closed, RegisterError, SocketId, Topics};

use super::{Key, Setup, Tag};

/// A socket whose owner has it.
pub(super) struct Owned {
    /// What anybody may see of the socket, and its owner if no other thread sees it any more.
    pub(super) shown: (Key, Tag, Topics),
    /// Why it was closed.
    pub(super) closed: Option<Closed>,
    /// Which time of its key's being active it came in.
    session: u32,
    /// A poll was pending, and nothing has become due nor was the wait dropped since.
    waiting: bool,
    /// A wait that was dropped need not be woken, but may be: a wake-up too many is allowed.
    pub(super) wakes: RangeInclusive<usize>,
}

impl Owned {
    /// `wakes` says whether who waits must be told; an owner's own `restore_due` wakes no task.
    fn mark(&mut self, topics: Topics, wakes: bool) {
        if self.shown.2.is_empty() {
            self.wake(wakes);
        }
        self.shown.2 = topics | self.shown.2;
    }

    fn tell(&mut self, reason: Closed) {
        if self.closed.is_none() {
            self.wake(true);
            self.closed = Some(reason);
        }
    }

    fn wake(&mut self, must: bool) {
        let (least, most) = self.wakes.clone().into_inner();
        self.wakes = least + usize::from(self.waiting && must)..=most + 1;
        self.waiting = false;
    }
}

#[derive(Default)]
pub(super) struct Expected {
    setup: Setup,
    closed: bool,
    live: BTreeMap<SocketId, Owned>,
    /// Held by their owners, and gone for everybody else: superseded or evicted.
    superseded: BTreeMap<SocketId, Owned>,
    /// Of each key how often it has become active, and who took it over last.
    sessions: BTreeMap<Key, (u32, Option<SocketId>)>,
    issued: HashSet<SocketId>,
}

impl Expected {
    pub(super) fn new(setup: Setup) -> Self {
        Self { setup, ..Self::default() }
    }

    pub(super) fn live(&self) -> &BTreeMap<SocketId, Owned> {
        &self.live
    }

    /// The socket, and whether it is live.
    pub(super) fn owned(&self, id: SocketId) -> (&Owned, bool) {
        self.live.get(&id).map_or_else(|| (&self.superseded[&id], false), |live| (live, true))
    }

    /// Of each active key the sockets in the order of their ids, and the topics due for any of
    /// them.
    pub(super) fn by_key(&self) -> BTreeMap<Key, (Vec<SocketId>, Topics)> {
        let mut active: BTreeMap<Key, (Vec<SocketId>, Topics)> = BTreeMap::new();
        for (id, Owned { shown: (key, _, due), .. }) in &self.live {
            let (ids, all_due) = active.entry(*key).or_insert((Vec::new(), Topics::EMPTY));
            ids.push(*id);
            *all_due = *due | *all_due;
        }
        active
    }

    fn count_of(&self, key: Key) -> usize {
        self.live.values().filter(|live| live.shown.0 == key).count()
    }

    pub(super) fn join(&mut self, id: SocketId, key: Key, tag: Tag, mut due: Topics, takes_over: bool) {
        assert!(!self.closed, "registered, although the registry is closed");
        assert!(self.live.len() < self.setup.max_sockets, "registered beyond max_sockets");
        let is_full = !takes_over && self.count_of(key) >= self.setup.max_sockets_per_key;
        assert!(!is_full || self.setup.evict_oldest, "beyond max_sockets_per_key");
        assert!(self.issued.insert(id), "{id} was issued before");
        let is_first = self.count_of(key) == 0;
        let session = self.sessions.entry(key).or_default();
        session.0 += u32::from(is_first);
        if takes_over {
            session.1 = Some(id);
            let others: Vec<_> = self.live.extract_if(.., |_, live| live.shown.0 == key).collect();
            for (other, mut live) in others {
                due |= std::mem::replace(&mut live.shown.2, Topics::EMPTY);
                live.tell(Closed::Superseded);
                self.superseded.insert(other, live);
            }
        }
        let (shown, session) = ((key, tag, due), session.0);
        if is_full {
            let (&oldest, _) = self.of_key(key).min_by_key(|(_, live)| live.shown.1).expect("the key is full");
            self.evict(oldest, CloseReason::EVICTED);
        }
        self.live.insert(id, Owned { shown, closed: None, session, waiting: false, wakes: 0..=0 });
    }

    /// Where both limits are reached, either may be named.
    pub(super) fn refuse(&self, key: Key, takes_over: bool, refusal: &RegisterError) {
        match refusal {
            RegisterError::Closed => assert!(self.closed),
            RegisterError::Full => assert_eq!(self.live.len(), self.setup.max_sockets),
            RegisterError::KeyFull => {
                assert!(!takes_over && !self.setup.evict_oldest);
                assert_eq!(self.count_of(key), self.setup.max_sockets_per_key);
            }
            other => panic!("refused for no reason: {other}"),
        }
    }

    pub(super) fn leave(&mut self, id: SocketId) {
        self.live.remove(&id).or_else(|| self.superseded.remove(&id)).expect("a held socket is there");
    }

    fn of_key(&mut self, key: Key) -> impl Iterator<Item = (&SocketId, &mut Owned)> {
        self.live.iter_mut().filter(move |(_, live)| live.shown.0 == key)
    }

    pub(super) fn mark_key(&mut self, key: Key, topics: Topics) -> usize {
        self.of_key(key).map(|(_, live)| live.mark(topics, true)).count()
    }

    pub(super) fn mark_all(&mut self) -> usize {
        self.mark_where(Topics::UPDATE, |_| true)
    }

    pub(super) fn mark_where(&mut self, topics: Topics, select: impl Fn(Tag) -> bool) -> usize {
        let chosen = self.live.values_mut().filter(|live| select(live.shown.1));
        chosen.map(|live| live.mark(topics, true)).count()
    }

    pub(super) fn mark_socket(&mut self, id: SocketId, topics: Topics) -> bool {
        self.live.get_mut(&id).map(|live| live.mark(topics, true)).is_some()
    }

    pub(super) fn restore_due(&mut self, id: SocketId, topics: Topics) {
        if let Some(live) = self.live.get_mut(&id) {
            live.mark(topics, false);
            return;
        }
        let Owned { shown: (key, ..), session, .. } = self.superseded[&id];
        let (now, latest) = self.sessions[&key];
        if session == now && !latest.is_some_and(|latest| self.mark_socket(latest, topics)) {
            self.mark_key(key, topics);
        }
    }

    pub(super) fn disconnect(&mut self, key: Key, keep: Option<SocketId>, reason: CloseReason) -> usize {
        let others = self.of_key(key).filter(|(id, _)| Some(**id) != keep);
        others.map(|(_, live)| live.tell(Closed::Disconnected(reason))).count()
    }

    pub(super) fn disconnect_socket(&mut self, id: SocketId, reason: CloseReason) -> bool {
        self.live.get_mut(&id).map(|live| live.tell(Closed::Disconnected(reason))).is_some()
    }

    pub(super) fn evict(&mut self, id: SocketId, reason: CloseReason) -> bool {
        let Some(mut evicted) = self.live.remove(&id) else { return false };
        evicted.shown.2 = Topics::EMPTY;
        evicted.tell(Closed::Disconnected(reason));
        self.superseded.insert(id, evicted);
        true
    }

    pub(super) fn supersede(&mut self, key: Key) -> usize {
        let superseded: Vec<_> = self.live.extract_if(.., |_, live| live.shown.0 == key).collect();
        let count = superseded.len();
        for (id, mut live) in superseded {
            live.shown.2 = Topics::EMPTY;
            live.tell(Closed::Superseded);
            self.superseded.insert(id, live);
        }
        count
    }

    /// How many were not told before.
    pub(super) fn close(&mut self) -> usize {
        self.closed = true;
        let untold = self.live.values_mut().filter(|live| live.closed.is_none());
        untold.map(|live| live.tell(Closed::Shutdown)).count()
    }

    pub(super) fn take(&mut self, id: SocketId) -> Topics {
        let live = self.live.get_mut(&id);
        live.map_or(Topics::EMPTY, |live| std::mem::replace(&mut live.shown.2, Topics::EMPTY))
    }

    pub(super) fn wait(&mut self, id: SocketId) {
        let live = self.live.get_mut(&id).expect("pending, although superseded");
        assert!(live.shown.2.is_empty(), "pending, although topics are due");
        assert!(live.closed.is_none(), "pending, although closed");
        live.waiting = true;
    }

    pub(super) fn cancel(&mut self, id: SocketId) {
        if let Some(live) = self.live.get_mut(&id) {
            live.waiting = false;
        }
    }
}
