//! One thread is stopped after its k-th step and never runs again, for every k. All others must
//! come to their end without it, and be right: that is what lock-free promises. Where one of them
//! cannot go on, the schedule fails.
//!
//! Each test stops one operation, concurrent with threads that perform all operations, on the same
//! key and on another one.

use crate::{CloseReason, Closed, PresenceEvent, Registry, Socket, Topics};
use shuttle::future::block_on;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, Runner, thread};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

/// The thread that is stopped: the first one that a scenario starts.
const VICTIM: usize = 1;
/// More steps than any operation takes concurrent with the others.
const STEPS: usize = 150;
/// How many schedules are tried for each step.
const SCHEDULES: usize = 20;

/// What the scheduler and the scenario tell each other.
#[derive(Clone, Default)]
struct Progress {
    /// The others have come to their end: the victim may go on.
    done: Arc<AtomicBool>,
    /// After how many steps of the victim the others could not go on, and how often.
    blocked: Arc<Mutex<BTreeMap<usize, usize>>>,
}

/// Chooses at random, and stops the victim after `after` steps.
struct Frozen {
    left: usize,
    after: usize,
    steps: usize,
    random: u64,
    progress: Progress,
}

impl Frozen {
    /// Xorshift (G. Marsaglia, "Xorshift RNGs", 2003): the same schedules in every run.
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

impl Scheduler for Frozen {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.left = self.left.checked_sub(1)?;
        (self.after, self.steps) = (self.left % STEPS, 0);
        self.progress.done.store(false, SeqCst);
        Some(Schedule::new(self.random))
    }

    fn next_task(&mut self, runnable: &[&Task], _: Option<TaskId>, _: bool) -> Option<TaskId> {
        let victim = TaskId::from(VICTIM);
        let others: Vec<TaskId> = runnable.iter().map(|task| task.id()).filter(|&id| id != victim).collect();
        let is_runnable = others.len() < runnable.len();
        let is_stopped = self.steps >= self.after && !self.progress.done.load(SeqCst);
        if is_runnable && !is_stopped && (others.is_empty() || self.random() % 2 == 0) {
            self.steps += 1;
            return Some(victim);
        }
        if others.is_empty() {
            *self.progress.blocked.lock().unwrap().entry(self.steps).or_default() += 1;
            self.progress.done.store(true, SeqCst);
            return Some(victim);
        }
        let choice = self.random() as usize % others.len();
        Some(others[choice])
    }

    fn next_u64(&mut self) -> u64 {
        self.random()
    }
}

type Keys = Registry<usize>;
/// An operation, by the owner of a socket that is registered under key 0.
type Operation = fn(&Keys, Socket<usize>);

/// Runs `victim` on a thread that is stopped after each of its steps, concurrent with `others`.
fn freeze(victim: Operation, others: fn(&Keys)) {
    freeze_with(|registry| registry.register(0).unwrap(), victim, others);
}

/// The same with other sockets for the victim.
fn freeze_with<S: Send + 'static>(sockets: fn(&Keys) -> S, victim: fn(&Keys, S), others: fn(&Keys)) {
    let progress = Progress::default();
    let scheduler = Frozen {
        left: SCHEDULES * STEPS,
        after: 0,
        steps: 0,
        random: 0x9e37_79b9_7f4a_7c15,
        progress: progress.clone(),
    };
    let mut config = Config::new();
    config.silence_warnings = true;
    let done = progress.done.clone();
    Runner::new(scheduler, config).run(move || {
        let registry: Keys = Registry::builder().shards(1).build().unwrap();
        let there = sockets(&registry);
        let stopped = {
            let registry = registry.clone();
            thread::spawn(move || victim(&registry, there))
        };
        others(&registry);
        done.store(true, SeqCst);
        stopped.join().unwrap();
        assert_eq!((registry.key_count(), registry.socket_count()), (0, 0));
        registry.for_each(|socket| panic!("{socket:?} is left"));
    });
    let blocked = progress.blocked.lock().unwrap();
    assert!(blocked.is_empty(), "the others wait for a thread that was stopped after so many steps: {blocked:?}");
}

