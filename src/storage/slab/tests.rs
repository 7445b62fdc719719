#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use std::thread;

fn slab(addresses: usize) -> Slab<()> {
    Slab::new(addresses)
}

fn allocate(slab: &Slab<()>) -> Option<SlotAddr> {
    slab.allocate().expect("there is memory")
}

/// As many slots as there are.
fn all(slab: &Slab<()>) -> Vec<SlotAddr> {
    std::iter::from_fn(|| allocate(slab)).collect()
}

fn slot_count(slab: &Slab<()>) -> usize {
    slab.pages().map(|page| page.slots.len()).sum()
}

/// The slots that a walk looks at.
fn in_use(slab: &Slab<()>) -> Vec<(SlotAddr, &SlotState)> {
    let mut found = Vec::new();
    for page in slab.pages() {
        let flow = page.each_slot(0, |offset, state| {
            found.push((page.addr(offset), state));
            ControlFlow::Continue(())
        });
        assert!(flow.is_continue());
    }
    found
}

/// Links the slots by `next_free`, the first on top.
fn link(slab: &Slab<()>, addrs: &[SlotAddr]) {
    for (n, &addr) in addrs.iter().enumerate() {
        let next_free = addrs.get(n + 1).map_or(0, |next_free| next_free.raw());
        slab.slot(addr).expect("allocated").next_free.store(next_free, Ordering::Relaxed);
    }
}

fn pops(stack: &FreeList) -> u64 {
    stack.0.load(Ordering::Relaxed) >> 32
}

fn drain(stack: &FreeList, slab: &Slab<()>) -> Vec<SlotAddr> {
    std::iter::from_fn(|| stack.pop(slab)).collect()
}

#[test]
fn pages_are_filled_one_after_another_and_double_as_long_as_there_are_addresses() {
    let slab = slab(1_000);
    assert!(all(&slab).into_iter().eq((0..1_000).map(SlotAddr::overflow)), "every address once, in order");
    assert_eq!(allocate(&slab), None);
    let pages: Vec<_> = slab.pages.iter().map(|page| (page.first, page.slots.len())).collect();
    assert_eq!(pages, [(992, 8), (480, 512), (224, 256), (96, 128), (32, 64), (0, 32)], "a refused call adds no page");
}

#[test]
fn a_page_is_added_only_when_it_is_needed() {
    let slab = slab(96);
    assert!(slab.pages.newest().is_none() && slot_count(&slab) == 0);
    for n in 0..33 {
        assert!(allocate(&slab).is_some());
        assert_eq!(slot_count(&slab), if n < 32 { 32 } else { 96 });
    }
}

#[test]
fn a_slab_has_as_many_slots_as_addresses() {
    for addresses in [0, 1, FIRST_PAGE - 1, FIRST_PAGE, FIRST_PAGE + 1, 3 * FIRST_PAGE - 1, 3 * FIRST_PAGE] {
        assert_eq!(all(&slab(addresses)).len(), addresses);
    }
}

#[test]
fn an_exhausted_page_does_not_count_further() {
    let slab = slab(32);
    let count = all(&slab).len() as u32;
    assert!((0..10).all(|_| allocate(&slab).is_none()));
    assert_eq!(slab.pages.newest().map(|page| page.used.load(Ordering::Relaxed)), Some(count));
}

#[test]
fn a_slot_is_where_its_spot_says_and_nowhere_else() {
    let slab = slab(96);
    let addrs = all(&slab);
    let found: Vec<_> = in_use(&slab);
    assert_eq!(found.len(), addrs.len());
    for &(addr, slot) in &found {
        assert!(addrs.contains(&addr));
        assert!(std::ptr::eq(slab.slot(addr).expect("it exists").state(), slot));
    }
    for nowhere in [96, 97, (1 << 31) - 1] {
        assert!(slab.slot(SlotAddr::overflow(nowhere)).is_none());
    }
}

