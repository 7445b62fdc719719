#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;

const LAST: u32 = (1 << Generation::BITS) - 1;
const GENERATIONS: [u32; 4] = [0, 1, LAST - 1, LAST];

fn slot_refs(generation: u32, refs: u32) -> SlotRefs {
    SlotRefs(AtomicU64::new((u64::from(generation) + 1) << 37 | u64::from(refs)))
}

fn bits(slot_refs: &SlotRefs) -> u64 {
    slot_refs.0.load(Ordering::Relaxed)
}

/// Runs `step` on refs of `generation`; checks that it returns and leaves behind what was expected.
#[track_caller]
fn check(generation: u32, from: u32, step: impl FnOnce(&SlotRefs, Generation) -> bool, returns: bool, to: u32) {
    let changed = slot_refs(generation, from);
    assert_eq!(step(&changed, Generation::new(generation)), returns, "{generation}: {from}");
    assert_eq!(bits(&changed), bits(&slot_refs(generation, to)), "{generation}: {from} to {to}");
}

/// A visitor leaves.
fn leave(slot_refs: &SlotRefs, _: Generation) -> bool {
    slot_refs.release_visitor()
}

fn stays(slot_refs: &SlotRefs, step: impl FnOnce(&SlotRefs) -> bool) {
    let before = bits(slot_refs);
    assert!(!step(slot_refs));
    assert_eq!(bits(slot_refs), before);
}

#[test]
fn the_numbers_are_as_drawn() {
    assert_eq!((OWNER, OWNER_IS_IN), (1 << 26, 1 << 25));
    assert_eq!(bits(&SlotRefs::default()), 0);
    let last = slot_refs(LAST, 0);
    let all = (StoredReason(StoredReason::MAX), REFS as u32);
    assert_eq!(
        last.change(Generation::new(LAST), |_, _| Some(all)),
        Some(all),
        "the stamp of the last generation fits"
    );
    assert_eq!(bits(&last), 1 << 63 | ((1 << 37) - 1), "and nothing spills into it");
}

#[test]
fn visitors_come_and_go_while_the_owner_is_in() {
    for generation in GENERATIONS {
        for others in [0, 1, 2, 1_000] {
            check(generation, OWNER + others, SlotRefs::acquire, true, OWNER + others + 1);
            check(generation, OWNER + others, SlotRefs::release_waking, false, OWNER + others - 1);
            check(generation, OWNER + others + 1, leave, false, OWNER + others);
        }
        check(generation, OWNER_IS_IN, SlotRefs::acquire, true, OWNER_IS_IN + 1);
    }
}

#[test]
fn nobody_comes_in_after_the_owner_left() {
    for generation in GENERATIONS {
        for others in [0, 1, 2, OWNER_IS_IN - 1] {
            check(generation, others, SlotRefs::acquire, false, others);
        }
    }
}

#[test]
fn the_owner_leaves_its_share_to_who_is_waking() {
    for generation in GENERATIONS {
        for others in [0, 1, 2, 1_000] {
            let quiet = |slot_refs: &SlotRefs, generation| slot_refs.release_owner(generation, false);
            let waking = |slot_refs: &SlotRefs, generation| slot_refs.release_owner(generation, true);
            check(generation, OWNER + others, quiet, others == 0, others);
            check(generation, OWNER + others, waking, false, others + 1);
            check(generation, OWNER + others - 1, waking, others == 0, others);
        }
    }
}

#[test]
fn an_owner_without_visitors_leaves_in_one_step() {
    for generation in GENERATIONS {
        check(generation, OWNER, SlotRefs::release_sole_owner, true, 0);
        for others in [1, 2, 1_000] {
            check(generation, OWNER + others, SlotRefs::release_sole_owner, false, OWNER + others);
        }
    }
}

#[test]
fn the_last_visitor_after_the_owner_cleans_up() {
    for generation in GENERATIONS {
        for leave in [leave, SlotRefs::release_waking] {
            check(generation, 1, leave, true, 0);
            check(generation, 2, leave, false, 1);
        }
    }
}

