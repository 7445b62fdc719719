//! What may cross threads and what may not (G11), asserted both ways when this compiles.

use std::cell::Cell;
use std::hash::Hash;
use std::rc::Rc;
use std::sync::MutexGuard;

use socket_registry::{
    Builder, Changed, Closed, Counts, Drained, Due, NextEvent, Presence, PresenceEvent, RegisterError, Registry,
    Socket, SocketId, SocketRef, Topics,
};
use static_assertions::{assert_impl_all, assert_not_impl_any, assert_type_eq_all};

/// Cannot be dropped on another thread, nor looked at from there.
type Unsent = Rc<()>;
/// Can be dropped on another thread, but not looked at from two.
type Unshared = Cell<u8>;
/// Can be looked at from two threads, but not dropped on another.
type Pinned = MutexGuard<'static, ()>;

assert_impl_all!(Registry<String, String>: Send, Sync, Clone, Default, Unpin);
assert_impl_all!(Builder<String, String>: Send, Sync);
// `Sync` too, so that a task may hold `&socket` across an await point.
assert_impl_all!(Socket<String, String>: Send, Sync, Unpin);
assert_impl_all!(Due<'static, String, String>: Future, Send, Unpin);
assert_impl_all!(Presence<String, String>: Send, Sync, Unpin);
assert_impl_all!(NextEvent<'static, String, String>: Future, Send, Unpin);
assert_impl_all!(PresenceEvent<String>: Send, Sync, Clone, Eq, std::fmt::Debug);
assert_impl_all!(Counts<String, String>: Send, Sync, Unpin);
assert_impl_all!(Changed<'static, String, String>: Future, Send, Unpin);
// `'static`: a task of its own may wait.
assert_impl_all!(Drained<String, String>: Future, Send, Sync, Unpin);
assert_impl_all!(SocketId: Send, Sync, Copy, Eq, Hash, Ord, std::fmt::Debug, std::fmt::Display);
assert_impl_all!(Topics: Send, Sync, Copy, Eq, std::fmt::Debug);
assert_impl_all!(RegisterError: Send, Sync, std::error::Error);
assert_impl_all!(Closed: Send, Sync, std::error::Error);

// Metadata is looked at by whoever walks, while its socket is dropped somewhere else: every handle
// needs it to be both.
assert_not_impl_any!(Registry<u64, Unsent>: Send, Sync);
assert_not_impl_any!(Registry<u64, Unshared>: Send, Sync);
assert_not_impl_any!(Registry<u64, Pinned>: Send, Sync);
assert_not_impl_any!(Socket<u64, Unsent>: Send, Sync);
assert_not_impl_any!(Socket<u64, Unshared>: Send, Sync);
assert_not_impl_any!(Socket<u64, Pinned>: Send, Sync);
assert_not_impl_any!(Presence<u64, Unsent>: Send, Sync);
assert_not_impl_any!(Counts<u64, Unshared>: Send, Sync);
assert_not_impl_any!(Presence<Unsent>: Send, Sync);
assert_not_impl_any!(Due<'static, u64, Unsent>: Send);
assert_not_impl_any!(Due<'static, u64, Unshared>: Send);
assert_not_impl_any!(Due<'static, u64, Pinned>: Send);
// A reference is never dropped for its socket, so `Pinned` metadata may be seen through one anywhere.
assert_not_impl_any!(SocketRef<'static, u64, Unsent>: Send, Sync);
assert_not_impl_any!(SocketRef<'static, u64, Unshared>: Send, Sync);

// One owner: a second one could take what the first one waits for.
assert_not_impl_any!(Socket<u64>: Clone, Copy);
assert_not_impl_any!(Presence<u64>: Clone);
assert_not_impl_any!(Counts<u64>: Clone);

assert_type_eq_all!(Registry<u64>, Registry<u64, ()>);
assert_type_eq_all!(Socket<u64>, Socket<u64, ()>);
assert_type_eq_all!(<Due<'static, u64, ()> as Future>::Output, Result<Topics, Closed>);

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
