//! The builder: every possible registry can be had, and an impossible one is an error that says
//! what to do.

use std::error::Error;

use socket_registry::{RegisterError, Registry};

/// The message of a refused builder, which must name the option to change.
fn refused(what: &str, registry: Result<Registry<u64>, impl Error>) -> String {
    match registry {
        Ok(_) => panic!("{what} was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn defaults_build() {
    for registry in [Registry::<u64>::new(), Registry::default(), Registry::builder().build().unwrap()] {
        let socket = registry.register(42).unwrap();
        assert_eq!(registry.sockets_of(&42), [socket.id()]);
    }
}

#[test]
fn the_default_limits_are_finite_but_far() {
    let registry = Registry::<u64>::new();
    let mut sockets = Vec::new();
    // Tabs of one user: enough for any honest one, and an end for the others.
    let refusal = loop {
        match registry.register(42) {
            Ok(socket) => sockets.push(socket),
            Err(refusal) => break refusal,
        }
        assert!(sockets.len() < 1_000_000, "one key may fill the registry");
    };
    assert!(matches!(refusal, RegisterError::KeyFull));
    assert!(sockets.len() >= 16, "only {} sockets for a key", sockets.len());
    assert!(registry.register(43).is_ok());
}

#[test]
fn every_possible_size_builds_and_holds_what_it_says() {
    for shards in [1, 2, 8, 64] {
        for max_sockets in [shards, shards + 1, 1_000] {
            let registry = Registry::<u64>::builder()
                .shards(shards)
                .max_sockets(max_sockets)
                .build()
                .unwrap_or_else(|error| panic!("{shards} shards, {max_sockets} sockets: {error}"));
            let sockets: Vec<_> = (0..max_sockets as u64).map(|key| registry.register(key).unwrap()).collect();
            assert!(registry.register(0).is_err());
            assert_eq!(registry.key_count(), sockets.len());
        }
    }
}

/// Who asks for few sockets and leaves the shards to us must not be told to ask for fewer shards.
#[test]
fn one_socket_is_enough_for_a_registry() {
    let registry = Registry::<u64>::builder().max_sockets(1).build().unwrap();
    let _only = registry.register(1).unwrap();
    assert!(matches!(registry.register(2).err(), Some(RegisterError::Full)));
}

#[test]
fn zero_is_refused_everywhere() {
    let builder = Registry::<u64>::builder;
    assert!(refused("no socket", builder().max_sockets(0).build()).contains("max_sockets"));
    assert!(refused("no shard", builder().shards(0).build()).contains("shards"));
    let message = refused("no socket per key", builder().max_sockets_per_key(0).build());
    assert!(message.contains("max_sockets_per_key"), "{message}");
}

#[test]
fn shards_must_be_a_power_of_two() {
    for shards in [3, 6, 100, 1_023] {
        let message = refused("an odd number", Registry::builder().shards(shards).build());
        assert!(message.contains("shards") && message.contains("power of two"), "{message}");
    }
}

#[test]
fn more_shards_than_sockets_are_refused() {
    for (shards, max_sockets) in [(2, 1), (64, 63), (1 << 10, 1)] {
        let message = refused("an empty shard", Registry::builder().shards(shards).max_sockets(max_sockets).build());
        assert!(message.contains("shards") && message.contains("max_sockets"), "{message}");
        // The order of the calls does not matter.
        refused("an empty shard", Registry::builder().max_sockets(max_sockets).shards(shards).build());
    }
}

#[test]
fn what_no_id_could_name_is_refused() {
    let message = refused("every socket", Registry::builder().max_sockets(usize::MAX).build());
    assert!(message.contains("max_sockets"), "{message}");
    let message = refused("every shard", Registry::builder().shards(1 << (usize::BITS - 1)).build());
    assert!(message.contains("shards"), "{message}");
}

/// A message that a server's log can show as it is.
#[test]
fn register_errors_say_what_to_do() {
    let says = |error: RegisterError| {
        let error: Box<dyn Error + Send + Sync> = Box::new(error);
        error.to_string()
    };
    let full = says(RegisterError::Full);
    assert!(full.contains("max_sockets") && !full.contains("max_sockets_per_key"), "{full}");
    let key_full = says(RegisterError::KeyFull);
    assert!(key_full.contains("max_sockets_per_key"), "{key_full}");
    let indistinct = says(RegisterError::IndistinctHash);
    assert!(indistinct.contains("Hash") && indistinct.contains("Eq"), "{indistinct}");
    assert!(!says(RegisterError::Closed).is_empty());
}
