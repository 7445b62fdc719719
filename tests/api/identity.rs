//! What makes two keys the same: exactly what `Eq` says, for every way to write a `Hash`.

use std::borrow::Borrow;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use socket_registry::{RegisterError, Registry, Topics};
use uuid::Uuid;

/// Registers all keys but the last, and marks each alone: it must reach its own socket and no
/// other.
fn assert_distinct<K: Clone + Debug + Eq + Hash + Send + Sync + 'static>(keys: &[K]) {
    let registry = Registry::<K>::new();
    let (absent, present) = keys.split_last().expect("at least one key");
    let sockets: Vec<_> = present.iter().map(|key| registry.register(key.clone()).unwrap()).collect();
    assert_eq!(registry.key_count(), present.len());
    for key in present {
        assert_eq!(registry.mark(key), 1, "{key:?}");
        for socket in &sockets {
            let due = if socket.key() == key { Topics::UPDATE } else { Topics::EMPTY };
            assert_eq!(socket.take_due(), due, "{:?} when {key:?} was marked", socket.key());
        }
    }
    assert!(!registry.is_active(absent), "{absent:?}");
    assert_eq!(registry.mark(absent), 0);
    drop(sockets);
    assert!(present.iter().all(|key| !registry.is_active(key)));
}

#[test]
fn integers_of_every_width() {
    assert_distinct(&[0, 1, u8::MAX, 2]);
    assert_distinct(&[0, 1, 256, u16::MAX, 2]);
    assert_distinct(&[0, 1, 1 << 16, u32::MAX, 2]);
    assert_distinct(&[0, 1, 1 << 32, 1 << 63, u64::MAX, 2]);
    assert_distinct(&[0, 1, 1 << 64, (1 << 64) + 1, 1 << 127, u128::MAX, 2]);
    assert_distinct(&[0, 1, usize::MAX, 2]);
    assert_distinct(&[0, -1, i8::MIN, i8::MAX, 2]);
    assert_distinct(&[0, -1, i16::MIN, i16::MAX, 2]);
    assert_distinct(&[0, -1, i32::MIN, i32::MAX, 2]);
    assert_distinct(&[0, -1, i64::MIN, i64::MAX, 2]);
    assert_distinct(&[0, -1, i128::MIN, i128::MAX, 2]);
    assert_distinct(&[0, -1, isize::MIN, isize::MAX, 2]);
}

#[test]
fn small_values_of_other_types() {
    assert_distinct(&[false, true]);
    assert_distinct(&['a', 'b', '\0', char::MAX, 'ä']);
    assert_distinct(&[None, Some(0u64), Some(1), Some(2)]);
    assert_distinct(&[Ok(1), Err(1u8), Ok(2), Err(2)]);
}

/// Runs of integers are what ids are; a table must not confuse neighbours nor strides.
#[test]
fn runs_and_strides_of_integers() {
    assert_distinct(&(0..300u64).collect::<Vec<_>>());
    assert_distinct(&(0..300u64).map(|n| n << 48).collect::<Vec<_>>());
    assert_distinct(&(0..300u128).map(|n| n << 64 | 7).collect::<Vec<_>>());
}

#[test]
fn uuids_and_arrays() {
    let mut uuids: Vec<Uuid> = (0..50).map(|_| Uuid::new_v4()).collect();
    uuids.extend([Uuid::nil(), Uuid::max(), Uuid::from_u128(1), Uuid::from_u128(1 << 127), Uuid::from_u128(2)]);
    assert_distinct(&uuids);
    assert_distinct(&uuids.iter().map(|uuid| *uuid.as_bytes()).collect::<Vec<[u8; 16]>>());
    assert_distinct(&[[0u8; 32], [1; 32], [2; 32]]);
    assert_distinct(&[[0u64, 1], [1, 0], [1, 1], [0, 0]]);
}

#[test]
fn addresses() {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    assert_distinct(&["10.0.0.1:1", "10.0.0.1:2", "[::1]:1", "[::1]:2", "10.0.0.2:1"].map(address));
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    assert_distinct(&["10.0.0.1", "::ffff:10.0.0.1", "::1", "::"].map(ip));
}

