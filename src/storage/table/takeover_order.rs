//! Which socket took a key over last: by what racing takeovers agree on the one that stays.
//!
//! # The steps of a takeover, and why one stays
//! 1. *Announce*: the socket that will take over becomes the latest. It is not published yet.
//! 2. Publish it; *advance* the version; fence.
//! 3. Walk the key. Supersede each socket that is found live, as long as this one still is the latest when it has been found.
//! 4. If another one is the latest and published, advance once more, and supersede this one too.
//!
//! Let L be the last to announce itself. Nobody supersedes L: who finds it live sees it announced. L supersedes every other that
//! its walk finds. One that its walk misses was published later, and so, by the fences, sees in its step 4 that L is the latest and published. If
//! it sees L announced only, then, by the same fences, L's walk is yet to come and finds it: so somebody is live at any time. And whoever
//! has been overtaken no longer touches who comes after L: it stops at the first socket that it finds after L was announced.
//!
//! # The version
//! A look at a key's sockets, one after the other, could pass a slot before the new socket is there, and reach the old one's when that is
//! superseded. The version steps between the two: if it is the same before and after the look, whoever superseded a socket that was
//! met was there before the look began. Who gives way in step 4 does so on behalf of the latest, and steps the version on its behalf, too: the
//! latest is there, but may not have come to its own step.

use crate::storage::slot::{Generation, LocalId, SlotAddr};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// How the sockets of one key succeeded one another. Never reset: what an earlier key of the bucket left behind names sockets that
/// are gone.
#[derive(Default)]
pub(crate) struct TakeoverOrder {
    /// `| generation: 32 | addr: 32 |`; at first that of a socket which cannot be told from none, and is never asked for.
    latest: AtomicU64,
    /// May wrap: it only has to differ between the beginning and the end of one look.
    version: AtomicU32,
}

impl TakeoverOrder {
    /// The socket, not yet published, is the latest.
    pub(crate) fn announce(&self, socket: LocalId) {
        // Ordering: AcqRel. Release, with the publication that follows: who finds the socket live sees it announced.
        self.latest.swap(socket.raw(), Ordering::AcqRel);
    }

    /// The latest socket is published, and will supersede others.
    pub(crate) fn advance(&self) {
        // Ordering: AcqRel. Release, with the supersession that follows: who sees that sees the step.
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn is_latest(&self, socket: LocalId) -> bool {
        self.latest() == socket
    }

    /// The latest socket; some socket or other that is gone, if there never was one.
    pub(crate) fn latest(&self) -> LocalId {
        // Ordering: Acquire, pairs with `announce`.
        let raw = self.latest.load(Ordering::Acquire);
        LocalId { addr: SlotAddr::from_raw(raw as u32), generation: Generation::new((raw >> 32) as u32) }
    }

    pub(crate) fn version(&self) -> u32 {
        // Ordering: Acquire, so that a look that begins after this sees who advanced it.
        self.version.load(Ordering::Acquire)
    }
}
