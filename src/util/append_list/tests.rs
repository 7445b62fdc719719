#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use crate::sync::Arc;

fn values(segments: &AppendList<u32>) -> Vec<u32> {
    segments.iter().map(|segment| **segment).collect()
}

#[test]
fn the_newest_comes_first_and_knows_the_older_ones() {
    let segments = AppendList::default();
    assert!(segments.newest().is_none() && segments.iter().next().is_none());
    for n in 0..3 {
        segments.push(segments.newest(), n);
    }
    assert_eq!(values(&segments), [2, 1, 0]);
    let newest = segments.newest().expect("three were pushed");
    let older = newest.older().expect("two are older");
    assert_eq!((**newest, **older), (2, 1));
    assert!(older.older().is_some_and(|oldest| **oldest == 0 && oldest.older().is_none()));
}

#[test]
fn layers_stay_where_they_are() {
    let segments = AppendList::default();
    segments.push(None, 0);
    let first = segments.newest().expect("pushed above");
    for n in 1..10 {
        segments.push(segments.newest(), n);
    }
    assert!(segments.iter().last().is_some_and(|last| ptr::eq(last, first)));
    assert_eq!(**first, 0);
}

#[test]
fn who_comes_second_on_top_of_the_same_layer_adds_nothing() {
    let segments = AppendList::default();
    segments.push(None, 0);
    segments.push(None, 1);
    assert_eq!(values(&segments), [0]);
    let first = segments.newest();
    segments.push(first, 2);
    segments.push(first, 3);
    segments.push(None, 4);
    assert_eq!(values(&segments), [2, 0]);
}

#[test]
fn every_value_is_dropped_once() {
    let value = Arc::new(());
    let segments = AppendList::default();
    for n in 0..3 {
        segments.push(segments.newest(), Arc::clone(&value));
        assert_eq!(Arc::strong_count(&value), n + 2);
    }
    segments.push(None, Arc::clone(&value));
    assert_eq!(Arc::strong_count(&value), 4, "the one that came too late is gone at once");
    drop(segments);
    assert_eq!(Arc::strong_count(&value), 1);
}

/// Unlinks the segment with that value from its newer neighbour.
fn unlink(segments: &AppendList<u32>, value: u32) {
    let newer = segments.iter().find(|segment| segment.older().is_some_and(|older| **older == value)).unwrap();
    newer.unlink_older(newer.older().unwrap());
}

#[test]
fn what_is_unlinked_is_left_out_and_dropped_with_the_others() {
    let segments = AppendList::default();
    for n in 0..5 {
        segments.push(segments.newest(), n);
    }
    let inside = segments.iter().find(|segment| ***segment == 2).unwrap();
    unlink(&segments, 2);
    assert_eq!(values(&segments), [4, 3, 1, 0]);
    assert_eq!((**inside, inside.older().map(|older| **older)), (2, Some(1)), "a walk that is there goes on");
    unlink(&segments, 0);
    unlink(&segments, 3);
    unlink(&segments, 1);
    assert_eq!(values(&segments), [4]);
    segments.push(segments.newest(), 5);
    assert_eq!(values(&segments), [5, 4]);
}

#[test]
fn only_a_neighbour_is_unlinked() {
    let segments = AppendList::default();
    for n in 0..3 {
        segments.push(segments.newest(), n);
    }
    let [newest, middle, oldest] = [0, 1, 2].map(|n| segments.iter().nth(n).unwrap());
    newest.unlink_older(oldest);
    assert_eq!(values(&segments), [2, 1, 0]);
    newest.unlink_older(middle);
    newest.unlink_older(middle);
    middle.unlink_older(newest);
    assert_eq!(values(&segments), [2, 0]);
}

#[test]
fn every_segment_is_dropped_once_whether_linked_or_not() {
    let value = Arc::new(());
    let segments = AppendList::default();
    for _ in 0..4 {
        segments.push(segments.newest(), Arc::clone(&value));
    }
    let newest = segments.newest().unwrap();
    newest.unlink_older(newest.older().unwrap());
    assert_eq!((segments.iter().count(), Arc::strong_count(&value)), (3, 5));
    drop(segments);
    assert_eq!(Arc::strong_count(&value), 1);
}
