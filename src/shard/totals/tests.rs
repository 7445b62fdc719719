#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use std::thread;

const MOST: usize = crate::shard::geometry::MAX_SOCKETS;

fn free(totals: &Totals) -> Vec<u64> {
    totals.shards.iter().map(|shard| shard.permits.load(Ordering::Relaxed) & u64::from(u32::MAX)).collect()
}

fn counts(totals: &Totals, shard: usize) -> u64 {
    totals.shards[shard].counts.load(Ordering::Relaxed)
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
                let totals = Totals::new(shards, max_sockets);
                let admitted = (0..max_sockets + 3).filter(|_| totals.acquire_permit(shard)).count();
                assert_eq!(admitted, max_sockets, "{shards} shards, by {shard}");
                assert!((0..shards).all(|shard| !totals.acquire_permit(shard)));
            }
        }
    }
}

#[test]
fn a_permit_is_taken_at_home_first_and_else_from_the_next_shard() {
    let totals = Totals::new(4, 8);
    let after_each: Vec<_> = (0..8).map(|_| (totals.acquire_permit(2), free(&totals))).collect();
    let expected =
        [[2, 2, 1, 2], [2, 2, 0, 2], [2, 2, 0, 1], [2, 2, 0, 0], [1, 2, 0, 0], [0, 2, 0, 0], [0, 1, 0, 0], [0; 4]];
    assert_eq!(after_each, expected.map(|free| (true, free.to_vec())));
}

#[test]
fn a_returned_permit_is_for_anybody() {
    let totals = Totals::new(4, 4);
    assert!((0..4).all(|_| totals.acquire_permit(0)) && !totals.acquire_permit(0));
    for (from, to) in [(0, 0), (0, 3), (3, 0), (1, 2)] {
        totals.shard(from).release_permit();
        assert_eq!(free(&totals)[from], 1);
        assert!(totals.acquire_permit(to) && !totals.acquire_permit(to));
    }
}

#[test]
fn returns_are_counted_if_no_permit_is_free_and_wrap() {
    let totals = Totals::new(2, 2);
    assert_eq!(totals.returned(), None);
    assert!(totals.acquire_permit(0) && totals.acquire_permit(0));
    assert_eq!(totals.returned(), Some(0));
    totals.shard(1).release_permit();
    assert_eq!(totals.returned(), None);
    assert!(totals.acquire_permit(0));
    assert_eq!(totals.returned(), Some(1));

    totals.shards[0].permits.store(u64::from(u32::MAX) << 32, Ordering::Relaxed);
    totals.shard(0).release_permit();
    assert_eq!(totals.shards[0].permits.load(Ordering::Relaxed), 1, "the count wrapped, and the permit is free");
    assert!(totals.acquire_permit(1) && !totals.acquire_permit(1));
}

#[test]
fn counts_add_up_over_the_shards_and_return_to_nothing() {
    let totals = Totals::new(4, 100);
    let (socket, key, both) =
        (CountsDelta::new(true, false), CountsDelta::new(false, true), CountsDelta::new(true, true));
    assert_eq!((totals.sockets(), totals.keys()), (0, 0));
    for (shard, entry) in [(0, both), (0, socket), (3, both), (3, CountsDelta::new(false, false))] {
        assert!(!totals.shard(shard).add(entry).is_closed());
    }
    assert_eq!((totals.sockets(), totals.keys()), (3, 2));
    let _ = totals.shard(0).sub(key);
    assert_eq!((totals.sockets(), totals.keys()), (3, 1));
    assert!(!totals.shard(0).add(key).is_closed());
    let _ = totals.shard(0).sub(socket);
    let _ = totals.shard(0).sub(both);
    assert_eq!((totals.sockets(), totals.keys()), (1, 1));
    let _ = totals.shard(3).sub(both);
    assert_eq!((totals.sockets(), totals.keys()), (0, 0));
    assert!((0..4).all(|shard| counts(&totals, shard) == 0));
}

#[test]
fn the_most_sockets_and_keys_fit_one_line() {
    let totals = Totals::new(2, MOST);
    let all_but_one = (MOST as u64 - 1) * (ONE_KEY + ONE_SOCKET);
    totals.shards[1].counts.store(all_but_one, Ordering::Relaxed);
    totals.close();
    totals.watch();
    assert!(totals.shard(1).add(CountsDelta::new(true, true)).is_closed());
    assert_eq!((totals.sockets(), totals.keys()), (MOST, MOST));
    assert!(totals.shard(1).is_closed());
}