/// Where the pieces of a key meet must be part of what it is.
#[test]
fn tuples_and_sequences() {
    assert_distinct(&[(0u8, 1u8), (1, 0), (1, 1), (0, 0)]);
    assert_distinct(&[(1u64, 2u64, 3u64), (3, 2, 1), (1, 2, 4), (0, 0, 0)]);
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_distinct(&[pair("ab", "c"), pair("a", "bc"), pair("", "abc"), pair("abc", ""), pair("", "")]);
    assert_distinct(&[vec![], vec![0u8], vec![0, 0], vec![0; 7], vec![0; 16], vec![0; 17], vec![0; 15]]);
    assert_distinct(&[vec![vec![1u8], vec![]], vec![vec![], vec![1]], vec![vec![1]], vec![]]);
}

#[test]
fn strings_of_every_length() {
    let mut names: Vec<String> = (0..70).map(|length| "x".repeat(length)).collect();
    names.extend(["\0", "\0\0", "x\0", "\0x", "ä", "\u{ff}", "X"].map(str::to_owned));
    names.extend((0..100).map(|n| format!("a name far too long to be kept as it is, number {n}")));
    names.push("y".repeat(100_000));
    names.push("x".repeat(100_000));
    assert_distinct(&names);
}

/// An enum of which the variants hash a different number of bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Nobody,
    Guest(u8),
    User(u64),
    Device(Uuid),
    Named(String),
    Pair(u64, u64),
}

#[test]
fn enums_whose_variants_hash_different_lengths() {
    assert_distinct(&[
        Who::Nobody,
        Who::Guest(0),
        Who::Guest(1),
        Who::User(0),
        Who::User(1),
        Who::Device(Uuid::nil()),
        Who::Device(Uuid::from_u128(1)),
        Who::Named(String::new()),
        Who::Named("nobody".into()),
        Who::Named("a name far too long to be kept as it is".into()),
        Who::Pair(0, 0),
        Who::Pair(0, 1),
        Who::Pair(1, 0),
    ]);
}

/// Hashes exactly these bytes: no length, no terminator. Padding must not make two of them equal.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bare(Vec<u8>);

impl Hash for Bare {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

#[test]
fn bare_bytes_that_differ_in_trailing_zeros_only() {
    let mut keys: Vec<Bare> = (0..40).map(|length| Bare(vec![0; length])).collect();
    keys.extend((1..40).map(|length| Bare([vec![1], vec![0; length]].concat())));
    // One that looks like a length in the last place.
    keys.extend((0..20).map(|n| Bare([vec![0; 15], vec![n + 1]].concat())));
    assert_distinct(&keys);
}

/// The bytes count, not the portions in which `Hash` writes them.
#[test]
fn bytes_written_in_portions() {
    #[derive(Debug)]
    struct Portions(Vec<u8>, usize);

    impl Hash for Portions {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.chunks(self.1).for_each(|portion| state.write(portion));
        }
    }

    impl PartialEq for Portions {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }

    impl Eq for Portions {}

    for length in [15, 16, 17, 30, 31, 32, 40] {
        let key = |portion| Portions((0..length).collect(), portion);
        let registry = Registry::<Portions>::new();
        let sockets = [1, 5, 7, 15, 16, 40].map(|portion| registry.register(key(portion)).unwrap());
        assert_eq!(registry.key_count(), 1, "{length} bytes");
        for portion in 1..=40 {
            assert_eq!(registry.mark(&key(portion)), sockets.len(), "{length} bytes by {portion}");
        }
        drop(sockets);
        assert_eq!(registry.key_count(), 0);
    }
}

#[test]
fn keys_that_hash_nothing() {
    let registry = Registry::<()>::new();
    let sockets = [registry.register(()).unwrap(), registry.register(()).unwrap()];
    assert_eq!((registry.key_count(), registry.mark(&())), (1, 2));
    drop(sockets);
    assert!(!registry.is_active(&()));
}

