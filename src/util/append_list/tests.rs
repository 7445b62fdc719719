#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use crate::sync::Arc;

fn values(layers: &AppendList<u32>) -> Vec<u32> {
    layers.iter().map(|layer| **layer).collect()
}

#[test]
fn the_newest_comes_first_and_knows_the_older_ones() {
    let layers = AppendList::default();
    assert!(layers.newest().is_none() && layers.iter().next().is_none());
    for n in 0..3 {
        layers.push(layers.newest(), n);
    }
    assert_eq!(values(&layers), [2, 1, 0]);
    let newest = layers.newest().expect("three were pushed");
    let older = newest.older().expect("two are older");
    assert_eq!((**newest, **older), (2, 1));
    assert!(older.older().is_some_and(|oldest| **oldest == 0 && oldest.older().is_none()));
}

#[test]
fn layers_stay_where_they_are() {
    let layers = AppendList::default();
    layers.push(None, 0);
    let first = layers.newest().expect("pushed above");
    for n in 1..10 {
        layers.push(layers.newest(), n);
    }
    assert!(layers.iter().last().is_some_and(|last| ptr::eq(last, first)));
    assert_eq!(**first, 0);
}

#[test]
fn who_comes_second_on_top_of_the_same_layer_adds_nothing() {
    let layers = AppendList::default();
    layers.push(None, 0);
    layers.push(None, 1);
    assert_eq!(values(&layers), [0]);
    let first = layers.newest();
    layers.push(first, 2);
    layers.push(first, 3);
    layers.push(None, 4);
    assert_eq!(values(&layers), [2, 0]);
}

#[test]
fn every_value_is_dropped_once() {
    let value = Arc::new(());
    let layers = AppendList::default();
    for n in 0..3 {
        layers.push(layers.newest(), Arc::clone(&value));
        assert_eq!(Arc::strong_count(&value), n + 2);
    }
    layers.push(None, Arc::clone(&value));
    assert_eq!(Arc::strong_count(&value), 4, "the one that came too late is gone at once");
    drop(layers);
    assert_eq!(Arc::strong_count(&value), 1);
}
