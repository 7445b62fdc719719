#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use std::thread;

const MOST: usize = crate::shard::geometry::MAX_SOCKETS;

fn free(ledger: &Totals) -> Vec<u64> {
    ledger.lines.iter().map(|line| line.permits.load(Ordering::Relaxed) & u64::from(u32::MAX)).collect()
}

fn counts(ledger: &Totals, shard: usize) -> u64 {
    ledger.lines[shard].counts.load(Ordering::Relaxed)
}

#[test]
fn the_masks_are_as_drawn_and_share_no_bit() {
    assert_eq!((FREE, ONE_RETURNED), (u64::from(u32::MAX), 1 << 32));
    assert_eq!((WATCHED, CLOSED, ONE_SOCKET, ONE_KEY), (1, 1 << 1, 1 << 2, 1 << 34));
    let entries = [(false, false), (true, false), (false, true), (true, true)];
    let entries = entries.map(|(socket, key)| CountsDelta::new(socket, key).0);
    assert_eq!(entries, [0, 1 << 2, 1 << 34, 1 << 34 | 1 << 2]);
}

#[test]
fn permits_are_dealt_out_evenly_and_none_is_lost() {
    for shards in [1, 2, 4, 8, 64, 1024] {
        for max_sockets in [shards, shards + 1, 2 * shards - 1, 5 * shards + 3, MOST - 1, MOST] {
            let free = free(&Totals::new(shards, max_sockets));
            assert_eq!(free.len(), shards);
            assert_eq!(free.iter().sum::<u64>(), max_sockets as u64);
            let (least, most) = (free.iter().min(), free.iter().max());
            assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{free:?}");
        }
    }
}

#[test]
fn every_shard_can_take_every_permit_and_no_more() {
    for shards in [1, 2, 4, 8] {
        for max_sockets in shards..3 * shards {
            for shard in 0..shards {
                let ledger = Totals::new(shards, max_sockets);
                let admitted = (0..max_sockets + 3).filter(|_| ledger.admit(shard)).count();
                assert_eq!(admitted, max_sockets, "{shards} shards, by {shard}");
                assert!((0..shards).all(|shard| !ledger.admit(shard)));
            }
        }
    }
}

#[test]
fn a_permit_is_taken_at_home_first_and_else_from_the_next_shard() {
    let ledger = Totals::new(4, 8);
    let after_each: Vec<_> = (0..8).map(|_| (ledger.admit(2), free(&ledger))).collect();
    let expected =
        [[2, 2, 1, 2], [2, 2, 0, 2], [2, 2, 0, 1], [2, 2, 0, 0], [1, 2, 0, 0], [0, 2, 0, 0], [0, 1, 0, 0], [0; 4]];
    assert_eq!(after_each, expected.map(|free| (true, free.to_vec())));
}

#[test]
fn a_returned_permit_is_for_anybody() {
    let ledger = Totals::new(4, 4);
    assert!((0..4).all(|_| ledger.admit(0)) && !ledger.admit(0));
    for (from, to) in [(0, 0), (0, 3), (3, 0), (1, 2)] {
        ledger.line(from).dismiss();
        assert_eq!(free(&ledger)[from], 1);
        assert!(ledger.admit(to) && !ledger.admit(to));
    }
}

#[test]
fn returns_are_counted_if_no_permit_is_free_and_wrap() {
    let ledger = Totals::new(2, 2);
    assert_eq!(ledger.returned(), None);
    assert!(ledger.admit(0) && ledger.admit(0));
    assert_eq!(ledger.returned(), Some(0));
    ledger.line(1).dismiss();
    assert_eq!(ledger.returned(), None);
    assert!(ledger.admit(0));
    assert_eq!(ledger.returned(), Some(1));

    ledger.lines[0].permits.store(u64::from(u32::MAX) << 32, Ordering::Relaxed);
    ledger.line(0).dismiss();
    assert_eq!(ledger.lines[0].permits.load(Ordering::Relaxed), 1, "the count wrapped, and the permit is free");
    assert!(ledger.admit(1) && !ledger.admit(1));
}

#[test]
fn counts_add_up_over_the_shards_and_return_to_nothing() {
    let ledger = Totals::new(4, 100);
    let (socket, key, both) =
        (CountsDelta::new(true, false), CountsDelta::new(false, true), CountsDelta::new(true, true));
    assert_eq!((ledger.sockets(), ledger.keys()), (0, 0));
    for (shard, entry) in [(0, both), (0, socket), (3, both), (3, CountsDelta::new(false, false))] {
        assert!(!ledger.line(shard).add(entry).is_closed());
    }
    assert_eq!((ledger.sockets(), ledger.keys()), (3, 2));
    let _ = ledger.line(0).sub(key);
    assert_eq!((ledger.sockets(), ledger.keys()), (3, 1));
    assert!(!ledger.line(0).add(key).is_closed());
    let _ = ledger.line(0).sub(socket);
    let _ = ledger.line(0).sub(both);
    assert_eq!((ledger.sockets(), ledger.keys()), (1, 1));
    let _ = ledger.line(3).sub(both);
    assert_eq!((ledger.sockets(), ledger.keys()), (0, 0));
    assert!((0..4).all(|shard| counts(&ledger, shard) == 0));
}

