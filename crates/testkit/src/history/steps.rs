//! The specification: which steps a call can make in a state. `takeover` and `presence` have a part
//! of it each.

use socket_registry::Closed;

use super::presence::is_online;
use super::{ALL_STEPS, Call, Event, IN_KEY, IN_REGISTRY, Progress, REACHABLE, Registered, Search, State};

impl State {
    /// With a change of one event.
    pub(super) fn with(mut self, event: usize, change: impl FnOnce(&mut Progress)) -> Self {
        change(&mut self.events[event]);
        self
    }

    fn done(self, event: usize) -> Self {
        self.with(event, |event| event.done = true)
    }
}

impl Search<'_> {
    /// Calls `go` with every state that is one step from `now`. Those that come last are tried
    /// first: the steps of the call that ended first, and of these the one with which it returns.
    pub(super) fn for_each_step(&self, now: &State, mut go: impl FnMut(State)) {
        let go: &mut dyn FnMut(State) = &mut go;
        for event in (0..self.history.len()).rev().filter(|&event| self.is_open(now, event)) {
            match self.history[event].call {
                Call::Register { key, takes_over, result: Registered::Ok } => {
                    self.register(now, event, key, takes_over, go);
                }
                Call::Register { key, result, .. } => {
                    let is_so = match result {
                        Registered::Ok => unreachable!("above"),
                        Registered::Full => self.count(now, IN_REGISTRY, None) == self.limits.sockets,
                        Registered::KeyFull => self.count(now, IN_KEY, Some(key)) >= self.limits.sockets_per_key,
                        Registered::Closed => now.is_closed,
                    };
                    self.observe(now, event, is_so, go);
                }
                Call::Drop { socket } => self.leave(now, event, socket, go),
                Call::Mark { key, topics, marked } => {
                    self.walk(now, event, Some(key), Some(marked), go, |next, socket, go| {
                        go(next.with(socket, |socket| socket.due |= topics));
                    });
                }
                Call::MarkSocket { socket, topics, live } => {
                    if live == self.is(now, socket, REACHABLE) {
                        let topics = if live { topics } else { 0 };
                        go(now.with(socket, |socket| socket.due |= topics).done(event));
                    }
                }
                Call::Take { socket, topics } => {
                    if now.events[socket].due == topics {
                        go(now.with(socket, |socket| socket.due = 0).done(event));
                    }
                }
                Call::IsActive { key, active } => {
                    let is_active = self.count(now, IN_KEY, Some(key)) > 0;
                    // To tell of a key, a registration joins it, also when its socket is
                    // superseded.
                    let may_be = is_active || self.is_watched() && self.is_being_told(now, key);
                    self.observe(now, event, if active { may_be } else { !is_active }, go);
                }
                Call::Disconnect { key, reason, told } => {
                    self.walk(now, event, Some(key), Some(told), go, |next, socket, go| {
                        self.close(next, socket, reason, go);
                    });
                }
                Call::DisconnectSocket { socket, reason, live } => {
                    if live != self.is(now, socket, REACHABLE) {
                        continue;
                    }
                    if live {
                        self.close(*now, socket, reason, &mut |next| go(next.done(event)));
                    } else {
                        go(now.done(event));
                    }
                }
                Call::Close if !now.is_closed => go(State { is_closed: true, ..*now }),
                Call::Close => {
                    let is_left = |socket: usize| now.events[socket].done && now.events[socket].reason.is_none();
                    let is_over = !self.sockets(None).any(|socket| is_left(socket) && self.is(now, socket, REACHABLE));
                    let go: &mut dyn FnMut(State) = &mut |next: State| {
                        if is_over || !next.events[event].done {
                            go(next);
                        }
                    };
                    self.walk(now, event, None, None, go, |next, socket, go| {
                        self.close(next, socket, Closed::Shutdown, go);
                    });
                }
                Call::CloseReason { socket, reason } => {
                    self.observe(now, event, now.events[socket].reason == reason, go);
                }
                Call::Online { key, online } => self.observe(now, event, online == is_online(now, key), go),
            }
        }
    }

    /// Whether the call may make a step: it is not over, and what ended before it began is.
    fn is_open(&self, now: &State, event: usize) -> bool {
        let is_earlier = |other: &Event| other.ended < self.history[event].began;
        !now.events[event].done
            && self.history.iter().zip(&now.events).all(|(other, progress)| progress.done || !is_earlier(other))
    }

    fn observe(&self, now: &State, event: usize, is_so: bool, go: &mut dyn FnMut(State)) {
        if is_so {
            go(now.done(event));
        }
    }

    fn register(&self, now: &State, event: usize, key: u8, takes_over: bool, go: &mut dyn FnMut(State)) {
        let own = now.events[event];
        let is_missing = |step| own.steps & step == 0;
        let step = |step| now.with(event, |own| own.steps |= step);
        if is_missing(IN_REGISTRY) && self.count(now, IN_REGISTRY, None) < self.limits.sockets {
            go(step(IN_REGISTRY));
        }
        let has_room = takes_over || self.count(now, IN_KEY, Some(key)) < self.limits.sockets_per_key;
        if is_missing(IN_KEY) && has_room {
            go(step(IN_KEY));
        }
        if takes_over && own.turn == 0 {
            let last = now.events.iter().map(|event| event.turn).max().unwrap_or(0);
            go(now.with(event, |own| own.turn = last + 1));
        } else if is_missing(REACHABLE) {
            go(step(REACHABLE));
        }
        if !is_missing(IN_KEY) {
            self.tell(now, key, own.superseded.is_some(), go);
        }
        if own.steps != ALL_STEPS {
            return;
        }
        if takes_over {
            self.take_over(now, event, key, go);
        }
        if now.is_closed && self.is(now, event, REACHABLE) {
            self.close(*now, event, Closed::Shutdown, go);
        }
        let has_taken_over = !takes_over || self.has_taken_over(now, event, key);
        let is_shut_out = self.closes().any(|close| now.events[close].done && own.reason.is_none());
        let came_too_late = self.closes().any(|close| self.is_before(close, event));
        if has_taken_over && !is_shut_out && !came_too_late && self.is_told(now, event, key, Some(event)) {
            go(now.done(event));
        }
    }

    fn leave(&self, now: &State, event: usize, socket: usize, go: &mut dyn FnMut(State)) {
        let key = self.key(socket);
        let undone = now.events[event].steps;
        if now.events[socket].superseded.is_some() {
            return go(now.done(event));
        }
        for step in [IN_REGISTRY, IN_KEY, REACHABLE] {
            if undone & step == 0 {
                go(now.with(event, |own| own.steps |= step));
            }
        }
        if undone & IN_KEY != 0 {
            self.tell(now, key, true, go);
        }
        if undone == ALL_STEPS && self.is_told(now, event, key, None) {
            go(now.done(event));
        }
    }
}

