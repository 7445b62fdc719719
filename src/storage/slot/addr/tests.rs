#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;

const LAYERS: [u32; 4] = [0, 1, MAX_SEGMENT - 1, MAX_SEGMENT];
const OFFSETS: [u32; 4] = [0, 1, MAX_OFFSET - 1, MAX_OFFSET];

#[test]
fn the_layout_is_as_drawn() {
    assert_eq!((MAX_SEGMENT, MAX_OFFSET, OFFSET_SHIFT), (31, (1 << 26) - 1, 6));
    assert_eq!(MAX_SEGMENT | SLOT | MAX_OFFSET << OFFSET_SHIFT, u32::MAX, "every bit has a meaning");
    assert_eq!(SlotAddr::bucket(3, 5).number(), 5 << 6 | 3);
    assert_eq!(SlotAddr::slot(3, 5).number(), 5 << 6 | 1 << 5 | 3);
}

#[test]
fn a_spot_says_what_it_was_made_of() {
    for layer in LAYERS {
        for offset in OFFSETS {
            for (spot, is_slot) in [(SlotAddr::bucket(layer, offset), false), (SlotAddr::slot(layer, offset), true)] {
                assert_eq!((spot.layer(), spot.offset(), spot.is_slot()), (layer, offset, is_slot));
                assert_eq!(SlotAddr::from_number(spot.number()), spot);
            }
        }
    }
}

#[test]
fn a_link_to_a_slot_is_never_the_end_of_a_list() {
    for layer in LAYERS {
        for offset in OFFSETS {
            let slot = SlotAddr::slot(layer, offset);
            assert_eq!(SlotAddr::from_link(slot.number()), Some(slot));
        }
    }
    assert_eq!(SlotAddr::from_link(0), None);
}
