//! Revoked keys: nobody registers under them, and nobody who raced with the revocation stays.

use socket_registry::{CloseReason, Closed, RegisterError, Registry};
use testkit::{both, crowd, reason};

#[test]
fn a_revoked_key_is_refused_until_the_revocation_is_lifted() {
    let registry = Registry::<String>::new();
    let (ada, bob) = (registry.register("ada".to_owned()).unwrap(), registry.register("bob".to_owned()).unwrap());
    let revocation = registry.revoke("ada".to_owned(), reason(1)).unwrap();
    assert_eq!((revocation.key().as_str(), revocation.reason()), ("ada", reason(1)));
    assert_eq!((ada.close_reason(), bob.close_reason()), (Some(Closed::Disconnected(reason(1))), None));
    assert!(registry.is_revoked("ada") && !registry.is_revoked("bob"));

    assert_eq!(registry.register("ada".to_owned()).unwrap_err(), RegisterError::Revoked);
    assert_eq!(registry.register_taking_over("ada".to_owned(), ()).unwrap_err(), RegisterError::Revoked);
    assert_eq!(registry.count_of("ada"), 1, "a refused registration changes nothing");
    let _more = registry.register("bob".to_owned()).expect("another key");

    drop((revocation, ada));
    assert!(!registry.is_revoked("ada"));
    assert_eq!(registry.register("ada".to_owned()).unwrap().close_reason(), None);
}

#[test]
fn the_last_of_several_revocations_lifts() {
    let registry = Registry::<u64>::new();
    let [first, second] = [1, 2].map(|n| registry.revoke(42, reason(n)).unwrap());
    drop(first);
    assert_eq!(registry.register(42).unwrap_err(), RegisterError::Revoked);
    drop(second);
    assert!(registry.register(42).is_ok());
}

#[test]
fn a_key_may_be_revoked_before_it_comes_and_after_the_registry_closed() {
    let registry = Registry::<u64>::new();
    let early = registry.revoke(42, reason(1)).unwrap();
    assert_eq!(registry.register(42).unwrap_err(), RegisterError::Revoked);
    registry.close();
    let late = registry.revoke(7, reason(1)).unwrap();
    drop(registry);
    drop((early, late));
}

#[test]
fn thousands_are_revoked_and_lifted() {
    let registry = Registry::<u64>::new();
    let mut revocations: Vec<_> = (0..5_000).map(|key| registry.revoke(key, reason(1)).unwrap()).collect();
    assert!((0..5_000).all(|key| registry.register(key).is_err()));
    revocations.truncate(2_500);
    assert!((0..2_500).all(|key| registry.is_revoked(&key)));
    assert!((2_500..5_000).all(|key| registry.register(key).is_ok()));
}

#[test]
fn nobody_slips_in_beside_a_revocation() {
    let registry = Registry::<u64>::new();
    for takes_over in [false, true].repeat(500) {
        let _before = registry.register(42).unwrap();
        let register = || match takes_over {
            true => registry.register_taking_over(42, ()),
            false => registry.register(42),
        };
        let (revocation, registered) = both(|| registry.revoke(42, CloseReason::LOGGED_OUT).unwrap(), register);
        match registered {
            Ok(socket) => assert_eq!(socket.close_reason(), Some(Closed::Disconnected(CloseReason::LOGGED_OUT))),
            Err(error) => assert_eq!(error, RegisterError::Revoked),
        }
        assert_eq!(registry.register(42).unwrap_err(), RegisterError::Revoked);
        drop(revocation);
    }
}

#[test]
fn revocations_of_one_key_come_and_go_at_once() {
    let registry = Registry::<u64>::new();
    crowd(4, |n| {
        for _ in 0..500 {
            let _revocation = registry.revoke(42, reason(n as u8)).unwrap();
            assert!(registry.is_revoked(&42) && registry.register(42).is_err());
        }
    });
    assert!(!registry.is_revoked(&42) && registry.register(42).is_ok());
}