fn beside(registry: &Keys, f: fn(&Keys)) -> thread::JoinHandle<()> {
    let registry = registry.clone();
    thread::spawn(move || f(&registry))
}

/// Two threads that perform everything.
fn everything(registry: &Keys) {
    let threads = [beside(registry, use_keys), beside(registry, use_keys)];
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    // The victim's sockets and those that it has yet to remove.
    assert!(registry.socket_count() <= 4);
}

fn use_keys(registry: &Keys) {
    for key in [0, 1] {
        let socket = registry.register(key).unwrap();
        // Another thread may take the key over and leave; before that, everything meets this
        // socket.
        let is_met = |met: bool| assert!(met || !registry.contains(socket.id()));
        is_met(registry.mark(&key) >= 1);
        is_met(socket.take_due().contains(Topics::UPDATE));
        is_met(registry.mark_all() >= 1);
        is_met(registry.mark_many(&[key]) >= 1);
        is_met(registry.mark_where_topics(|other| *other.key() == key, Topics::topic(1)) >= 1);
        is_met(socket.take_due() == Topics::UPDATE | Topics::topic(1));
        let mut met = 0;
        registry.for_each_of(&key, |_| met += 1);
        is_met(met >= 1);
        is_met(registry.is_active(&key) && registry.sockets_of(&key).contains(&socket.id()));
        is_met(registry.disconnect(&key, CloseReason::LOGGED_OUT) >= 1);
        assert!(socket.close_reason().is_some());
        let new = registry.register_taking_over(key, ()).unwrap();
        assert!(!registry.contains(socket.id()));
        socket.restore_due(Topics::UPDATE);
        assert!(registry.socket_count() >= usize::from(registry.contains(new.id())));
    }
}

/// A takeover returns: the socket that was there before it is told.
fn take_over(registry: &Keys) {
    let old = registry.register(1).unwrap();
    let new = registry.register_taking_over(1, ()).unwrap();
    assert_eq!(old.close_reason(), Some(Closed::Superseded));
    drop(new);
    assert!(old.close_reason().is_some());
}

/// An owner waits for the mark of another thread.
fn wait(registry: &Keys) {
    let mut socket = registry.register(0).unwrap();
    let owner = thread::spawn(move || {
        let mut taken = Topics::EMPTY;
        while !taken.contains(Topics::topic(5)) {
            match block_on(socket.due()) {
                Ok(due) => taken |= due,
                Err(_) => return,
            }
        }
    });
    let marker = beside(registry, |registry| _ = registry.mark_topics(&0, Topics::topic(5)));
    marker.join().unwrap();
    owner.join().unwrap();
}

/// An owner waits while its key is taken over: it is told when any takeover that began after its
/// registration has returned.
fn wait_for_takeover(registry: &Keys) {
    let mut socket = registry.register(0).unwrap();
    let owner = thread::spawn(move || while block_on(socket.due()).is_ok() {});
    let _new = registry.register_taking_over(0, ()).unwrap();
    owner.join().unwrap();
}

/// A subscription hears of every key whose registration has returned, and the wait for the last
/// socket does not end before that.
fn watch(registry: &Keys) {
    let (mut presence, mut online) = (registry.presence(), [false; 2]);
    let hear = |online: &mut [bool; 2], event| match event {
        PresenceEvent::Online { key, .. } => online[key] = true,
        PresenceEvent::Offline { key, .. } => online[key] = false,
        PresenceEvent::Lagged => {}
    };
    // Its walk is over when the registrations begin: it would find what they do not tell.
    while let Some(event) = presence.try_next() {
        hear(&mut online, event);
    }
    let sockets = [0, 1].map(|key| registry.register(key).unwrap());
    let watcher = thread::spawn(move || {
        while online != [true; 2] {
            hear(&mut online, block_on(presence.next()));
        }
    });
    watcher.join().unwrap();
    let drained = pin!(registry.drained()).poll(&mut Context::from_waker(Waker::noop()));
    assert!(drained.is_pending(), "drained, while sockets are there");
    drop(sockets);
}