#[test]
fn the_most_sockets_and_keys_fit_one_line() {
    let ledger = Totals::new(2, MOST);
    let all_but_one = (MOST as u64 - 1) * (ONE_KEY + ONE_SOCKET);
    ledger.lines[1].counts.store(all_but_one, Ordering::Relaxed);
    ledger.close();
    ledger.watch();
    assert!(ledger.line(1).add(CountsDelta::new(true, true)).is_closed());
    assert_eq!((ledger.sockets(), ledger.keys()), (MOST, MOST));
    assert!(ledger.line(1).is_closed());
}

#[test]
fn what_is_counted_out_too_often_reads_as_none_and_touches_nothing_else() {
    let ledger = Totals::new(2, 100);
    let (socket, key) = (CountsDelta::new(true, false), CountsDelta::new(false, true));
    let _ = (ledger.line(0).sub(socket), ledger.line(0).add(key));
    assert_eq!((ledger.sockets(), ledger.keys()), (0, 1));
    let _ = (ledger.line(0).sub(key), ledger.line(0).sub(key), ledger.line(1).add(CountsDelta::new(true, true)));
    assert_eq!((ledger.sockets(), ledger.keys()), (0, 0), "below the truth of the other shard, but not below none");
    assert!(!ledger.line(0).is_closed() && !ledger.line(0).is_watched());
    ledger.close();
    ledger.watch();
    let _ = ledger.line(0).add(key);
    assert_eq!((ledger.sockets(), ledger.keys()), (0, 1));
    let _ = (ledger.line(0).add(socket), ledger.line(0).add(CountsDelta::new(true, true)));
    assert_eq!((ledger.sockets(), ledger.keys()), (2, 2));
    assert!(ledger.line(0).is_closed() && ledger.line(0).is_watched());
}

#[test]
fn close_is_told_to_who_counts_in_later_and_leaves_the_counts_right() {
    let ledger = Totals::new(4, 100);
    let both = CountsDelta::new(true, true);
    assert!((0..4).all(|shard| !ledger.line(shard).add(both).is_closed() && !ledger.line(shard).is_closed()));
    for _ in 0..2 {
        ledger.close();
        assert!((0..4).all(|shard| ledger.line(shard).is_closed()));
    }
    assert_eq!((ledger.sockets(), ledger.keys()), (4, 4));
    assert!((0..4).all(|shard| ledger.line(shard).add(both).is_closed()));
    assert_eq!((ledger.sockets(), ledger.keys()), (8, 8));
    for shard in 0..4 {
        let _ = ledger.line(shard).sub(both);
        let _ = ledger.line(shard).sub(both);
    }
    assert_eq!((ledger.sockets(), ledger.keys()), (0, 0));
    assert!((0..4).all(|shard| ledger.line(shard).is_closed()));
}

#[test]
fn a_watch_is_told_to_who_changes_the_counts_later_and_leaves_them_right() {
    let ledger = Totals::new(4, 100);
    let both = CountsDelta::new(true, true);
    assert!((0..4).all(|shard| !ledger.line(shard).add(both).is_watched() && !ledger.line(shard).is_watched()));
    assert!((0..4).all(|shard| !ledger.line(shard).sub(CountsDelta::new(false, true)).is_watched()));
    for _ in 0..2 {
        ledger.watch();
        assert!((0..4).all(|shard| ledger.line(shard).is_watched() && !ledger.line(shard).is_closed()));
        assert_eq!((ledger.sockets(), ledger.keys()), (4, 0));
    }
    assert!((0..4).all(|shard| ledger.line(shard).add(both).is_watched() && ledger.line(shard).sub(both).is_watched()));
    assert_eq!((ledger.sockets(), ledger.keys()), (4, 0));
}

#[test]
fn of_racing_threads_as_many_are_admitted_as_there_are_permits() {
    for max_sockets in 4..24 {
        let ledger = Totals::new(4, max_sockets);
        let admitted: usize = thread::scope(|scope| {
            let ledger = &ledger;
            let admit = |shard| move || (0..max_sockets).filter(|_| ledger.admit(shard)).count();
            let threads: Vec<_> = (0..4).map(|shard| scope.spawn(admit(shard))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!(admitted, max_sockets);
    }
}

/// As many threads as permits, each of which holds one at most: there is always one to be had, though never where it was.
#[test]
fn nobody_is_refused_while_a_permit_is_free() {
    let ledger = Totals::new(4, 4);
    thread::scope(|scope| {
        for thread in 0..4 {
            let ledger = &ledger;
            scope.spawn(move || {
                for n in 0..20_000 {
                    assert!(ledger.admit((thread + n) % 4));
                    ledger.line((thread + 3 * n) % 4).dismiss();
                }
            });
        }
    });
    assert_eq!(free(&ledger).iter().sum::<u64>(), 4);
}
