//! Which of a key's sockets took it over last: what racing takeovers agree on, and what a walk beside them may have missed.
//!
//! # The steps of a takeover
//! 1. *Draw* a turn from the shard's clock, and note it in the slot. The socket is not published yet.
//! 2. Publish it.
//! 3. *Arrive*: step the clock once more, note that number in the slot, and raise the key's version to it.
//! 4. Walk the key: supersede each live socket of a lower turn.
//! 5. If the walk met a live takeover of a higher turn, arrive once more on its behalf, and supersede this socket too.
//!
//! A socket that does not take over notes the clock's reading as its turn, if its key has a chain by then. (Without a chain the slot
//! holds an older number, lower than the turn of every takeover that can meet the socket; and a socket that took over says so no
//! longer when it goes.)
//!
//! # Why exactly one of them stays
//! - Of two takeovers, both published and arrived, the one that stepped the clock second finds the other one in its walk. If its own
//!   turn is higher, it supersedes the other; if not, it supersedes itself.
//! - A takeover supersedes only lower turns, and itself only for a higher one that is live. So the highest turn stays until its
//!   owner drops it.
//! - A socket that was registered after a takeover had returned has a turn as high or higher, so an earlier takeover that is still
//!   at work leaves it alone.
//!
//! # Why a walk misses nobody
//! A walk can pass the new socket's slot before that socket is published, and reach the old one's slot when it is superseded or gone.
//! Then the key's version was raised between the two, so a walk that finds the version changed goes round once more. It visits
//! only sockets that took over since it began (`has_taken_over_since`): all others it has visited, or they came later than it.
//! In step 5 the version is raised on behalf of the winner, which may be published without having arrived.

use crate::sync::{AtomicU64, Ordering};

/// Counts the steps of one shard's takeovers: the turns that were drawn, and the arrivals.
#[derive(Default)]
pub(crate) struct TakeoverClock(AtomicU64);

impl TakeoverClock {
    /// How many steps there were.
    pub(crate) fn now(&self) -> u64 {
        // Ordering: Acquire, so that a walk that begins after this sees every socket that has arrived by then.
        self.0.load(Ordering::Acquire)
    }

    /// One more step; returns its number.
    fn step(&self) -> u64 {
        // Ordering: AcqRel. Every step acquires all earlier ones: who arrives second sees the first one's socket.
        self.0.fetch_add(1, Ordering::AcqRel) + 1
    }
}

/// The number of the latest arrival among one key's takeovers. Never reset: an earlier key of the bucket had lower numbers.
#[derive(Default)]
pub(crate) struct TakeoverVersion(AtomicU64);

impl TakeoverVersion {
    pub(crate) fn load(&self) -> u64 {
        // Ordering: Acquire, pairs with `arrive`: a walk that begins after this sees the sockets that arrived up to it.
        self.0.load(Ordering::Acquire)
    }

    /// A takeover of the key has published its socket, and will supersede others; returns the number of its arrival.
    pub(crate) fn arrive(&self, clock: &TakeoverClock) -> u64 {
        let number = clock.step();
        // Ordering: AcqRel. Release, with the supersession that follows: a walk that finds a socket superseded sees the new version.
        // Acquire, so that whoever sees this version sees every socket that arrived with a lower number.
        self.0.fetch_max(number, Ordering::AcqRel);
        number
    }
}

const TAKES_OVER: u64 = 1;

/// When the socket in a slot came, in takeovers of its shard.
#[derive(Default)]
pub(crate) struct SlotTurn {
    /// `| turn: 63 | TAKES_OVER |`
    turn: AtomicU64,
    /// The number of the arrival of a socket that takes over; 0 before that.
    arrival: AtomicU64,
}

impl SlotTurn {
    /// The socket that is about to be published takes over. By the claimer.
    pub(crate) fn draw(&self, clock: &TakeoverClock) {
        // Ordering: Relaxed: the publication releases it. A walk that is still at the slot's former socket may read it, and its step fails.
        self.arrival.store(0, Ordering::Relaxed);
        self.note(clock.step() << 1 | TAKES_OVER);
    }

    /// The socket that is about to be published takes nothing over. By the claimer.
    pub(crate) fn note_now(&self, clock: &TakeoverClock) {
        self.note(clock.now() << 1);
    }

    fn note(&self, turn: u64) {
        // Ordering: Release, so that who reads this and then the slot's word sees that the slot's former socket is gone.
        self.turn.store(turn, Ordering::Release);
    }

    /// The socket that took over has arrived. By its registration.
    pub(crate) fn note_arrival(&self, number: u64) {
        // Ordering: Release, as `note`.
        self.arrival.store(number, Ordering::Release);
    }

    /// The socket, which took over, is gone: the next one in the slot may note nothing. By its owner, before the slot is vacated.
    pub(crate) fn forget(&self) {
        // Ordering: Relaxed: nobody else writes it, and who sees a later socket of the slot has acquired this by the slot's state.
        let turn = self.turn.load(Ordering::Relaxed);
        // Ordering: Relaxed, as above.
        self.turn.store(turn & !TAKES_OVER, Ordering::Relaxed);
    }

    /// The turn of the socket that was seen live in the slot, and whether it takes over; of a later one if that socket is gone
    /// by now, which the slot's word then says.
    pub(crate) fn load(&self) -> (u64, bool) {
        // Ordering: Acquire, pairs with `note`.
        let turn = self.turn.load(Ordering::Acquire);
        (turn >> 1, turn & TAKES_OVER != 0)
    }

    /// Whether the socket that was seen live in the slot took its key over, and had not arrived at that `version`.
    pub(crate) fn has_taken_over_since(&self, version: u64) -> bool {
        // Ordering: Acquire, pairs with `note_arrival`.
        self.load().1 && !(1..=version).contains(&self.arrival.load(Ordering::Acquire))
    }
}