/// Walks and closing.
impl Search<'_> {
    /// The steps of a walk that makes `visit` at each socket, over a key or all, and its end.
    fn walk(
        &self,
        now: &State,
        event: usize,
        key: Option<u8>,
        visits: Option<u32>,
        go: &mut dyn FnMut(State),
        visit: impl Fn(State, usize, &mut dyn FnMut(State)),
    ) {
        let own = now.events[event];
        let has_reached = |socket: usize| own.steps & (1 << socket) != 0;
        if visits.is_none_or(|visits| own.visits < visits) {
            for socket in self.sockets(key).filter(|&socket| self.is(now, socket, REACHABLE)) {
                let is_taking_over = now.events[socket].turn > 0 && !self.is_before(socket, event);
                if !has_reached(socket) || is_taking_over && visits.is_some() {
                    let count = |own: &mut Progress| {
                        own.steps |= 1 << socket;
                        own.visits += u32::from(visits.is_some());
                    };
                    visit(now.with(event, count), socket, go);
                }
            }
        }
        let is_owed = |socket: usize| self.is_before(socket, event) && self.is_missed(now, socket, &has_reached);
        if visits.is_none_or(|visits| own.visits == visits) && !self.sockets(key).any(is_owed) {
            go(now.done(event));
        }
    }

    /// Whether a walk has reached neither the socket nor one that took over from it, and could.
    fn is_missed(&self, now: &State, socket: usize, has_reached: &impl Fn(usize) -> bool) -> bool {
        let heir = |socket: &usize| now.events[*socket].superseded.map(|superseded| superseded.heir.into());
        let mut line = std::iter::successors(Some(socket), heir);
        let is_reached = line.clone().any(has_reached);
        !is_reached && line.any(|socket| self.is(now, socket, REACHABLE))
    }

    /// Closes the socket for that reason, or for that of another call that is about to close it;
    /// the first reason stays. Of these only the one that the owner sees later can lead anywhere.
    pub(super) fn close(&self, next: State, socket: usize, reason: Closed, go: &mut dyn FnMut(State)) {
        if next.events[socket].reason.is_some() {
            return go(next);
        }
        let seen = self.history.iter().find_map(|event| match event.call {
            Call::CloseReason { socket: of, reason } if of == socket => reason,
            _ => None,
        });
        let given = seen.unwrap_or(reason);
        if given == reason || (0..self.history.len()).any(|other| self.may_close(&next, other, socket, given)) {
            go(next.with(socket, |socket| socket.reason = Some(given)));
        }
    }

    /// Whether the call is in progress and gives sockets such as this one that reason.
    fn may_close(&self, now: &State, event: usize, socket: usize, why: Closed) -> bool {
        let key = self.key(socket);
        let gives = match self.history[event].call {
            Call::Disconnect { key: of, reason, .. } => of == key && reason == why,
            Call::DisconnectSocket { socket: of, reason, .. } => of == socket && reason == why,
            Call::Register { key: of, takes_over: true, result: Registered::Ok } => {
                of == key && why == Closed::Superseded
            }
            _ => false,
        };
        gives && self.is_open(now, event)
    }

    fn closes(&self) -> impl Iterator<Item = usize> {
        (0..self.history.len()).filter(|&event| matches!(self.history[event].call, Call::Close))
    }
}

