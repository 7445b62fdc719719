//! Orders the takeovers of a key: concurrent takeovers agree on the last one, and a concurrent walk
//! learns what it may have missed.
//!
//! # The steps of a takeover
//! 1. *Draw* a turn from the shard's clock, and note it in the slot. The socket is not published
//!    yet.
//! 2. Publish it.
//! 3. *Arrive*: step the clock once more, note that number in the slot, and raise the key's version
//!    to it.
//! 4. Walk the key: supersede each live socket of a lower turn.
//! 5. If the walk met a live takeover of a higher turn, arrive once more on its behalf, and
//!    supersede this socket too.
//!
//! A socket that does not take over notes the clock's current reading as its turn, if its key has a
//! chain by then. Without a chain the slot keeps an older number, which is lower than the turn of
//! every takeover that can meet the socket. In a registry that evicts its keys' oldest sockets,
//! every socket draws a turn. A socket that took over clears its TAKES_OVER mark when it leaves.
//!
//! # Why exactly one of them stays
//! - Take two takeovers that are both published and have both arrived. The one that stepped the
//!   clock second finds the other one in its walk. If its own turn is higher, it supersedes the
//!   other; otherwise it supersedes itself.
//! - A takeover supersedes only lower turns, and supersedes itself only for a live socket of a
//!   higher turn. So the highest turn stays until its owner drops it.
//! - A socket that was registered after a takeover had returned has the same turn or a higher one.
//!   So an earlier takeover that is still running leaves it alone.
//!
//! # Why a walk misses no socket
//! A walk can pass the new socket's slot before that socket is published, and reach the old one's
//! slot after that socket was superseded or removed. In that case the key's version was raised
//! between the two, so a walk that finds the version changed walks once more. The second walk
//! visits only sockets that took over since the first one began (`has_taken_over_since`). The first
//! walk visited all others, or they were registered after it. In step 5 the loser raises the
//! version on behalf of the winner, because the winner may be published without having arrived.

use crate::sync::{AtomicU64, Ordering};

/// Counts the steps of one shard's takeovers: the turns that were drawn, and the arrivals.
#[derive(Default)]
pub(crate) struct TakeoverClock(AtomicU64);

impl TakeoverClock {
    /// Returns the number of steps so far.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        // Ordering: Acquire, so that a walk that begins after this sees every socket that has
        // arrived by then.
        self.0.load(Ordering::Acquire)
    }

    /// Adds a step and returns its number.
    fn step(&self) -> u64 {
        // Ordering: AcqRel. Release pairs with `now`. Every step acquires all earlier ones, so the
        // takeover that arrives second sees the first one's socket.
        self.0.fetch_add(1, Ordering::AcqRel) + 1
    }
}

/// The number of the latest arrival among one key's takeovers. It is never reset: an earlier key of
/// the bucket had lower numbers.
#[derive(Default)]
pub(crate) struct TakeoverVersion(AtomicU64);

impl TakeoverVersion {
    #[inline]
    pub(crate) fn load(&self) -> u64 {
        // Ordering: Acquire, pairs with `arrive`: a walk that begins after this sees the sockets
        // that arrived up to this version.
        self.0.load(Ordering::Acquire)
    }

    /// Records the arrival of a takeover and returns its number. Called after the takeover has
    /// published its socket, and before it supersedes others.
    pub(crate) fn arrive(&self, clock: &TakeoverClock) -> u64 {
        let number = clock.step();
        // Ordering: AcqRel. Release, with the supersession that follows: a walk that finds a socket
        // superseded sees the new version. Acquire, so that a thread that sees this version sees
        // every socket that arrived with a lower number.
        self.0.fetch_max(number, Ordering::AcqRel);
        number
    }
}

const TAKES_OVER: u64 = 1;

/// The time at which the socket in a slot was registered, measured in takeovers of its shard.
#[derive(Default)]
pub(crate) struct SlotTurn {
    /// `| turn: 63 | TAKES_OVER |`
    turn: AtomicU64,
    /// The number of the arrival of a socket that takes over; 0 before that.
    arrival: AtomicU64,
}

impl SlotTurn {
    /// Draws the turn of a socket that takes over. Called by the claimer, before it publishes the
    /// socket.
    pub(crate) fn draw(&self, clock: &TakeoverClock) {
        // Ordering: Relaxed: the publication releases it. A walk that is still at the slot's former
        // socket may read it, and then its step fails.
        self.arrival.store(0, Ordering::Relaxed);
        self.note(clock.step() << 1 | TAKES_OVER);
    }

    /// Notes the current turn for a socket that does not take over. Called by the claimer, before
    /// it publishes the socket.
    pub(crate) fn note_now(&self, clock: &TakeoverClock) {
        self.note(clock.now() << 1);
    }

    /// Draws the turn of a socket that does not take over, in a registry that finds a key's oldest
    /// socket by the turns. Called by the claimer, before it publishes the socket.
    pub(crate) fn draw_in_order(&self, clock: &TakeoverClock) {
        self.note(clock.step() << 1);
    }

    fn note(&self, turn: u64) {
        // Ordering: Release, so that a thread that reads this and then the slot's state sees that
        // the slot's former socket is gone.
        self.turn.store(turn, Ordering::Release);
    }

    /// Notes the arrival of the socket that took over. Called by its registration.
    pub(crate) fn note_arrival(&self, number: u64) {
        // Ordering: Release, as `note`.
        self.arrival.store(number, Ordering::Release);
    }

    /// Clears the mark of a socket that took over, because the next one in the slot may note
    /// nothing. Called by its owner, before the slot is vacated.
    pub(crate) fn forget(&self) {
        // Ordering: Relaxed: only the owner writes it, and a thread that sees a later socket of the
        // slot has acquired this through the slot's state.
        let turn = self.turn.load(Ordering::Relaxed);
        // Ordering: Relaxed, as above.
        self.turn.store(turn & !TAKES_OVER, Ordering::Relaxed);
    }

    /// Returns the turn of the socket that was seen live in the slot, and whether it takes over. If
    /// that socket is gone by now, the result may be a later socket's, and the slot's state then
    /// shows it.
    pub(crate) fn load(&self) -> (u64, bool) {
        // Ordering: Acquire, pairs with `note`.
        let turn = self.turn.load(Ordering::Acquire);
        (turn >> 1, turn & TAKES_OVER != 0)
    }

    /// Tells whether the socket that was seen live in the slot took its key over and had not
    /// arrived at that `version`.
    pub(crate) fn has_taken_over_since(&self, version: u64) -> bool {
        // Ordering: Acquire, pairs with `note_arrival`.
        self.load().1 && !(1..=version).contains(&self.arrival.load(Ordering::Acquire))
    }
}
