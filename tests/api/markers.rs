//! What may cross threads and what may not (G11), asserted both ways when this compiles.

use std::cell::Cell;
use std::hash::Hash;
use std::rc::Rc;
use std::sync::MutexGuard;

use socket_registry::{
    BuildError, Builder, Changed, CloseGradually, CloseReason, Closed, CountsWatch, Drained, Due, Grace, KeyChanged,
    KeyWatch, MarkGradually, MarkWhereGradually, NextEvent, ParseIdError, Presence, PresenceEvent, RegisterError,
    Registration, Registry, RejectedRegistration, Revocation, Sequence, Socket, SocketId, SocketRef, Topics,
    TopicsIter, WaitClosed,
};
use static_assertions::{assert_impl_all, assert_not_impl_any, assert_type_eq_all};

/// Cannot be dropped on another thread, nor looked at from there.
type Unsent = Rc<()>;
/// Can be dropped on another thread, but not looked at from two.
type Unshared = Cell<u8>;
/// Can be looked at from two threads, but not dropped on another.
type Pinned = MutexGuard<'static, ()>;

assert_impl_all!(Registry<String, String>: Send, Sync, Clone, Default, Unpin);
assert_impl_all!(Builder<String, String>: Send, Sync, Clone, Default);
// `Sync` too, so that a task may hold `&socket` across an await point.
assert_impl_all!(Socket<String, String>: Send, Sync, Unpin);
assert_impl_all!(Due<'static, String, String>: Future, Send, Unpin);
assert_impl_all!(WaitClosed<'static, String, String>: Future, Send, Unpin);
assert_impl_all!(Presence<String, String>: Send, Sync, Unpin);
assert_impl_all!(NextEvent<'static, String, String>: Future, Send, Unpin);
assert_impl_all!(PresenceEvent<String>: Send, Sync, Clone, Eq, std::fmt::Debug);
assert_impl_all!(CountsWatch<String, String>: Send, Sync, Unpin);
assert_impl_all!(Changed<'static, String, String>: Future, Send, Unpin);
assert_impl_all!(KeyWatch<String, String>: Send, Sync, Unpin);
assert_impl_all!(KeyChanged<'static, String, String>: Future, Send, Unpin);
// `'static`: a task of its own may wait.
assert_impl_all!(Drained<String, String>: Future, Send, Sync, Unpin);
assert_impl_all!(Revocation<String>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(SocketId: Send, Sync, Copy, Eq, Hash, Ord, std::fmt::Debug, std::fmt::Display, std::str::FromStr);
assert_impl_all!(Registration<'static, String, String>: Send, Sync, Unpin);
assert_impl_all!(Grace<String>: Send, Sync, Unpin);
// A task of its own may drain a server, and wait between two batches.
assert_impl_all!(CloseGradually<'static, String, String>: Iterator, Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(MarkGradually<'static, String, String>: Iterator, Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(MarkWhereGradually<'static, fn(SocketRef<'_, String, String>) -> bool, String, String>: Iterator, Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(SocketRef<'static, String, String>: Send, Sync, Copy, Unpin);
#[cfg(feature = "stats")]
assert_impl_all!(socket_registry::Stats: Send, Sync, Unpin, std::fmt::Debug);
#[cfg(feature = "stream")]
assert_impl_all!(socket_registry::Counts: Send, Sync, Copy, Eq, Hash, std::fmt::Debug);
assert_impl_all!(Topics: Send, Sync, Copy, Eq, std::fmt::Debug);
assert_impl_all!(BuildError: Send, Sync, std::error::Error);
assert_impl_all!(ParseIdError: Send, Sync, std::error::Error);
assert_impl_all!(RegisterError: Send, Sync, std::error::Error);
// An error whatever the key and the metadata are.
assert_impl_all!(RejectedRegistration<String, Vec<u8>>: Send, Sync, Unpin, std::error::Error);
assert_impl_all!(RejectedRegistration<Unsent, Unsent>: std::error::Error);
assert_impl_all!(CloseReason: Send, Sync, Copy, Ord, Hash, std::fmt::Display);
assert_impl_all!(Sequence: Send, Sync, Copy, Ord, Hash, std::fmt::Display);
assert_impl_all!(TopicsIter: Send, Sync, Clone, ExactSizeIterator);
assert_impl_all!(Closed: Send, Sync, std::error::Error);

// Metadata is looked at by any thread that walks, while its socket is dropped somewhere else: every
// handle needs it to be both.
assert_not_impl_any!(Registry<u64, Unsent>: Send, Sync);
assert_not_impl_any!(Registry<u64, Unshared>: Send, Sync);
assert_not_impl_any!(Registry<u64, Pinned>: Send, Sync);
assert_not_impl_any!(Socket<u64, Unsent>: Send, Sync);
assert_not_impl_any!(Socket<u64, Unshared>: Send, Sync);
assert_not_impl_any!(Socket<u64, Pinned>: Send, Sync);
assert_not_impl_any!(Presence<u64, Unsent>: Send, Sync);
assert_not_impl_any!(CountsWatch<u64, Unshared>: Send, Sync);
assert_not_impl_any!(Presence<Unsent>: Send, Sync);
assert_not_impl_any!(RejectedRegistration<u64, Unsent>: Send, Sync);
assert_not_impl_any!(Due<'static, u64, Unsent>: Send);
assert_not_impl_any!(Due<'static, u64, Unshared>: Send);
assert_not_impl_any!(Due<'static, u64, Pinned>: Send);
// A reference is never dropped for its socket, so `Pinned` metadata may be seen through one
// anywhere.
assert_not_impl_any!(SocketRef<'static, u64, Unsent>: Send, Sync);
assert_not_impl_any!(SocketRef<'static, u64, Unshared>: Send, Sync);

// One owner: a second one could take what the first one waits for.
assert_not_impl_any!(Socket<u64>: Clone, Copy);
assert_not_impl_any!(Presence<u64>: Clone);
assert_not_impl_any!(CountsWatch<u64>: Clone);
assert_not_impl_any!(KeyWatch<u64>: Clone);
assert_not_impl_any!(Revocation<u64>: Clone);

assert_type_eq_all!(Registry<u64>, Registry<u64, ()>);
assert_type_eq_all!(Socket<u64>, Socket<u64, ()>);
assert_type_eq_all!(<Due<'static, u64, ()> as Future>::Output, Result<Topics, Closed>);

/// Every public type is asserted above to cross threads, or the list is not complete.
#[test]
fn every_public_type_is_here() {
    let exports = include_str!("../../src/lib.rs").lines().filter(|line| line.starts_with("pub use "));
    let names: Vec<_> = exports
        .flat_map(|line| line.rsplit("::").next().unwrap().split(','))
        .map(|name| name.trim_matches(|c: char| !c.is_alphanumeric()))
        .collect();
    assert!(names.len() > 15 && names.contains(&"CloseGradually"), "{names:?}");
    let asserts: Vec<_> =
        include_str!("markers.rs").lines().filter_map(|line| line.strip_prefix("assert_impl_all!(")).collect();
    for name in names {
        let is_asserted = |line: &&str| {
            let (subject, traits) = line.split_once(": ").unwrap();
            let subject = subject.trim_start_matches("socket_registry::");
            subject.split('<').next() == Some(name) && traits.contains("Send")
        };
        assert!(asserts.iter().any(is_asserted), "{name}");
    }
}

/// What a server does all day: `!Send` metadata is only refused where it would cross.
#[test]
fn metadata_that_stays_on_its_thread_is_allowed() {
    let registry = Registry::<u64, Unsent>::new();
    let metadata = Unsent::new(());
    let socket = registry.register_with(42, Rc::clone(&metadata)).unwrap();
    assert_eq!(registry.mark(&42), 1);
    drop((socket, registry));
    assert_eq!(Rc::strong_count(&metadata), 1);
}
