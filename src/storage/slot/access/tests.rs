#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]
#![allow(unsafe_code)]

use super::*;

/// A socket comes, is visited, and leaves: after the visit, or during it.
fn leaves(during: bool) -> bool {
    let (head, refs, turn, metadata) =
        (SlotHead::default(), SlotRefs::default(), SlotTurn::default(), ValueCell::default());
    let slot = SlotRef { head: &head, refs: &refs, turn: &turn, metadata: &metadata };
    let (_, generation) = slot.claim().unwrap().occupy((), Topics::EMPTY);
    let visit = slot.visit(generation).unwrap();
    if !during {
        assert!(visit.leave().is_none());
    }
    // SAFETY: the test is the only owner.
    let exit = unsafe { slot.own(generation) }.leave();
    assert!(slot.visit(generation).is_none());
    let (alone, last) = match exit {
        OwnerExit::Alone(last) => (true, Some(last)),
        OwnerExit::Shared(exit) => (false, exit.finish()),
    };
    let _ = last.or_else(|| visit.leave()).expect("one of the two is the last").vacate();
    alone
}

#[test]
fn an_owner_that_was_visited_leaves_alone_once_the_visit_is_over() {
    assert!(leaves(false));
    assert!(!leaves(true));
}
