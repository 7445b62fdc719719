//! The specification of a takeover, once its socket is registered.

use socket_registry::Closed;

use super::{ALL_STEPS, IN_KEY, IN_REGISTRY, REACHABLE, Search, State, Superseded};

impl Search<'_> {
    pub(super) fn take_over(&self, now: &State, event: usize, key: u8, go: &mut dyn FnMut(State)) {
        let own = now.events[event];
        for socket in self.sockets(Some(key)).filter(|&socket| self.is(now, socket, REACHABLE)) {
            let other = now.events[socket];
            if socket == event {
                let winners = self
                    .sockets(Some(key))
                    .filter(|&winner| now.events[winner].turn > own.turn && now.events[winner].steps & REACHABLE != 0);
                winners.for_each(|winner| self.supersede(now, event, socket, winner, go));
            } else if other.turn < own.turn && !(other.turn == 0 && self.came_after_a_later_one(now, event, socket)) {
                self.supersede(now, event, socket, event, go);
            }
        }
        for socket in self.sockets(Some(key)) {
            let Some(superseded) = now.events[socket].superseded.filter(|done| done.by == event as u8) else {
                continue;
            };
            for step in [IN_REGISTRY, IN_KEY].into_iter().filter(|step| superseded.undone & step == 0) {
                let undone = superseded.undone | step;
                go(now.with(socket, |socket| socket.superseded = Some(Superseded { undone, ..superseded })));
            }
        }
        if own.taken != 0 {
            self.hand_on(now, event, key, go);
        }
    }

    fn supersede(&self, now: &State, event: usize, socket: usize, heir: usize, go: &mut dyn FnMut(State)) {
        let due = now.events[socket].due;
        let superseded = Some(Superseded { by: event as u8, heir: heir as u8, undone: REACHABLE });
        let next = now.with(socket, |socket| (socket.due, socket.superseded) = (0, superseded));
        self.close(next.with(event, |own| own.taken |= due), socket, Closed::Superseded, go);
    }

    /// What was taken goes to the new socket or, if that one is superseded, to others of the key.
    fn hand_on(&self, now: &State, event: usize, key: u8, go: &mut dyn FnMut(State)) {
        let topics = now.events[event].taken;
        let over = now.with(event, |own| own.taken = 0);
        if self.is(now, event, REACHABLE) {
            return go(over.with(event, |own| own.due |= topics));
        }
        let mut is_taken_over = false;
        for socket in self.sockets(Some(key)).filter(|&socket| self.is(now, socket, REACHABLE)) {
            is_taken_over |= now.events[socket].turn > 0;
            go(now.with(socket, |socket| socket.due |= topics));
            go(over.with(socket, |socket| socket.due |= topics));
        }
        if !is_taken_over {
            go(over);
        }
    }

    /// Whether the takeover may return.
    pub(super) fn has_taken_over(&self, now: &State, event: usize, key: u8) -> bool {
        let stays = self.is(now, event, REACHABLE);
        now.events[event].taken == 0
            && self.sockets(Some(key)).filter(|&socket| socket != event).all(|socket| {
                let other = now.events[socket];
                let must_have_gone = self.is_before(socket, event) || stays && other.turn > 0 && other.done;
                !(must_have_gone && self.is(now, socket, REACHABLE))
            })
            && now
                .events
                .iter()
                .filter_map(|other| other.superseded)
                .all(|superseded| superseded.by != event as u8 || superseded.undone == ALL_STEPS)
    }

    /// Whether the socket was registered after a takeover with a later turn had returned.
    fn came_after_a_later_one(&self, now: &State, event: usize, socket: usize) -> bool {
        let turn = now.events[event].turn;
        self.sockets(Some(self.key(socket))).any(|other| now.events[other].turn > turn && self.is_before(other, socket))
    }
}