#[test]
fn released_slots_are_used_first_top_to_bottom() {
    let slab = slab(32);
    let addrs = all(&slab);
    link(&slab, &addrs[3..6]);
    slab.release(addrs[3]);
    link(&slab, &addrs[8..9]);
    slab.release(addrs[8]);
    let again = all(&slab);
    assert_eq!(again, [addrs[8], addrs[3], addrs[4], addrs[5]]);
}

#[test]
fn a_stack_gives_back_the_last_first() {
    let (slab, stack) = (slab(32), FreeList::default());
    let addrs = all(&slab);
    assert_eq!(stack.pop(&slab), None);
    for &addr in &addrs {
        stack.push(&slab, addr, addr);
    }
    assert!(drain(&stack, &slab).iter().eq(addrs.iter().rev()));
    assert_eq!(stack.pop(&slab), None);
}

#[test]
fn a_list_goes_on_top_in_its_order() {
    let (slab, stack) = (slab(32), FreeList::default());
    let addrs = all(&slab);
    stack.push(&slab, addrs[0], addrs[0]);
    link(&slab, &addrs[1..4]);
    stack.push(&slab, addrs[1], addrs[3]);
    assert_eq!(drain(&stack, &slab), [addrs[1], addrs[2], addrs[3], addrs[0]]);
}

#[test]
fn every_pop_changes_the_head_for_good() {
    let (slab, stack) = (slab(32), FreeList::default());
    let addr = allocate(&slab).expect("the first slot");
    for n in 0..3 {
        assert_eq!(pops(&stack), n);
        stack.push(&slab, addr, addr);
        assert_eq!(pops(&stack), n, "a push does not count");
        assert_eq!(stack.pop(&slab), Some(addr));
    }
    assert_eq!(stack.pop(&slab), None);
    assert_eq!(pops(&stack), 3, "nor does a pop of nothing");
    stack.push(&slab, addr, addr);
    assert_eq!(stack.take_all(), Some(addr));
    assert_eq!(pops(&stack), 4, "all together count as one");
}

#[test]
fn the_count_of_pops_wraps_and_leaves_the_top_alone() {
    let (slab, stack) = (slab(32), FreeList(AtomicU64::new(u64::from(u32::MAX) << 32)));
    let addrs = all(&slab);
    stack.push(&slab, addrs[0], addrs[0]);
    stack.push(&slab, addrs[1], addrs[1]);
    assert_eq!(stack.pop(&slab), Some(addrs[1]));
    assert_eq!(stack.0.load(Ordering::Relaxed), u64::from(addrs[0].raw()));
}

#[test]
fn take_all_leaves_nothing_and_hands_over_a_list_to_release() {
    let (slab, stack) = (slab(32), FreeList::default());
    let addrs = all(&slab);
    assert_eq!(stack.take_all(), None);
    for &addr in &addrs[..3] {
        stack.push(&slab, addr, addr);
    }
    let first = stack.take_all().expect("three were pushed");
    assert_eq!(stack.pop(&slab), None);
    slab.release(first);
    assert_eq!(all(&slab), [addrs[2], addrs[1], addrs[0]]);
}

fn walk(chain: &SlotChain, slab: &Slab<()>) -> Vec<SlotAddr> {
    std::iter::successors(chain.first(), |&addr| SlotChain::next_of(slab.slot(addr)?)).collect()
}

#[test]
fn a_chain_grows_at_its_head_and_its_slots_know_the_key() {
    let (slab, chain) = (slab(32), SlotChain::default());
    let addrs = all(&slab);
    let owner = SlotAddr::inline(17);
    assert_eq!(walk(&chain, &slab), []);
    for (n, &addr) in addrs.iter().enumerate() {
        chain.push(&slab, addr, owner);
        assert!(walk(&chain, &slab).iter().eq(addrs[..=n].iter().rev()));
        assert_eq!(slab.slot(addr).map(OverflowSlot::owner), Some(owner));
    }
}