#[test]
fn what_is_counted_out_too_often_reads_as_none_and_touches_nothing_else() {
    let totals = Totals::new(2, 100);
    let (socket, key) = (CountsDelta::new(true, false), CountsDelta::new(false, true));
    let _ = (totals.shard(0).sub(socket), totals.shard(0).add(key));
    assert_eq!((totals.sockets(), totals.keys()), (0, 1));
    let _ = (totals.shard(0).sub(key), totals.shard(0).sub(key), totals.shard(1).add(CountsDelta::new(true, true)));
    assert_eq!((totals.sockets(), totals.keys()), (0, 0), "below the truth of the other shard, but not below none");
    assert!(!totals.shard(0).is_closed() && !totals.shard(0).is_watched());
    totals.close();
    totals.watch();
    let _ = totals.shard(0).add(key);
    assert_eq!((totals.sockets(), totals.keys()), (0, 1));
    let _ = (totals.shard(0).add(socket), totals.shard(0).add(CountsDelta::new(true, true)));
    assert_eq!((totals.sockets(), totals.keys()), (2, 2));
    assert!(totals.shard(0).is_closed() && totals.shard(0).is_watched());
}

#[test]
fn close_is_told_to_who_counts_in_later_and_leaves_the_counts_right() {
    let totals = Totals::new(4, 100);
    let both = CountsDelta::new(true, true);
    assert!((0..4).all(|shard| !totals.shard(shard).add(both).is_closed() && !totals.shard(shard).is_closed()));
    for _ in 0..2 {
        totals.close();
        assert!((0..4).all(|shard| totals.shard(shard).is_closed()));
    }
    assert_eq!((totals.sockets(), totals.keys()), (4, 4));
    assert!((0..4).all(|shard| totals.shard(shard).add(both).is_closed()));
    assert_eq!((totals.sockets(), totals.keys()), (8, 8));
    for shard in 0..4 {
        let _ = totals.shard(shard).sub(both);
        let _ = totals.shard(shard).sub(both);
    }
    assert_eq!((totals.sockets(), totals.keys()), (0, 0));
    assert!((0..4).all(|shard| totals.shard(shard).is_closed()));
}

#[test]
fn a_watch_is_told_to_who_changes_the_counts_later_and_leaves_them_right() {
    let totals = Totals::new(4, 100);
    let both = CountsDelta::new(true, true);
    assert!((0..4).all(|shard| !totals.shard(shard).add(both).is_watched() && !totals.shard(shard).is_watched()));
    assert!((0..4).all(|shard| !totals.shard(shard).sub(CountsDelta::new(false, true)).is_watched()));
    for _ in 0..2 {
        totals.watch();
        assert!((0..4).all(|shard| totals.shard(shard).is_watched() && !totals.shard(shard).is_closed()));
        assert_eq!((totals.sockets(), totals.keys()), (4, 0));
    }
    assert!(
        (0..4).all(|shard| totals.shard(shard).add(both).is_watched() && totals.shard(shard).sub(both).is_watched())
    );
    assert_eq!((totals.sockets(), totals.keys()), (4, 0));
}

#[test]
fn of_racing_threads_as_many_are_admitted_as_there_are_permits() {
    for max_sockets in 4..24 {
        let totals = Totals::new(4, max_sockets);
        let admitted: usize = thread::scope(|scope| {
            let totals = &totals;
            let acquire_permit = |shard| move || (0..max_sockets).filter(|_| totals.acquire_permit(shard)).count();
            let threads: Vec<_> = (0..4).map(|shard| scope.spawn(acquire_permit(shard))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!(admitted, max_sockets);
    }
}

/// As many threads as permits, each of which holds one at most: there is always one to be had, though never where it was.
#[test]
fn nobody_is_refused_while_a_permit_is_free() {
    let totals = Totals::new(4, 4);
    thread::scope(|scope| {
        for thread in 0..4 {
            let totals = &totals;
            scope.spawn(move || {
                for n in 0..20_000 {
                    assert!(totals.acquire_permit((thread + n) % 4));
                    totals.shard((thread + 3 * n) % 4).release_permit();
                }
            });
        }
    });
    assert_eq!(free(&totals).iter().sum::<u64>(), 4);
}