/// Calls `f` with every order of `items`.
fn orders<T: Clone>(items: &[T], done: &mut Vec<T>, f: &mut impl FnMut(&[T])) {
    if items.is_empty() {
        f(done);
    }
    for n in 0..items.len() {
        let mut rest = items.to_vec();
        done.push(rest.remove(n));
        orders(&rest, done, f);
        done.pop();
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Party {
    Owner,
    Waker,
    Visitor,
}

#[test]
fn in_every_order_exactly_the_last_one_to_leave_is_told() {
    for generation in GENERATIONS.map(Generation::new) {
        for waking in [false, true] {
            for visitors in 0..4 {
                let mut parties = vec![Party::Owner];
                parties.extend(waking.then_some(Party::Waker));
                parties.extend(vec![Party::Visitor; visitors]);
                orders(&parties, &mut Vec::new(), &mut |order| {
                    let slot_refs = SlotRefs::default();
                    assert!((0..visitors).all(|_| slot_refs.acquire(generation)));
                    let last = order.len() - 1;
                    for (n, party) in order.iter().enumerate() {
                        let told = match party {
                            Party::Owner => slot_refs.release_owner(generation, waking),
                            Party::Waker => slot_refs.release_waking(generation),
                            Party::Visitor => slot_refs.release_visitor(),
                        };
                        assert_eq!(told, n == last, "{n} of {order:?}");
                    }
                    stays(&slot_refs, |slot_refs| slot_refs.acquire(generation));
                });
            }
        }
    }
}

#[test]
fn visitors_may_come_in_after_who_woke_has_paid_early() {
    let (slot_refs, generation) = (SlotRefs::default(), Generation::new(0));
    assert!(!slot_refs.release_waking(generation));
    assert!(slot_refs.acquire(generation));
    assert!(!slot_refs.release_owner(generation, true));
    assert!(slot_refs.release_visitor());
}

#[test]
fn a_lease_of_an_older_generation_counts_as_fresh() {
    for (older, newer) in [(0, 1), (0, LAST), (LAST - 1, LAST)] {
        for refs in [0, 1, OWNER, OWNER + 1] {
            let stamp = Generation::new(newer);
            let entered = slot_refs(older, refs);
            assert!(entered.acquire(stamp));
            assert_eq!(bits(&entered), bits(&slot_refs(newer, OWNER + 1)));
            let paid = slot_refs(older, refs);
            assert!(!paid.release_waking(stamp));
            assert_eq!(bits(&paid), bits(&slot_refs(newer, OWNER - 1)));
            let alone = slot_refs(older, refs);
            assert!(alone.release_owner(stamp, false));
            assert_eq!(bits(&alone), bits(&slot_refs(newer, 0)));
        }
    }
}

#[test]
fn a_stale_generation_changes_nothing() {
    for (stale, now) in [(0, 1), (0, LAST), (LAST - 1, LAST)] {
        for refs in [0, 1, OWNER, OWNER + 1] {
            let (slot_refs, stale) = (slot_refs(now, refs), Generation::new(stale));
            stays(&slot_refs, |slot_refs| slot_refs.acquire(stale));
            stays(&slot_refs, |slot_refs| slot_refs.release_waking(stale));
            stays(&slot_refs, |slot_refs| slot_refs.release_owner(stale, false));
            stays(&slot_refs, |slot_refs| slot_refs.release_owner(stale, true));
        }
    }
}

#[test]
fn the_first_verdict_stays() {
    for generation in GENERATIONS.map(Generation::new) {
        let slot_refs = SlotRefs::default();
        assert!(slot_refs.acquire(generation));
        assert_eq!(slot_refs.set_reason(generation, StoredReason(7)), Some(StoredReason(7)));
        assert_eq!(slot_refs.set_reason(generation, StoredReason(StoredReason::MAX)), Some(StoredReason(7)));
        // The refs are as they were, and the reason stays when they change.
        assert!(!slot_refs.release_visitor());
        assert_eq!(slot_refs.set_reason(generation, StoredReason(1)), Some(StoredReason(7)));
        assert!(slot_refs.release_owner(generation, false));
    }
}

#[test]
fn a_verdict_is_of_its_generation_alone() {
    let slot_refs = SlotRefs::default();
    assert_eq!(slot_refs.set_reason(Generation::new(0), StoredReason(7)), Some(StoredReason(7)));
    assert_eq!(slot_refs.set_reason(Generation::new(1), StoredReason(8)), Some(StoredReason(8)));
    assert_eq!(slot_refs.set_reason(Generation::new(0), StoredReason(9)), None);
    assert!(slot_refs.release_owner(Generation::new(1), false));
}

#[test]
fn every_reason_has_a_number_of_its_own_which_fits() {
    let codes = (CloseReason::MIN..=CloseReason::MAX).map(|code| Closed::Disconnected(CloseReason::new(code).unwrap()));
    let reasons: Vec<_> = [Closed::Shutdown, Closed::Superseded].into_iter().chain(codes).collect();
    assert_eq!(reasons.len(), 1_002);
    for (n, &reason) in reasons.iter().enumerate() {
        let stored = reason.to_stored();
        assert_eq!((usize::from(stored.0), Closed::from_stored(stored)), (n + 1, reason));
        let last = slot_refs(LAST, OWNER);
        assert_eq!(last.set_reason(Generation::new(LAST), stored), Some(stored));
        assert!(last.release_owner(Generation::new(LAST), false), "{reason:?} left the refs alone");
    }
}