#[test]
fn owned_keys_are_found_by_what_they_borrow_as() {
    let strings = Registry::<String>::new();
    let long = "a name far too long to be kept as it is";
    let _sockets = ["", "short", long].map(|name| strings.register(name.to_owned()).unwrap());
    for name in ["", "short", long] {
        assert_eq!(strings.mark(name), 1);
        assert_eq!(strings.mark(&name.to_owned()), 1);
        assert!(strings.is_active(name) && strings.due_of(name) == Topics::UPDATE);
        assert_eq!(strings.sockets_of(name).len(), 1);
    }
    assert!(!strings.is_active("shor"));

    let shared = Registry::<Arc<str>>::new();
    let _socket = shared.register("room".into()).unwrap();
    assert_eq!(shared.mark("room"), 1);

    let bytes = Registry::<Vec<u8>>::new();
    let _socket = bytes.register(vec![1, 2, 3]).unwrap();
    assert_eq!(bytes.mark([1, 2, 3].as_slice()), 1);

    let statics = Registry::<&str>::new();
    let _socket = statics.register("room").unwrap();
    assert_eq!(statics.mark("room"), 1);
}

/// A `Hash` that leaves out what `Eq` compares.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Careless<H> {
    hashed: H,
    left_out: u8,
}

impl<T: Hash> Hash for Careless<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hashed.hash(state);
    }
}

fn assert_never_merged<T: Clone + Eq + Hash + Send + Sync + 'static>(hashed: T) {
    let key = |left_out| Careless { hashed: hashed.clone(), left_out };
    let registry = Registry::<Careless<T>, Arc<()>>::new();
    let metadata = Arc::new(());
    let first = registry.register_with(key(1), Arc::clone(&metadata)).unwrap();
    for _ in 0..3 {
        let refused = registry.register_with(key(2), Arc::clone(&metadata)).err();
        assert!(matches!(refused, Some(RegisterError::IndistinctHash)));
    }
    assert_eq!((registry.key_count(), registry.socket_count()), (1, 1));
    assert_eq!(Arc::strong_count(&metadata), 2, "the refused metadata is gone");
    let second = registry.register_with(key(1), Arc::clone(&metadata)).unwrap();
    assert_eq!(registry.mark(&key(1)), 2);

    // Still refused when the socket that came first has left and a later one stands for the key.
    drop(first);
    let refused = registry.register_with(key(2), Arc::clone(&metadata)).err();
    assert!(matches!(refused, Some(RegisterError::IndistinctHash)));

    // One at a time they are what they are.
    drop(second);
    let other = registry.register_with(key(2), Arc::clone(&metadata)).unwrap();
    assert_eq!(registry.mark(&key(2)), 1);
    assert_eq!(other.key().left_out, 2);
}

#[test]
fn keys_that_eq_tells_apart_but_hash_does_not_are_refused() {
    assert_never_merged(());
    assert_never_merged(7u64);
    assert_never_merged(Uuid::from_u128(7));
    assert_never_merged("a name far too long to be kept as it is".to_owned());
}

/// An `Eq` coarser than the bytes, with a `Hash` that agrees: one key, however it is spelled.
#[test]
fn keys_that_are_equal_in_other_spellings_are_one() {
    #[derive(Clone, Debug)]
    struct Email(String);

    impl PartialEq for Email {
        fn eq(&self, other: &Self) -> bool {
            self.0.eq_ignore_ascii_case(&other.0)
        }
    }

    impl Eq for Email {}

    impl Hash for Email {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.to_ascii_lowercase().hash(state);
        }
    }

    let registry = Registry::<Email>::new();
    let email = |text: &str| Email(text.to_owned());
    let first = registry.register(email("Ada@example.org")).unwrap();
    let second = registry.register(email("ada@EXAMPLE.org")).unwrap();
    assert_eq!((registry.key_count(), registry.mark(&email("ADA@example.ORG"))), (1, 2));
    // The key that outlives the other is a good one, too.
    assert!(second.key().0.eq_ignore_ascii_case("ada@example.org"));
    drop(first);
    assert!(second.key().0.eq_ignore_ascii_case("ada@example.org"));
    assert_eq!(registry.mark(&email("ada@example.org")), 1);
}

/// A key of one part that is looked up by another type altogether.
#[test]
fn a_borrow_of_the_caller_s_own() {
    #[derive(PartialEq, Eq, Hash)]
    struct UserId(u64);

    impl Borrow<u64> for UserId {
        fn borrow(&self) -> &u64 {
            &self.0
        }
    }

    let registry = Registry::<UserId>::new();
    let _socket = registry.register(UserId(42)).unwrap();
    assert_eq!((registry.mark(&42), registry.mark(&UserId(42)), registry.mark(&43)), (1, 1, 0));
    assert_eq!(registry.mark_many([42u64, 43].iter()), 1);
}
