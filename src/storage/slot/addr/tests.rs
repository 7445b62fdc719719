#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;

const LAST: u32 = (1 << INDEX_BITS) - 1;
const INDICES: [u32; 6] = [0, 1, 2, 1 << 26, LAST - 1, LAST];

#[test]
fn the_layout_is_as_drawn() {
    assert_eq!(LAST << 1 | OVERFLOW, u32::MAX, "every bit has a meaning");
    assert_eq!(SlotAddr::inline(5).raw(), 5 << 1);
    assert_eq!(SlotAddr::overflow(5).raw(), 5 << 1 | 1);
}

#[test]
fn a_spot_says_what_it_was_made_of() {
    for index in INDICES {
        for (addr, is_overflow) in [(SlotAddr::inline(index), false), (SlotAddr::overflow(index), true)] {
            assert_eq!((addr.index(), addr.is_overflow()), (index, is_overflow));
            assert_eq!(SlotAddr::from_raw(addr.raw()), addr);
        }
    }
}

#[test]
fn a_link_to_a_slot_is_never_the_end_of_a_list() {
    for index in INDICES {
        let slot = SlotAddr::overflow(index);
        assert_eq!(SlotAddr::from_link(slot.raw()), Some(slot));
    }
    assert_eq!(SlotAddr::from_link(0), None);
}
