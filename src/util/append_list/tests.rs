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
