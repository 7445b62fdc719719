//! What sockets cost in memory, by the allocator's count and by the system's. Only one contestant
//! and one phase per process: what an allocator keeps back from one would be found again by the
//! next.

use super::{
    armed::Armed,
    peers::{Key, Peer},
    population::Lasting,
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    sync::atomic::{AtomicBool, AtomicIsize, Ordering},
};

/// The system's allocator, which counts in the processes that measure memory and nowhere else.
pub struct Counting;

static ENABLED: AtomicBool = AtomicBool::new(false);
/// Signed: what was allocated before counting began may be freed after.
static LIVE: AtomicIsize = AtomicIsize::new(0);

impl Counting {
    /// From now on.
    pub fn enable() {
        ENABLED.store(true, Ordering::Relaxed);
    }

    #[inline]
    fn add(bytes: usize) {
        if ENABLED.load(Ordering::Relaxed) {
            LIVE.fetch_add(bytes as isize, Ordering::Relaxed);
        }
    }

    #[inline]
    fn sub(bytes: usize) {
        if ENABLED.load(Ordering::Relaxed) {
            LIVE.fetch_sub(bytes as isize, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::add(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    /// Not left to the default: zeroed pages must come untouched, as they do without us.
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::add(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::sub(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::add(size);
        Self::sub(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Bytes in use.
#[derive(Clone, Copy)]
pub struct Footprint {
    pub allocated: f64,
    pub resident: f64,
}

impl Footprint {
    fn now() -> Self {
        Self { allocated: LIVE.load(Ordering::Relaxed) as f64, resident: resident() as f64 }
    }

    fn since(self, base: Self) -> Self {
        Self { allocated: self.allocated - base.allocated, resident: self.resident - base.resident }
    }

    fn per(self, sockets: usize) -> Self {
        Self { allocated: self.allocated / sockets as f64, resident: self.resident / sockets as f64 }
    }
}

/// The private part of the resident set: the program's own pages come in as it runs.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("a kernel since 4.5");
    let kibibytes = line.split_whitespace().nth(1).and_then(|number| number.parse::<usize>().ok());
    kibibytes.expect("a number") << 10
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Sockets that do nothing, handle included; then after all have left.
    Idle,
    /// Sockets whose tasks wait, future included; then after all have left.
    Waiting,
    /// Ten generations of distinct keys, one after the other: with the first one there, and with
    /// the last one.
    Passing,
}

impl Phase {
    pub const ALL: [Self; 3] = [Self::Idle, Self::Waiting, Self::Passing];

    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Waiting => "waiting",
            Self::Passing => "passing",
        }
    }
}

/// Two footprints per phase, per socket.
#[derive(Clone, Copy)]
pub struct Footprints(pub Footprint, pub Footprint);

/// Run this in a process of its own, with [`Counting`] enabled.
pub fn measure<K: Key, P: Peer<K>>(phase: Phase, sockets: usize) -> Footprints {
    let keys = |generation: usize| (generation * sockets..(generation + 1) * sockets).map(|n| K::nth(n as u64));
    let base = Footprint::now();
    let since_base = || Footprint::now().since(base).per(sockets);
    if phase == Phase::Waiting {
        let mut armed = Armed::<K, P>::new(sockets, keys(0));
        let full = since_base();
        armed.leave();
        return Footprints(full, since_base());
    }

    let registry = Lasting::new(P::sized_for(sockets));
    let mut held = Vec::with_capacity(sockets);
    held.extend(keys(0).map(|key| registry.get().register(key)));
    let full = since_base();
    if phase == Phase::Idle {
        drop(held);
        return Footprints(full, since_base());
    }
    for generation in 1..10 {
        held.clear();
        held.extend(keys(generation).map(|key| registry.get().register(key)));
    }
    Footprints(full, since_base())
}
