//! The specification of presence: what a subscription that has taken all events knows.

use super::{Call, Event, IN_KEY, Registered, Search, State};

impl Search<'_> {
    /// What a call may tell of a key that it changes, and perhaps has left.
    pub(super) fn tell(&self, now: &State, key: u8, has_left: bool, go: &mut dyn FnMut(State)) {
        let may_tell = if is_online(now, key) {
            has_left && !self.sockets(Some(key)).any(|socket| now.events[socket].done && self.is(now, socket, IN_KEY))
        } else {
            self.count(now, IN_KEY, Some(key)) > 0 || self.is_being_told(now, key)
        };
        if self.is_watched() && may_tell {
            go(State { online: now.online ^ 1 << key, ..*now });
        }
    }

    /// Whether a call that came or left may return: the subscription knows that the new `socket` is
    /// there, or that the key is idle, unless another call is about to change that.
    pub(super) fn is_told(&self, now: &State, event: usize, key: u8, socket: Option<usize>) -> bool {
        if !self.is_watched() {
            return true;
        }
        if socket.is_some_and(|socket| self.is(now, socket, IN_KEY)) {
            return is_online(now, key);
        }
        let is_others = self.history.iter().enumerate().any(|(other, Event { call, .. })| {
            let of = match *call {
                Call::Register { key, result: Registered::Ok, .. } => key,
                Call::Drop { socket } => self.key(socket),
                _ => return false,
            };
            let progress = now.events[other];
            of == key && other != event && progress.steps != 0 && !progress.done
        });
        is_others || self.count(now, IN_KEY, Some(key)) > 0 || !is_online(now, key)
    }

    /// Whether a registration of the key is in progress, which joins the key to tell of it.
    pub(super) fn is_being_told(&self, now: &State, key: u8) -> bool {
        let tells = |socket: usize| now.events[socket].steps & IN_KEY != 0 && !now.events[socket].done;
        self.sockets(Some(key)).any(tells)
    }

    pub(super) fn is_watched(&self) -> bool {
        self.history.iter().any(|event| matches!(event.call, Call::Online { .. }))
    }
}

pub(super) fn is_online(now: &State, key: u8) -> bool {
    now.online & 1 << key != 0
}
