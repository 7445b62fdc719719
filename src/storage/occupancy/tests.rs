#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;

fn occupancy(slots: usize) -> Occupancy {
    Occupancy::new(slots).expect("there is memory")
}

fn slots(occupancy: &Occupancy, first: u32) -> Vec<u32> {
    occupancy.groups_from(first).flatten().map(|slot| slot as u32).collect()
}

#[test]
fn a_group_is_met_as_long_as_any_of_its_slots_is_in_use() {
    let occupancy = occupancy(1000);
    assert_eq!(slots(&occupancy, 0), []);
    occupancy.add(130);
    occupancy.add(143);
    for _ in 0..2 {
        assert_eq!(slots(&occupancy, 0), Vec::from_iter(128..144));
        occupancy.sub(130);
        occupancy.add(144);
        occupancy.sub(144);
    }
    assert_eq!(slots(&occupancy, 0), []);
}

#[test]
fn groups_that_share_a_word_are_counted_apart() {
    let occupancy = occupancy(128);
    let groups = [0, 16, 32, 48, 64];
    for (n, &group) in groups.iter().enumerate() {
        (group..group + GROUP).for_each(|slot| occupancy.add(slot));
        assert_eq!(slots(&occupancy, 0), Vec::from_iter(0..group + GROUP), "{n}");
    }
    for group in groups {
        (group..group + GROUP).for_each(|slot| occupancy.sub(slot));
        assert_eq!(slots(&occupancy, 0), Vec::from_iter(group + GROUP..80));
    }
}

#[test]
fn a_walk_goes_on_in_the_middle_of_a_group_and_ends_with_the_slots() {
    let occupancy = occupancy(200);
    for slot in [3, 20, 130, 199] {
        occupancy.add(slot);
    }
    assert_eq!(slots(&occupancy, 5), Vec::from_iter((5..32).chain(128..144).chain(192..200)));
    assert_eq!(slots(&occupancy, 17), Vec::from_iter((17..32).chain(128..144).chain(192..200)));
    assert_eq!(slots(&occupancy, 64), Vec::from_iter((128..144).chain(192..200)));
    assert_eq!(slots(&occupancy, 135), Vec::from_iter((135..144).chain(192..200)));
    assert_eq!(slots(&occupancy, 200), []);
    assert_eq!(slots(&occupancy, u32::MAX), []);
}

#[test]
fn a_walk_looks_at_a_word_when_it_gets_there() {
    let occupancy = occupancy(200);
    occupancy.add(0);
    let mut walk = occupancy.groups_from(0).flatten();
    assert_eq!(walk.next(), Some(0));
    occupancy.add(70);
    occupancy.sub(0);
    assert_eq!(walk.last(), Some(79));
}

#[test]
fn a_vacant_group_tells_where_to_go_on() {
    let occupancy = occupancy(200);
    occupancy.add(80);
    let ends = [0, 63, 64, 79, 80, 95, 96, 199].map(|slot| occupancy.vacant_until(slot));
    assert_eq!(ends, [Some(64), Some(64), Some(80), Some(80), None, None, Some(112), Some(256)]);
}
