#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use std::thread;

const MOST: usize = crate::shard::geometry::MAX_SOCKETS;

fn free(totals: &Totals) -> Vec<usize> {
    totals.shards.iter().map(|shard| free_in(shard.permits.load(Ordering::Relaxed))).collect()
}

#[test]
fn the_masks_are_as_drawn_and_share_no_bit() {
    assert_eq!((ONE_FREE, FREE, ONE_RETURNED), (1 << 1, ((1 << 27) - 1) << 1, 1 << 28));
    assert_eq!((WATCHED, CLOSED, REVOKES, ONE_HOLDER, ONE_KEY), (1, 1 << 1, 1 << 2, 1 << 3, 1 << 35));
}

#[test]
fn permits_are_dealt_out_evenly_and_none_is_lost() {
    for shards in [1, 2, 4, 8, 64, 1024] {
        for max_sockets in [shards, shards + 1, 2 * shards - 1, 5 * shards + 3, MOST - 1, MOST] {
            let free = free(&Totals::new(shards, max_sockets));
            assert_eq!(free.len(), shards);
            assert_eq!(free.iter().sum::<usize>(), max_sockets);
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
        assert!(!totals.shard(from).release_permit());
        assert_eq!(free(&totals)[from], 1);
        assert!(totals.acquire_permit(to) && !totals.acquire_permit(to));
    }
}

#[test]
fn returns_are_counted_and_wrap() {
    let totals = Totals::new(2, 2);
    assert_eq!(totals.collect(), (2, 0));
    assert!(totals.acquire_permit(0) && totals.acquire_permit(0));
    assert_eq!(totals.collect(), (0, 0));
    assert!(!totals.shard(1).release_permit());
    assert_eq!(totals.collect(), (1, 1));
    assert!(totals.acquire_permit(0));
    assert_eq!(totals.collect(), (0, 1));

    totals.shards[0].permits.store(u64::MAX << RETURNED_SHIFT, Ordering::Relaxed);
    assert!(!totals.shard(0).release_permit());
    assert_eq!(totals.shards[0].permits.load(Ordering::Relaxed), ONE_FREE, "the count wrapped, and the permit is free");
    assert!(totals.acquire_permit(1) && !totals.acquire_permit(1));
}

#[test]
fn sockets_are_the_permits_that_are_taken_wherever_they_are_returned() {
    let totals = Totals::new(4, 5);
    assert!(totals.is_empty());
    for taken in 1..=5 {
        assert!(totals.acquire_permit(0));
        assert_eq!((totals.sockets(), totals.is_empty()), (taken, false));
    }
    for left in (0..5).rev() {
        assert!(!totals.shard(3).release_permit());
        assert_eq!((totals.sockets(), totals.is_empty()), (left, left == 0));
    }
}

#[test]
fn the_most_sockets_and_keys_fit_one_line() {
    let totals = Totals::new(2, MOST);
    for shard in [0, 1] {
        totals.shards[shard]
            .permits
            .store(if shard == 0 { 0 } else { (MOST - 1) as u64 * ONE_FREE }, Ordering::Relaxed);
    }
    assert!(!totals.shard(1).release_permit());
    assert_eq!(totals.collect(), (MOST, 1));
    totals.close();
    totals.watch();
    let before = totals.shard(1).add_holder(MOST as u64);
    assert!(before.is_closed() && before.is_watched());
    assert_eq!((totals.sockets(), totals.keys()), (0, MOST));
    assert!(totals.shard(1).flags().is_closed());
}

#[test]
fn keys_add_up_over_the_shards_and_one_that_is_counted_out_first_touches_nothing_else() {
    let totals = Totals::new(2, 100);
    let _ = (totals.shard(0).add_holder(1), totals.shard(0).add_holder(0), totals.shard(1).add_holder(1));
    assert_eq!(totals.keys(), 2);
    for left in [1, 0, 0] {
        let _ = totals.shard(0).sub_key();
        assert_eq!(totals.keys(), left);
    }
    assert!(!totals.shard(0).flags().is_closed() && !totals.shard(0).flags().is_watched());
    totals.close();
    totals.watch();
    assert_eq!(totals.keys(), 0, "below the truth of the other shard, but not below none");
    let _ = totals.shard(0).add_holder(1);
    assert_eq!(totals.keys(), 0);
    let _ = totals.shard(0).add_holder(1);
    assert_eq!(totals.keys(), 1);
    assert!(totals.shard(0).flags().is_closed() && totals.shard(0).flags().is_watched());
}

#[test]
fn the_last_holder_is_told_whatever_the_keys_and_flags_are() {
    for (first, second, leave) in [(0, 0, 0), (1, 0, 0), (1, 1, 1), (0, 0, 1), (1, 0, 3)] {
        for flags in [false, true] {
            let totals = Totals::new(2, 100);
            let shard = totals.shard(0);
            if flags {
                totals.close();
                totals.watch();
                shard.revoke();
            }
            let _ = (shard.add_holder(first), shard.add_holder(second));
            for _ in 0..leave {
                let _ = shard.sub_key();
            }
            assert_eq!([shard.release_holder(), shard.release_holder()], [false, true]);
            assert_eq!(shard.signed_keys(), (first + second) as i64 - leave);
            assert_eq!(
                [shard.flags().is_closed(), shard.flags().is_watched(), shard.flags().has_revocations()],
                [flags; 3]
            );
        }
    }
}

#[test]
fn close_is_told_to_registrations_that_count_later() {
    let totals = Totals::new(4, 100);
    assert!(
        (0..4).all(|shard| !totals.shard(shard).add_holder(1).is_closed() && !totals.shard(shard).flags().is_closed())
    );
    for _ in 0..2 {
        totals.close();
        assert!(
            (0..4)
                .all(|shard| totals.shard(shard).flags().is_closed() && totals.shard(shard).add_holder(0).is_closed())
        );
        assert_eq!(totals.keys(), 4);
    }
}

#[test]
fn a_watch_is_told_to_each_later_change_of_a_count() {
    let totals = Totals::new(4, 100);
    for shard in 0..4 {
        assert!(totals.acquire_permit(shard) && !totals.shard(shard).release_permit());
        assert!(!totals.shard(shard).add_holder(1).is_watched() && !totals.shard(shard).sub_key().is_watched());
        assert!(!totals.shard(shard).flags().is_watched());
    }
    for _ in 0..2 {
        totals.watch();
        for shard in 0..4 {
            assert!(totals.acquire_permit(shard) && totals.shard(shard).release_permit());
            assert!(totals.shard(shard).add_holder(1).is_watched() && totals.shard(shard).sub_key().is_watched());
            assert!(totals.shard(shard).flags().is_watched() && !totals.shard(shard).flags().is_closed());
        }
        assert_eq!((totals.sockets(), totals.keys()), (0, 0));
    }
}

/// One thread takes and returns in turns, always from another line: a sum over the lines can be 0
/// meanwhile, `is_empty` cannot.
#[test]
fn a_registry_that_always_has_a_socket_is_never_empty() {
    let totals = Totals::new(4, 4);
    assert!(totals.acquire_permit(0));
    thread::scope(|scope| {
        let changes = scope.spawn(|| {
            for n in 0..100_000 {
                assert!(totals.acquire_permit(n % 4));
                let _ = totals.shard(n / 4 % 4).release_permit();
            }
        });
        while !changes.is_finished() {
            assert!(!totals.is_empty());
        }
    });
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

/// As many threads as permits, each of which holds one at most: a permit is always free, though
/// never where it was.
#[test]
fn nobody_is_refused_while_a_permit_is_free() {
    let totals = Totals::new(4, 4);
    thread::scope(|scope| {
        for thread in 0..4 {
            let totals = &totals;
            scope.spawn(move || {
                for n in 0..20_000 {
                    assert!(totals.acquire_permit((thread + n) % 4));
                    let _ = totals.shard((thread + 3 * n) % 4).release_permit();
                }
            });
        }
    });
    assert_eq!(free(&totals).iter().sum::<usize>(), 4);
}