macro_rules! stopped {
    ($($name:ident: $victim:expr, beside $($others:ident)+;)*) => {
        $(mod $name {
            $(#[test]
            fn $others() {
                super::freeze($victim, super::$others);
            })+
        })*
    };
}

stopped! {
    stopped_drop: |_, there| drop(there), beside everything take_over wait watch;
    stopped_register: |registry, _there| drop(registry.register(0)), beside everything take_over wait watch;
    stopped_insert: |registry, _there| drop(registry.register(1)), beside everything take_over wait watch;
    // Not with a wait for a mark: what was due for the superseded socket waits for the takeover.
    stopped_takeover: |registry, _there| {
        drop((registry.register_taking_over(0, ()), registry.register_taking_over(1, ())));
    }, beside everything take_over wait_for_takeover watch;
    stopped_mark: |registry, _there| _ = registry.mark(&0) + registry.mark(&1), beside everything take_over wait watch;
    stopped_mark_all: |registry, _there| _ = registry.mark_all(), beside everything take_over wait watch;
    stopped_mark_many: |registry, _there| _ = registry.mark_many(&[0, 1]), beside everything take_over wait watch;
    stopped_mark_where: |registry, _there| {
        registry.mark_where(|_| true);
    }, beside everything take_over wait watch;
    stopped_walk: |registry, _there| {
        registry.for_each(|socket| _ = socket.peek_due());
    }, beside everything take_over wait watch;
    stopped_disconnect: |registry, _there| _ = registry.disconnect(&0, crate::CloseReason::LOGGED_OUT), beside everything take_over wait watch;
    stopped_evict: |registry, there| _ = registry.evict_socket(there.id(), crate::CloseReason::LOGGED_OUT), beside everything take_over wait watch;
    // Of a key that the others do not use: they only look for revocations from then on.
    stopped_revoke: |registry, _there| drop(registry.revoke(2, crate::CloseReason::LOGGED_OUT)), beside everything take_over wait watch;
    stopped_take: |registry, there| {
        registry.mark(&0);
        there.restore_due(there.take_due());
    }, beside everything take_over wait watch;
    stopped_wait: |_, mut there| {
        let wakers = [std::task::Waker::noop(), &super::other_waker()];
        for waker in wakers {
            let _ = there.poll_due(&mut std::task::Context::from_waker(waker));
        }
    }, beside everything take_over wait watch;
    stopped_subscribe: |registry, _there| drop(registry.presence().try_next()), beside everything take_over wait watch;
    stopped_watch: |registry, _there| _ = registry.watch_counts().take_changed(), beside everything take_over wait watch;
}

/// Four sockets of a key whose chain has seven slots.
fn in_a_long_chain(registry: &Keys) -> Vec<Socket<usize>> {
    let mut sockets: Vec<_> = (0..8).map(|_| registry.register(0).unwrap()).collect();
    sockets.drain(..4);
    sockets
}

/// A thread is stopped while it sweeps a chain.
mod stopped_sweep {
    use super::{everything, freeze_with, in_a_long_chain, take_over, wait, watch};

    #[test]
    fn beside_all() {
        for others in [everything, take_over, wait, watch] {
            freeze_with(in_a_long_chain, |_, sockets| drop(sockets), others);
        }
    }
}

/// A waker of another task than the one that does nothing.
fn other_waker() -> Waker {
    struct Other;
    impl std::task::Wake for Other {
        fn wake(self: Arc<Self>) {}
    }
    Waker::from(Arc::new(Other))
}
