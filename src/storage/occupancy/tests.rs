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
    occupancy.add(191);
    for _ in 0..2 {
        assert_eq!(slots(&occupancy, 0), Vec::from_iter(128..192));
        occupancy.sub(130);
        occupancy.add(192);
        occupancy.sub(192);
    }
    assert_eq!(slots(&occupancy, 0), []);
}

#[test]
fn a_walk_goes_on_in_the_middle_of_a_group_and_ends_with_the_slots() {
    let occupancy = occupancy(200);
    for slot in [3, 130, 199] {
        occupancy.add(slot);
    }
    assert_eq!(slots(&occupancy, 5), Vec::from_iter((5..64).chain(128..200)));
    assert_eq!(slots(&occupancy, 64), Vec::from_iter(128..200));
    assert_eq!(slots(&occupancy, 150), Vec::from_iter(150..200));
    assert_eq!(slots(&occupancy, 200), []);
    assert_eq!(slots(&occupancy, u32::MAX), []);
}

#[test]
fn a_walk_looks_at_a_group_when_it_gets_there() {
    let occupancy = occupancy(200);
    occupancy.add(0);
    let mut walk = occupancy.groups_from(0).flatten();
    assert_eq!(walk.next(), Some(0));
    occupancy.add(70);
    occupancy.sub(0);
    assert_eq!(walk.last(), Some(127));
}

#[test]
fn groups_tell_whether_they_are_in_use() {
    let occupancy = occupancy(130);
    occupancy.add(64);
    assert_eq!(
        [0, 63, 64, 127, 128, 129].map(|slot| occupancy.is_group_in_use(slot)),
        [false, false, true, true, false, false]
    );
    assert_eq!([0, 63, 64, 128].map(Occupancy::next_group), [64, 64, 128, 192]);
}
