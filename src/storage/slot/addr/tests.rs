#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;

const SEGMENTS: [u32; 4] = [0, 1, MAX_SEGMENT - 1, MAX_SEGMENT];
const OFFSETS: [u32; 4] = [0, 1, MAX_OFFSET - 1, MAX_OFFSET];

#[test]
fn the_layout_is_as_drawn() {
    assert_eq!((MAX_SEGMENT, MAX_OFFSET, OFFSET_SHIFT), (31, (1 << 26) - 1, 6));
    assert_eq!(MAX_SEGMENT | OVERFLOW | MAX_OFFSET << OFFSET_SHIFT, u32::MAX, "every bit has a meaning");
    assert_eq!(SlotAddr::inline(3, 5).raw(), 5 << 6 | 3);
    assert_eq!(SlotAddr::overflow(3, 5).raw(), 5 << 6 | 1 << 5 | 3);
}

#[test]
fn a_spot_says_what_it_was_made_of() {
    for segment in SEGMENTS {
        for offset in OFFSETS {
            for (addr, is_overflow) in
                [(SlotAddr::inline(segment, offset), false), (SlotAddr::overflow(segment, offset), true)]
            {
                assert_eq!((addr.segment(), addr.offset(), addr.is_overflow()), (segment, offset, is_overflow));
                assert_eq!(SlotAddr::from_raw(addr.raw()), addr);
            }
        }
    }
}

#[test]
fn a_link_to_a_slot_is_never_the_end_of_a_list() {
    for segment in SEGMENTS {
        for offset in OFFSETS {
            let slot = SlotAddr::overflow(segment, offset);
            assert_eq!(SlotAddr::from_link(slot.raw()), Some(slot));
        }
    }
    assert_eq!(SlotAddr::from_link(0), None);
}
