#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;

const SETS: [u32; 6] = [0, 1, 1 << 31, 0b1011, 0x5555_5555, u32::MAX];

#[test]
fn the_named_sets_are_what_they_say() {
    assert_eq!([Topics::EMPTY, Topics::UPDATE, Topics::ALL, Topics::default()].map(Topics::bits), [0, 1, u32::MAX, 0]);
    for n in 0..32 {
        assert_eq!(Topics::topic(n).bits(), 1 << n);
    }
}

#[test]
#[should_panic(expected = "there are 32 topics")]
fn there_is_no_topic_32() {
    let _ = Topics::topic(32);
}

#[test]
fn sets_are_sets() {
    for a in SETS {
        let set = Topics::from_bits(a);
        assert_eq!(set.bits(), a);
        assert_eq!(set.len(), set.iter().count());
        assert_eq!(set.is_empty(), a == 0);
        assert_eq!(set.iter().collect::<Topics>(), set);
        assert!(set.iter().all(|topic| topic.len() == 1 && set.contains(topic)));
        assert!(set.iter().map(Topics::bits).is_sorted());
        for b in SETS {
            let other = Topics::from_bits(b);
            assert_eq!([set | other, set & other, set - other].map(Topics::bits), [a | b, a & b, a & !b]);
            let [mut or, mut and, mut sub] = [set; 3];
            or |= other;
            and &= other;
            sub -= other;
            assert_eq!([or, and, sub], [set | other, set & other, set - other]);
            assert_eq!(set.contains(other), a | b == a);
        }
    }
}

#[test]
fn a_set_shows_the_numbers_of_its_topics() {
    assert_eq!(format!("{:?}", Topics::from_bits(1 << 31 | 0b101)), "Topics{0, 2, 31}");
    assert_eq!(format!("{:?}", Topics::EMPTY), "Topics{}");
}

#[test]
fn sets_are_walked_joined_and_turned_round() {
    for bits in [0, 1, 1 << 31, 0x5555_5555, u32::MAX] {
        let set = Topics::from_bits(bits);
        let naive: Vec<_> = (0..32).map(Topics::topic).filter(|&topic| set.contains(topic)).collect();
        assert_eq!(set.into_iter().collect::<Vec<_>>(), naive);
        assert_eq!((set.iter().len(), set.iter().collect::<Topics>()), (set.len(), set));
        assert_eq!((!set).bits(), !bits);
        for other in [0, 1, 0xAAAA_AAAA, u32::MAX] {
            let other = Topics::from_bits(other);
            assert_eq!(set.union(other), set | other);
            assert_eq!(set.intersects(other), !(set & other).is_empty());
            let mut both = set;
            both.extend(other);
            assert_eq!(both, set | other);
        }
    }
}