/// Sockets.
impl Search<'_> {
    /// The sockets of a key or of all, whether live or not.
    pub(super) fn sockets(&self, of: Option<u8>) -> impl Iterator<Item = usize> + Clone {
        (0..self.history.len()).filter(move |&socket| {
            matches!(self.history[socket].call, Call::Register { key, result: Registered::Ok, .. } if of.is_none_or(|of| of == key))
        })
    }

    pub(super) fn key(&self, socket: usize) -> u8 {
        match self.history[socket].call {
            Call::Register { key, .. } => key,
            _ => unreachable!("a socket is the number of its registration"),
        }
    }

    pub(super) fn is_before(&self, event: usize, other: usize) -> bool {
        self.history[event].ended < self.history[other].began
    }

    /// Whether the socket's registration has made this step, and no drop or takeover has undone it.
    pub(super) fn is(&self, now: &State, socket: usize, step: u32) -> bool {
        let own = now.events[socket];
        let undoes = |(event, other): (usize, &Event)| {
            matches!(other.call, Call::Drop { socket: dropped } if dropped == socket)
                && now.events[event].steps & step != 0
        };
        own.steps & step != 0
            && own.superseded.is_none_or(|superseded| superseded.undone & step == 0)
            && !self.history.iter().enumerate().any(undoes)
    }

    /// The live sockets of a key, or of all.
    pub(super) fn count(&self, now: &State, step: u32, of: Option<u8>) -> usize {
        self.sockets(of).filter(|&socket| self.is(now, socket, step)).count()
    }
}