#[test]
fn a_cleared_chain_begins_anew_for_another_key() {
    let (slab, chain) = (slab(32), SlotChain::default());
    let addrs = all(&slab);
    chain.push(&slab, addrs[0], SlotAddr::inline(1));
    chain.push(&slab, addrs[1], SlotAddr::inline(1));
    chain.clear();
    assert_eq!(walk(&chain, &slab), []);
    chain.push(&slab, addrs[1], SlotAddr::inline(2));
    assert_eq!(walk(&chain, &slab), [addrs[1]], "the link of the former chain is overwritten");
    assert_eq!(slab.slot(addrs[1]).map(OverflowSlot::owner), Some(SlotAddr::inline(2)));
}

#[test]
fn being_vacant_and_being_in_a_chain_are_independent() {
    let (slab, chain, free_slots) = (slab(32), SlotChain::default(), FreeList::default());
    let addrs = all(&slab);
    for &addr in &addrs[..3] {
        chain.push(&slab, addr, SlotAddr::inline(0));
    }
    free_slots.push(&slab, addrs[0], addrs[0]);
    free_slots.push(&slab, addrs[2], addrs[2]);
    assert_eq!(walk(&chain, &slab), [addrs[2], addrs[1], addrs[0]]);
    assert_eq!(drain(&free_slots, &slab), [addrs[2], addrs[0]]);
}

#[test]
fn a_walk_looks_at_no_group_whose_slots_were_all_released() {
    let slab = slab(1024);
    assert_eq!(in_use(&slab).len(), 0);
    let addrs = all(&slab);
    assert_eq!(in_use(&slab).len(), addrs.len());
    let (kept, rest): (Vec<_>, Vec<_>) = addrs.iter().partition(|addr| [196, 580].contains(&addr.index()));
    link(&slab, &rest);
    slab.release(rest[0]);
    let met: Vec<_> = in_use(&slab).into_iter().map(|(addr, _)| addr).collect();
    assert_eq!((kept.len(), met.len()), (2, 2 * 16));
    assert!(kept.iter().all(|addr| met.contains(addr)));
    assert_eq!(all(&slab).len(), rest.len());
    assert_eq!(in_use(&slab).len(), addrs.len(), "those that are used again are met again");
}

/// Threads that allocate and release must never have the same slot. The slot's own state shows it.
#[test]
fn no_slot_is_in_two_hands() {
    let slab = slab(32);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let mine: Vec<_> = (0..4).filter_map(|_| allocate(&slab)).collect();
                    assert_eq!(mine.len(), 4, "16 of 32 are in use at most");
                    let states = mine.iter().map(|&addr| &slab.slot(addr).expect("allocated").head.state);
                    assert!(states.clone().all(SlotState::claim));
                    states.for_each(SlotState::unclaim);
                    link(&slab, &mine);
                    slab.release(mine[0]);
                }
            });
        }
    });
    let mut left: Vec<_> = all(&slab).into_iter().map(SlotAddr::raw).collect();
    left.sort_unstable();
    left.dedup();
    assert_eq!(left.len(), 32);
}

#[test]
fn a_sweep_unlinks_the_vacant_slots_and_leaves_the_head_and_the_used_ones() {
    for vacant in 0..1_u32 << 6 {
        let (slab, chain, free_slots) = (slab(32), SlotChain::default(), FreeList::default());
        let addrs: Vec<_> = all(&slab).into_iter().take(6).collect();
        addrs.iter().for_each(|&addr| chain.push(&slab, addr, SlotAddr::inline(1)));
        let is_vacant = |n: usize| vacant >> n & 1 == 1;
        (0..6).filter(|&n| is_vacant(n)).for_each(|n| free_slots.push(&slab, addrs[n], addrs[n]));
        chain.sweep(&slab, &free_slots);
        let kept: Vec<_> = (0..6).rev().filter(|&n| n == 5 || !is_vacant(n)).map(|n| addrs[n]).collect();
        assert_eq!(walk(&chain, &slab), kept);
        assert_eq!((chain.len() as usize, chain.is_being_swept()), (kept.len(), false));
        assert_eq!(drain(&free_slots, &slab), if is_vacant(5) { vec![addrs[5]] } else { vec![] });
        let released: Vec<_> = (0..5).filter(|&n| is_vacant(n)).map(|n| addrs[n]).collect();
        assert_eq!(all(&slab), released);
    }
}
