"""The bugs that the tests must notice: what `run` puts in, one at a time.

    tests/mutants/run            all; about 12 minutes for the registry and 5 for the cluster, on two cores that do other work as well, and the build of the dependencies once
    tests/mutants/run fence      those with "fence" in their names

Each says which file it changes, the exact text that it replaces, which must be there once, and the command that must fail then.
A mutant that is still running after five minutes has survived, unless it says that it hangs.

Left out, because nothing can notice them:
- `take` with a Relaxed swap: its fence acquires as much, and its Release hands nothing on that the contract promises.
"""

from typing import NamedTuple


class Mutant(NamedTuple):
    name: str
    # What is wrong then.
    bug: str
    # The cargo command, without `cargo`, that must fail.
    killer: str
    # File, old text, new text.
    edits: list
    hangs: bool = False


# The files.
COUNTS = "src/presence/counts.rs"
ONLINE = "src/presence/online.rs"
KEY_WATCH = "src/presence/key.rs"
PRESENCE = "src/presence/mod.rs"
SCAN = "src/presence/scan.rs"
REVOKE = "src/registry/revoke.rs"
REGISTRY_MARK = "src/registry/mark.rs"
MARK_GRADUALLY = "src/registry/mark_gradually.rs"
EVICT = "src/shard/evict.rs"
GRADUAL = "src/shard/gradual.rs"
LOOKUP = "src/shard/lookup.rs"
GEOMETRY = "src/shard/geometry.rs"
MARK = "src/shard/mark.rs"
MARK_MANY = "src/shard/mark_many.rs"
OBSERVER = "src/shard/observer.rs"
OWNER = "src/shard/owner.rs"
REGISTER = "src/shard/register.rs"
REMOVE = "src/shard/remove.rs"
SHARDS = "src/shard/shards.rs"
TAKEOVER = "src/shard/takeover.rs"
TOTALS = "src/shard/totals.rs"
VISIT = "src/shard/visit.rs"
WALK = "src/shard/walk.rs"
FINGERPRINT = "src/storage/fingerprint.rs"
POLYNOMIAL = "src/storage/fingerprint/polynomial.rs"
FREE_LIST = "src/storage/slab/free_list.rs"
SLAB = "src/storage/slab/mod.rs"
OCCUPANCY = "src/storage/occupancy.rs"
CHAIN = "src/storage/slab/chain.rs"
SLAB_SWEEP = "src/storage/slab/sweep.rs"
SWEEP = "src/shard/sweep.rs"
ACCESS = "src/storage/slot/access.rs"
HEAD = "src/storage/slot/head.rs"
REFS = "src/storage/slot/refs.rs"
STATE = "src/storage/slot/state.rs"
WAITING = "src/storage/slot/state/waiting.rs"
LIFECYCLE = "src/storage/slot/state/lifecycle.rs"
WAKER = "src/storage/slot/waker.rs"
BUCKET = "src/storage/table/bucket.rs"
DISPLACEMENT = "src/storage/table/displacement.rs"
EPOCH = "src/storage/table/epoch.rs"
FIND = "src/storage/table/find.rs"
HOME = "src/storage/table/home.rs"
INSERT = "src/storage/table/insert.rs"
KEY_STATE = "src/storage/table/key_state.rs"
RETIRE = "src/storage/table/retire.rs"
SUPERSEDED = "src/storage/table/superseded.rs"
TAKEOVER_ORDER = "src/storage/slot/takeover_order.rs"
APPEND_LIST = "src/util/append_list.rs"
BUDGET = "src/util/budget.rs"
PANIC = "src/util/panic.rs"
WATCH = "src/watch/mod.rs"
QUEUE = "src/watch/queue.rs"
CLUSTER = "crates/socket-registry-cluster/src/"
ENGINE = CLUSTER + "engine/"

# The cluster's killers: in its library, and on the broker in memory.
UNIT = "test -p socket-registry-cluster --lib "
MEMORY = "test -p socket-registry-cluster --test cluster "

STEP = "compare_exchange_weak(seen.0, next, Ordering::AcqRel, Ordering::Acquire)"
TAKE = "self.step(seen, seen.0 & !DUE)"
PUBLISH_COMMITTED = "        self.publish(&staged.bucket.key_state, home, committed);\n"
NOTE_DISPLACED = "        bucket.note_displaced(distance);\n"
RELAXED_STEP = "compare_exchange_weak(seen.0, next, Ordering::Relaxed, Ordering::Relaxed)"
# The fence of every registration guards what these mutants break, too. Without it alone, their
# killers pass.
WITHOUT_FENCE = (REGISTER, "        fence_after_step();\n", "")

MUTANTS = [
    # The slot's state.
    Mutant("mark-no-fence", "a mark that sets nothing does not fence", "loom slot_state::mark_that_coalesces_publishes", [
        (STATE, "                full_fence();\n                fence = Fence::Shared;", "                fence = Fence::Shared;"),
    ]),
    Mutant("try-mark-no-fence", "a mark that takes the fast path and sets nothing does not fence", "loom slot_state::mark_that_coalesces_publishes", [
        (STATE, "        if fence == Fence::Own {\n            full_fence();\n        }\n        self.load() == seen", "        self.load() == seen"),
    ]),
    Mutant("try-mark-no-second-look", "a mark that takes the fast path and sets nothing does not look again", "loom slot_state::mark_that_coalesces_publishes", [
        (STATE, "            full_fence();\n        }\n        self.load() == seen", "            full_fence();\n        }\n        true"),
    ]),
    Mutant("try-mark-wakes-nobody", "a mark takes the fast path although somebody waits", "loom waiting::mark_beside_wait", [
        (STATE, "if seen.0 & (LIVE | WAITING | WAKERS) != LIVE {", "if seen.0 & LIVE != LIVE {"),
    ]),
    Mutant("take-no-fence", "a take does not fence", "loom slot_state::mark_that_coalesces_publishes", [
        (STATE, "            fence_after_step();\n", ""),
    ]),
    Mutant("mark-no-second-look", "a mark that sets nothing does not look again after its fence", "loom slot_state::mark_that_coalesces_publishes", [
        (STATE, "                now = self.load();\n                continue;", "                return MarkOutcome::Unchanged;"),
    ]),
    Mutant("mark-fences-only-first", "a mark that loses to another one of the same topic does not fence", "loom slot_state::mark_that_loses_to_a_mark_publishes", [
        (STATE, "Err(changed) => now = changed,", "Err(changed) => {\n                    fence = Fence::Shared;\n                    now = changed;\n                }"),
    ]),
    Mutant("mark-relaxed", "marks publish nothing", "loom slot_state::mark_publishes", [(STATE, STEP, RELAXED_STEP)]),
    Mutant("take-relaxed-no-fence", "a take acquires nothing but what its first look did", "loom slot_state::mark_within_a_take_publishes", [
        (STATE, TAKE, "self.0.compare_exchange_weak(seen.0, seen.0 & !DUE, Ordering::Relaxed, Ordering::Relaxed).map(drop).map_err(Snapshot)"),
        (STATE, "            fence_after_step();\n", ""),
    ]),
    Mutant("take-in-two-steps", "a take reads and then clears", "loom slot_state::every_topic_is_taken_once", [
        (STATE, TAKE, "Ok::<(), Snapshot>(self.0.store(seen.0 & !DUE, Ordering::Release))"),
    ]),
    Mutant("publish-relaxed", "a socket is visible before its values", "loom slots::walk_beside_register", [
        (LIFECYCLE, "LIVE | u64::from(due.bits()), Ordering::Release)", "LIVE | u64::from(due.bits()), Ordering::Relaxed)"),
    ]),
    Mutant("vacate-relaxed", "a slot is vacant before it is empty", "loom keys::last_leaves_first_joins", [
        (LIFECYCLE, "<< GENERATION_SHIFT, Ordering::Release)", "<< GENERATION_SHIFT, Ordering::Relaxed)"),
    ]),
    Mutant("generation-not-compared", "a mark reaches whoever is in the slot now", "loom slot_state::due_does_not_pass_on", [
        (STATE, "if !now.is_live_as(generation) {", "if !(now.is_live() && generation == generation) {"),
    ]),
    Mutant("generation-not-stepped", "the next socket in a slot has the same id", "loom slot_state::due_does_not_pass_on", [
        (LIFECYCLE, "u64::from(next.raw())", "u64::from(next.raw() - 1)"),
    ]),
    Mutant("generation-wraps", "the generation begins anew after the last one", "loom slots::ids_are_not_issued_twice", [
        (LIFECYCLE, "let Some(next) = seen.generation().next() else { return false };",
         "let next = seen.generation().next().unwrap_or(Generation::new(0));"),
    ]),
    Mutant("wake-done-not-again", "of more markers than can be counted none looks again",
           "test --lib storage::slot::state::tests::wake_done_ends_the_waking_unless_the_owner_waits_in_vain", [
        (WAITING, "if seen.is_waiting() && seen.is_ready() { self", "if false { self"),
    ]),
    Mutant("wake-done-beyond-the-count", "a marker counts itself again although the count is full", "loom slot_state::wake_done_beside_full_count", [
        (WAITING, " && seen.must_wake();", ";"),
    ]),
    Mutant("wake-done-for-the-next-socket", "a marker that looks again wakes the next socket in the slot", "loom slot_state::wake_done_beside_next_socket", [
        (WAITING, "seen.is_owned() && seen.generation() == generation && ", "seen.is_owned() && (generation, true).1 && "),
    ]),
    Mutant("wake-done-not-released", "who gets the waker cell next may do so during the call of the waker", "loom waiting::waker_replaced_beside_mark", [
        (WAITING, "fetch_sub(ONE_WAKER, Ordering::Release)", "fetch_sub(ONE_WAKER, Ordering::Relaxed)"),
    ]),
    Mutant("too-many-wakers", "a marker counts itself in wakers although the count is full", "test --lib storage::slot::state::tests::mark_adds_topics_and_wakes_who_waits", [
        (STATE, "self.0 & (WAITING | WAKERS) != 0 && self.0 & WAKERS != WAKERS", "self.0 & (WAITING | WAKERS) != 0"),
    ]),
    Mutant("wake-left-to-another", "a marker leaves the wake-up to one that may be stopped", "loom waiting::mark_beside_mark_that_has_not_woken", [
        (STATE, "self.0 & (WAITING | WAKERS) != 0 && self.0 & WAKERS != WAKERS", "self.0 & WAITING != 0 && self.0 & WAKERS != WAKERS"),
    ]),
    Mutant("arm-blindly", "an owner waits although something is due", "loom slot_state::arm_beside_mark", [
        (WAITING, "while !seen.is_ready() {", "while seen.is_live() {"),
    ]),
    Mutant("closed-is-not-ready", "an owner that was told to go waits", "loom slot_state::arm_beside_close", [
        (STATE, "self.0 & (DUE | CLOSED) != 0\n", "self.0 & DUE != 0\n"),
    ]),
    Mutant("polled-with-another-waker", "an owner that waits with another waker leaves the old one in the cell", "loom waiting::waker_replaced_beside_mark", [
        (HEAD, "        (is_kept && (seen.is_waiting()", "        let _ = is_kept;\n        (true && (seen.is_waiting()"),
    ]),
    Mutant("poll-past-the-end", "a socket that is closed still yields what is due before the reason", "test --test api close::a_closed_socket_tells_the_reason_before_what_is_due", [
        (HEAD, "        if seen.is_closed() {\n            return None;\n        }\n        if !seen.due()", "        if !seen.due()"),
    ]),
    Mutant("arm-for-close-blindly", "an owner that was told to go waits to be told", "loom closing::disconnect_beside_wait_for_close", [
        (WAITING, "while !seen.is_closed() && !seen.is_waking() {", "while !seen.is_waking() {"),
    ]),
    Mutant("arm-for-close-while-waking", "a mark wakes the task that waits to be told to go, again and again",
           "test --test api close::a_mark_ends_although_its_waker_waits_for_close_again", [
        (WAITING, "while !seen.is_closed() && !seen.is_waking() {", "while !seen.is_closed() {"),
        (HEAD, "            if seen.is_waking() {\n", "            if false && seen.is_waking() {\n"),
    ]),
    Mutant("remove-in-two-steps", "a removal does not see who came between its look and its step", "loom waiting::drop_beside_wake", [
        (LIFECYCLE, "match self.step(seen, seen.0 & !(LIVE | WAITING | CLOSED | VISITED | DUE) | BUSY) {",
         "let busy = self.load().0 & !(LIVE | WAITING | CLOSED | VISITED | DUE) | BUSY;\n"
         "            self.0.store(busy, Ordering::Release);\n            match Ok::<(), crate::storage::slot::state::Snapshot>(()) {"),
    ]),

    # Waiting, and leaving a slot.
    Mutant("waker-after-arm", "the owner waits before its waker is in the cell", "loom waiting::mark_beside_wait", [
        (HEAD, "        let _replaced = unsafe { cell.replace(new) };\n",
         "        let armed = state.arm();\n        let _replaced = unsafe { cell.replace(new) };\n"
         "        if armed {\n            return true;\n        }\n"),
    ]),
    Mutant("no-disarm", "the owner writes the cell while somebody may wake through it", "loom waiting::waker_replaced_beside_mark", [
        (HEAD, "if !state.disarm() {", "if false {"),
    ]),
    Mutant("refs-ignore-waking", "the owner does not leave a ref to who wakes", "loom waiting::drop_beside_wake", [
        (REFS, "OWNER - u32::from(waking)", "OWNER - 0 * u32::from(waking)"),
    ]),
    Mutant("visitor-released-relaxed", "the owner cleans up before a visitor has left", "loom slots::visit_beside_drop", [
        (REFS, "self.0.fetch_sub(1, Ordering::AcqRel) & REFS", "self.0.fetch_sub(1, Ordering::Acquire) & REFS"),
    ]),
    Mutant("visitor-cleans-up-relaxed", "a visitor cleans up before the owner has left", "loom slots::visit_beside_drop", [
        (REFS, "self.0.fetch_sub(1, Ordering::AcqRel) & REFS", "self.0.fetch_sub(1, Ordering::Release) & REFS"),
    ]),
    Mutant("visitor-leaves-as-the-last", "a visitor cleans up although another one is there", "loom slots::visit_beside_visit_after_drop", [
        (REFS, "& REFS == 1", "& REFS <= 2"),
    ]),
    Mutant("refs-relaxed", "who leaves last does not see that the others have", "loom slots::visit_beside_drop", [
        (REFS, "compare_exchange_weak(seen, word, Ordering::AcqRel, Ordering::Acquire)",
         "compare_exchange_weak(seen, word, Ordering::Relaxed, Ordering::Relaxed)"),
    ]),
    Mutant("visitor-overlooked", "an owner that was visited leaves as the last holder although a visitor is there", "loom slots::visit_beside_drop", [
        (REFS, "(refs == OWNER).then_some(0)", "(refs >= OWNER).then_some(0)"),
    ]),
    Mutant("visit-not-announced", "the owner does not learn that somebody looks", "loom slots::visit_beside_drop", [
        (ACCESS, "self.head.state.announce_visit(generation) && ", "self.head.state.load().is_live_as(generation) && "),
    ]),
    Mutant("waker-called-after-wake-done", "a marker calls the waker when it is no longer counted", "loom waiting::waker_replaced_beside_mark", [
        (MARK, "        wake_up.waking.wake();\n", ""),
        (MARK, "        let woken = self.waking.end();\n", "        let woken = self.waking.end();\n        self.waking.wake();\n"),
    ]),
    Mutant("looked-at-after-the-visit", "a visitor leaves the slot and goes on looking", "loom slots::visit_beside_drop", [
        (VISIT, "    metadata: ValueRef<'a, M>,\n    stay: Stay<'a, K, M, O>,\n", "    stay: Stay<'a, K, M, O>,\n    metadata: ValueRef<'a, M>,\n"),
    ]),
    Mutant("wake-up-unended-by-a-panic", "a waker that panics leaves its wake-up counted", "loom waiting::waker_that_panics", [
        (MARK, "        let wake_up = WakeUp {", "        let wake_up = std::mem::ManuallyDrop::new(WakeUp {"),
        (MARK, "waking: head.waking(token) };\n        wake_up.waking.wake();\n",
         "waking: head.waking(token) });\n        wake_up.waking.wake();\n        drop(std::mem::ManuallyDrop::into_inner(wake_up));\n"),
    ]),
    Mutant("waiting-mark-beside-wakers", "the path for a waiting task is taken although others wake it, and the count of wakers overflows",
           "test --lib storage::slot::state::tests::try_mark_waiting_needs_a_task_that_waits_and_that_nobody_wakes", [
        (STATE, "seen.0 & (LIVE | WAITING | WAKERS) != LIVE | WAITING", "seen.0 & (LIVE | WAITING) != LIVE | WAITING"),
    ]),
    Mutant("mark-of-nobody-no-fence", "a mark that meets nobody does not fence", "loom marks::mark_of_nobody_beside_register", [
        (MARK, "        full_fence();\n        if self.lacks", "        if self.lacks"),
    ]),
    Mutant("registration-no-fence", "a registration does not fence", "loom marks::mark_of_nobody_beside_register", [
        (REGISTER, "        fence_after_step();\n", ""),
    ]),
    Mutant("second-socket-not-looked-for", "a mark of a key's only socket does not look for a second one afterwards", "loom marks::mark_of_one_beside_second_register", [
        (MARK, "        if bucket.key_state.load().is_chained() {\n            return Some(self.finish_and_mark_others(bucket, *fingerprint, seen, MarkOutcome::Set,", "        if false {\n            return Some(self.finish_and_mark_others(bucket, *fingerprint, seen, MarkOutcome::Set,"),
    ]),
    Mutant("mark-where-no-fence", "a mark by a closure that meets nobody does not fence", "loom marks::mark_where_of_nobody_beside_register", [
        (REGISTRY_MARK, "        full_fence();\n", ""),
    ]),
    Mutant("gradual-mark-where-no-fence", "a step of a gradual mark that meets nobody does not fence", "loom marks::gradual_mark_of_nobody_beside_register", [
        (MARK_GRADUALLY, "        let topics = *topics;\n        // One fence for the sockets that the step does not meet: see `Shard::mark`.\n        full_fence();\n", "        let topics = *topics;\n"),
    ]),
    Mutant("subscriptions-told-before-the-owner", "a superseded socket's task is woken only after subscriptions were told",
           "test --test user_code presence_stalled::an_owner_is_woken_before_subscriptions_are_told", [
        (TAKEOVER, "        if let Some(token) = token {\n            self.wake(id, token, panics);\n        }\n        let (after, mut notice)", "        let (after, mut notice)"),
        (TAKEOVER, "        panics.catch(|| self.flush_if_due(notice, ()));\n        true\n",
         "        if let Some(token) = token {\n            self.wake(id, token, panics);\n        }\n        panics.catch(|| self.flush_if_due(notice, ()));\n        true\n"),
    ]),
    Mutant("absent-though-displaced", "a displaced key is taken for absent",
           "test --lib storage::table::displacement::tests::one_thread::a_full_table_finds_every_key_and_searches_get_short_again", [
        (FIND, "self.seek(self.start(fingerprint.hash), may_be_key)", "self.buckets_of(self.start(fingerprint.hash)).into_iter().find_map(may_be_key)"),
    ]),
    Mutant("absent-though-in-an-older-table", "a key in an older table is taken for absent", "test --test concurrent growth::who_is_there_is_marked_throughout_growth", [
        (LOOKUP, "newest_lacks && tables.all(|older| older.filters_out(fingerprint) || older.lacks(fingerprint))", "newest_lacks"),
    ]),
    Mutant("second-panic-of-a-wake-up", "a value that panics when a wake-up cleans up beside a panic of the waker ends the process",
           "test --test user_code wakers::a_waker_and_the_metadata_of_its_socket_panic", [
        (MARK, "                panics.catch(|| drop(drops));\n", "                drop(drops);\n"),
    ]),
    Mutant("waker-does-not-clean-up", "a slot that was left to who wakes is never cleaned up", "loom waiting::drop_beside_wake", [
        (MARK, "                let drops = shard.finish_removal(shard.bucket_of(addr), addr, last);\n                panics.catch(|| drop(drops));\n",
         "            let _ = last;\n"),
    ]),
    Mutant("owner-does-not-clean-up", "a slot that the others left to the owner is never cleaned up", "loom slots::visit_beside_drop", [
        (REMOVE, "        let late = exit.finish().map(|last| self.finish_removal(bucket, addr, last));\n        notice",
         "        let late = exit.finish().map(std::mem::forget);\n        notice"),
    ]),

    # The key's sockets.
    Mutant("inline-slot-not-checked", "the key's state is not read again after the state of the inline slot", "loom keys::bucket_reused_beside_list", [
        (WALK, "(is_keys && meets(seen))",
         "(is_keys || seen.is_live())"),
    ]),
    Mutant("inline-slot-checked-too-early", "the key's state is read before the state of the inline slot", "loom keys::bucket_reused_beside_list", [
        (WALK, "        let seen = active.bucket.head.state.load();\n        let is_keys = active.bucket.key_state.load().is_still(active.seen);\n",
         "        let is_keys = active.bucket.key_state.load().is_still(active.seen);\n        let seen = active.bucket.head.state.load();\n"),
    ]),
    Mutant("single-socket-identity-too-early", "a mark that takes the fast path reads the identity before the state", "loom keys::bucket_reused_beside_mark", [
        (BUCKET, "        let seen = self.head.state.load();\n        let is_key = self.identity.matches(fingerprint.identity);\n",
         "        let is_key = self.identity.matches(fingerprint.identity);\n        let seen = self.head.state.load();\n"),
    ]),
    Mutant("single-socket-chained", "of a key with a chain, `mark_many` marks the first socket alone", "test --test api mark::mark_many_marks_as_a_loop_would", [
        (BUCKET, "is_member_with_one(fingerprint.identity.kind)", "is_member(fingerprint.identity.kind)"),
    ]),
    Mutant("single-socket-counted-too-early", "a mark counts the key's sockets before it sees the one in the inline slot", "loom slots::register_beside_mark_of_many", [
        (BUCKET, "        let seen = self.head.state.load();\n        let is_key = self.identity.matches(fingerprint.identity);\n        let is_single = self.key_state.load().is_member_with_one(fingerprint.identity.kind);\n",
         "        let is_single = self.key_state.load().is_member_with_one(fingerprint.identity.kind);\n        let seen = self.head.state.load();\n        let is_key = self.identity.matches(fingerprint.identity);\n"),
    ]),
    Mutant("single-socket-woken-first", "a mark whose waker panics does not look for a second socket", "loom marks::mark_of_one_whose_waker_panics_beside_second_register", [
        (MARK, "        let token = bucket.head.state.try_mark_waiting(seen, topics)?;\n",
         "        let token = bucket.head.state.try_mark_waiting(seen, topics)?;\n        self.wake_one(&bucket.head, seen.generation(), token);\n"),
        (MARK, "bucket, fingerprint, seen, MarkOutcome::Wake(token), topics", "bucket, fingerprint, seen, MarkOutcome::Set, topics"),
        (MARK, "        self.wake_one(&bucket.head, seen.generation(), token);\n        Some(1)\n", "        Some(1)\n"),
    ]),
    Mutant("single-socket-by-count", "a second look takes another single socket for the one that was marked", "loom marks::mark_of_one_that_leaves_beside_second_register", [
        (BUCKET, " && self.head.state.load().is_live_as(seen.generation())", " && seen.is_live()"),
    ]),
    Mutant("single-in-chain-of-another-key", "a mark does not look whether the head of the chain is still the key's", "loom slots::chain_returned_beside_mark_of_the_only_socket", [
        (MARK, "chain.first() != Some(addr) || ", ""),
    ]),
    Mutant("single-in-chain-seen-too-late", "a mark sees the socket in the chain's head after it has checked the head", "loom slots::chain_returned_beside_mark_of_the_only_socket", [
        (MARK, "        let seen = head.state.load();\n        if chain.first() != Some(addr) || !bucket.identity.matches(fingerprint.identity) || !is_single() {\n            return None;\n        }\n",
         "        if chain.first() != Some(addr) || !bucket.identity.matches(fingerprint.identity) || !is_single() {\n            return None;\n        }\n        let seen = head.state.load();\n"),
    ]),
    Mutant("single-in-chain-of-any-key", "a mark does not compare the key whose socket is in the chain", "test --test api mark::a_mark_of_nobody_reaches_nobody_who_has_reconnected", [
        (MARK, " || !bucket.identity.matches(fingerprint.identity)", ""),
    ]),
    Mutant("single-in-chain-counted-too-early", "a mark counts the key's sockets before it sees the one in the chain", "loom slots::register_beside_mark_of_the_only_socket", [
        (MARK, " || !is_single() {", " {"),
    ]),
    Mutant("chain-not-checked", "a walk does not look whether the chain is still its key's", "loom slots::chain_returned_beside_mark", [
        (WALK, "            if !active.bucket.key_state.load().is_still(active.seen) {\n                return;\n            }\n", ""),
    ]),
    Mutant("position-not-checked", "a walk takes the state of a slot that was pushed again meanwhile", "loom sweep::walk_beside_sweep_and_another_key", [
        (WALK, "position >= before || slot.position() != position", "position >= before"),
    ]),
    Mutant("link-not-checked", "a walk follows a link to a slot that was pushed again", "loom sweep::walk_beside_sweep_and_another_key", [
        (WALK, "position >= before || slot.position() != position", "slot.position() != position"),
    ]),
    Mutant("head-not-checked", "a walk begins at a slot that has left the chain", "loom sweep::walk_beside_sweep_of_the_former_head", [
        (WALK, "            if chain.first() != first {\n                continue;\n            }\n", ""),
    ]),
    Mutant("restart-without-skip", "a walk that starts over meets sockets again", "loom sweep::walk_beside_sweep_and_another_key", [
        (WALK, "                if position < met {\n", "                {\n"),
    ]),
    Mutant("sweep-without-hold", "a bucket passes to another key while its chain is swept", "loom sweep::sweep_beside_the_last_leave", [
        (SWEEP, "            let Some(_hold) = KeyHold::new(self, &active) else { return };\n",
         "            let Some(hold) = KeyHold::new(self, &active) else { return };\n            drop(hold);\n"),
    ]),
    Mutant("sweep-not-repeated", "a sweeper does not look at what others have removed meanwhile", "loom sweep::sweep_beside_removals", [
        (SWEEP, "            cold.chain.sweep(&self.slab, &cold.free_slots);\n",
         "            cold.chain.sweep(&self.slab, &cold.free_slots);\n            return;\n"),
    ]),
    Mutant("retired-not-unlinked", "slots that nobody uses again stay in the chain", "loom sweep::retired_slots_are_unlinked", [
        (SLAB, "        page.slots[offset as usize].disown();\n", ""),
    ]),
    Mutant("retired-slot-stays-counted", "walks look for good at slots that nobody uses again", "loom sweep::retired_slots_are_unlinked", [
        (SLAB, "        page.slots[offset as usize].disown();\n        page.occupancy.sub(offset);\n", "        page.slots[offset as usize].disown();\n"),
    ]),
    Mutant("pushes-not-counted", "the head counts the slots and not the pushes (ABA)", "loom sweep::push_beside_sweep_and_return_of_the_head", [
        (CHAIN, "    head: AtomicU64,\n", "    pub(super) head: AtomicU64,\n"),
        (CHAIN, "        pushes.wrapping_sub(unlinked) & (u32::MAX / ONE_UNLINKED)\n", "        let _ = unlinked;\n        pushes\n"),
        (SLAB_SWEEP, "        // Ordering: AcqRel. Release: the next sweeper",
         "        self.head.fetch_sub(u64::from(unlinked) << 32, Ordering::AcqRel);\n        // Ordering: AcqRel. Release: the next sweeper"),
    ]),
    Mutant("chained-not-set", "nobody learns that there is a chain", "loom slots::mark_beside_drop_of_the_first", [
        (REGISTER, "                bucket.key_state.set_chained();\n", ""),
    ]),
    Mutant("chain-skipped-for-one", "the chain is not walked where the count says one", "loom slots::register_beside_mark_of_many", [
        (WALK, "        if !active.bucket.key_state.load().is_chained() {\n            return;",
         "        let now = active.bucket.key_state.load();\n        if !now.is_chained() || now.live() == 1 {\n            return;"),
    ]),
    Mutant("chain-not-cleared", "the next key in a bucket has the last one's slots", "loom slots::chain_forgotten_when_idle", [
        (REMOVE, "        cold.chain.clear();\n", ""),
    ]),
    Mutant("chain-not-returned", "the slots of a key that went idle are lost", "loom slots::chain_returned_when_idle", [
        (REMOVE, "            self.slab.release(first);\n", "            let _ = first;\n"),
    ]),
    Mutant("pops-not-counted", "a list's head that came back is taken for the old one (ABA)", "loom slots::pop_beside_pops_and_push", [
        (FREE_LIST, "((head >> 32) + 1) << 32 | u64", "(head >> 32) << 32 | u64"),
    ]),
    Mutant("slot-handed-out-in-two-steps", "two sockets get one slot", "loom slots::two_joins", [
        (SLAB, "self.used.fetch_add(1, Ordering::Relaxed)", "{\n            self.used.store(used + 1, Ordering::Relaxed);\n            used\n        }"),
    ]),

    # The key's state.
    Mutant("key-state-relaxed", "a key is visible before it is written", "loom keys::two_inserts_of_one_key", [(KEY_STATE, STEP, RELAXED_STEP)]),
    Mutant("limit-in-two-steps", "the limit is compared before the step, not in it", "loom keys::two_joins_at_the_limit_per_key", [
        (KEY_STATE, "match self.step(seen, seen.lingering_less() + 1) {",
         "self.0.fetch_sub(ONE_LINGERING - 1, Ordering::AcqRel);\n            match Ok::<(), Snapshot>(()) {"),
    ]),
    Mutant("hold-of-whoever", "a registration holds whatever key is in the bucket now", "loom keys::bucket_reused_beside_join", [
        (KEY_STATE, "while now.is_still(seen) {", "while now.0 & STATE == MEMBER {"),
    ]),
    Mutant("eq-without-hold", "keys are compared before the registered one is held", "loom keys::bucket_reused_beside_join", [
        (REGISTER, "        let Some(hold) = KeyHold::to_join(self, found)? else { return Ok(None) };\n        if *hold.key() != *key {\n",
         "        let unheld = std::mem::ManuallyDrop::new(KeyHold { shard: self, bucket: found.bucket });\n"
         "        let differs = *unheld.key() != *key;\n"
         "        let Some(hold) = KeyHold::new(self, found) else { return Ok(None) };\n        if differs {\n"),
    ]),
    Mutant("lingering-forgotten", "a bucket is emptied while somebody still needs its key", "loom slots::visit_beside_drop", [
        (KEY_STATE, "if self.0 & (STATE | LIVE | LINGERING) == DYING { AfterLeave::VacateBucket }", "if self.0 & (STATE | LIVE) == DYING { AfterLeave::VacateBucket }"),
    ]),
    Mutant("sequence-wraps", "a bucket whose occupancies are used up is claimed again",
           "test --lib storage::table::key_state::tests::a_bucket_has_its_last_occupancy_and_then_none", [
               (KEY_STATE, "self.0 & STATE == VACANT && self.sequence() < LAST_SEQUENCE", "self.0 & STATE == VACANT"),
           ]),
    Mutant("kind-not-compared", "keys of different lengths are taken for each other",
           "test --lib storage::table::key_state::tests::every_predicate_in_every_valid_state", [
               (KEY_STATE, "self.0 & (STATE | KIND) == MEMBER | u64::from(kind.0) << KIND_SHIFT", "self.0 & STATE == MEMBER && kind == kind"),
           ]),

    # Key to bucket.
    Mutant("identity-not-checked", "the key's state is not read again after the identity", "loom keys::bucket_reused_beside_lookup", [
        (FIND, "&& bucket.key_state.load().is_still(seen);", "&& bucket.key_state.load() == bucket.key_state.load();"),
    ]),
    Mutant("home-commits-by-store", "two inserters of one key both win", "loom keys::two_inserts_of_one_key", [
        (HOME, "self.step(seen, version << VERSION_SHIFT | u64::from(position + 1)).ok()",
         "let next = version << VERSION_SHIFT | u64::from(position + 1);\n        self.0.store(next, Ordering::Release);\n        Some(Snapshot(next))"),
    ]),
    Mutant("home-version-not-stepped", "an insertion since the search goes unnoticed", "loom keys::two_inserts_of_one_key", [
        (HOME, "let version = (seen.0 >> VERSION_SHIFT) + 1;", "let version = seen.0 >> VERSION_SHIFT;"),
    ]),
    Mutant("home-relaxed", "who helps an insertion does not see the key", "loom keys::two_inserts_of_one_key", [
        (HOME, "compare_exchange(seen.0, next, Ordering::AcqRel, Ordering::Relaxed)", "compare_exchange(seen.0, next, Ordering::Relaxed, Ordering::Relaxed)"),
    ]),
    Mutant("vacancy-taken-unseen", "a key is inserted again if its first pair has a vacant bucket",
           "test --lib storage::table::insert::tests::a_key_that_is_there_is_found_though_the_bucket_before_it_is_vacant", [
        (INSERT, "self.seek(start, may_be_key)", "self.displaced(start).find_map(may_be_key)"),
    ]),
    Mutant("home-read-after-the-look", "an insertion does not notice that the key came after its look",
           "loom table::two_inserts_of_a_key_that_was_there", [
        (INSERT, "        match self.stage(fingerprint, key, vacancy) {\n            Ok(staged) if",
         "        let seen = home.load();\n        match self.stage(fingerprint, key, vacancy) {\n            Ok(staged) if"),
    ]),
    Mutant("vacancy-taken-though-displaced", "a displaced key is inserted again if its first pair has a vacant bucket",
           "test --lib storage::table::insert::tests::a_displaced_key_is_found_though_its_first_pair_has_a_vacant_bucket", [
        (INSERT, "self.seek(start, may_be_key)", "self.buckets_of(start).into_iter().find_map(may_be_key)"),
    ]),
    Mutant("displaced-not-noted", "a displaced key is not found",
           "test --lib storage::table::displacement::tests::one_thread::a_full_table_finds_every_key_and_searches_get_short_again", [
        (INSERT, NOTE_DISPLACED, ""),
    ]),
    Mutant("displaced-noted-late", "an inserter does not see where the key is that was committed", "loom table::two_inserts_of_a_displaced_key", [
        (INSERT, NOTE_DISPLACED, ""),
        (INSERT, PUBLISH_COMMITTED, PUBLISH_COMMITTED + "        staged.bucket.note_displaced(staged.distance);\n"),
    ]),
    Mutant("displaced-forgotten-late", "a bucket is passed on while the words still tell of its last key", "loom table::displaced_key_beside_the_last_displaced_key", [
        (INSERT, "        self.forget_displaced();\n        self.key_state", "        self.key_state"),
        (INSERT, "        self.key_state.vacate(self.head.state.is_vacant());\n", "        self.key_state.vacate(self.head.state.is_vacant());\n        self.forget_displaced();\n"),
    ]),
    Mutant("displaced-forgotten-by-store", "the bit of a key that comes is overwritten", "loom table::displaced_key_beside_displaced_keys", [
        (DISPLACEMENT, "self.away.fetch_and(!bit(distance), Ordering::Release);", "self.away.store(self.away() & !bit(distance), Ordering::Relaxed);"),
    ]),
    Mutant("displaced-forgotten-relaxed", "who finds a displaced key gone does not see what came before", "loom table::what_came_before_a_displaced_key_left", [
        (DISPLACEMENT, "fetch_and(!bit(distance), Ordering::Release)", "fetch_and(!bit(distance), Ordering::Relaxed)"),
    ]),
    Mutant("withdrawn-stays-noted", "an inserter that lost leaves its bit behind", "loom table::two_inserts_of_a_displaced_key", [
        (INSERT, "        bucket.forget_displaced();\n        bucket.key_state.withdraw();\n", "        bucket.key_state.withdraw();\n"),
    ]),
    Mutant("displaced-key-hidden-by-filter", "a filter has only the keys that are in the first pairs of their searches",
           "test --lib storage::table::displacement::tests::one_thread::no_key_of_a_full_table_is_hidden_by_the_filters", [
        (INSERT, "self.seek(start, |bucket| {", "self.buckets_of(start).into_iter().find_map(|bucket| {"),
    ]),
    Mutant("filter-before-sealed", "a filter has the keys that were seen before the home was sealed", "loom table::filter_beside_insert", [
        (INSERT, "        let mut sealed = self.seal_home(index);\n", "        let early = self.filter_of(index);\n        let mut sealed = self.seal_home(index);\n"),
        (INSERT, "sealed = self.homes[index].set_filter(sealed, self.filter_of(index));", "sealed = self.homes[index].set_filter(sealed, early);"),
    ]),
    Mutant("pending-not-helped", "an inserter passes over what is pending", "loom keys::two_inserts_of_colliding_keys", [
        (INSERT, "                self.help(index, seen);\n                continue;\n", ""),
        (HOME, "debug_assert!(seen.pending().is_none() && !seen.is_sealed());", ""),
    ]),
    Mutant("pending-not-helped-at-once", "the common insertion passes over what is pending",
           "test --lib storage::table::insert::tests::an_insertion_that_stopped_after_its_commit_is_completed_by_the_next_one", [
        (INSERT, "        if seen.pending().is_some() || seen.is_sealed() {\n            return self", "        if seen.is_sealed() {\n            return self"),
        (HOME, "debug_assert!(seen.pending().is_none() && !seen.is_sealed());", ""),
    ]),
    Mutant("help-not-checked", "who helps makes a bucket visible that was claimed anew", "loom table::bucket_claimed_anew_beside_help", [
        (INSERT, "        if home.load() != committed {\n            return;\n        }\n", ""),
    ]),
    Mutant("sealed-home-ignored", "a key is inserted into a table that is superseded", "loom table::closed_beside_insert", [
        (INSERT, "            if seen.is_sealed() {\n                return InsertOutcome::NoRoom(attempt.give_up());\n            }\n", ""),
        (HOME, "debug_assert!(seen.pending().is_none() && !seen.is_sealed());", ""),
    ]),
    Mutant("sealed-home-ignored-at-once", "the common insertion inserts a key into a table that is superseded", "loom table::closed_beside_insert", [
        (INSERT, "        if seen.pending().is_some() || seen.is_sealed() {\n            return self", "        if seen.pending().is_some() {\n            return self"),
        (HOME, "debug_assert!(seen.pending().is_none() && !seen.is_sealed());", ""),
    ]),
    Mutant("old-table-not-sealed", "a key is inserted into the old table and the new one", "loom keys::growth_beside_insert_into_the_old_table", [
        (INSERT, "            } else if seen.is_sealed() {\n                return seen;\n            } else {\n                home.seal(seen);\n            }\n",
         "            } else {\n                return seen;\n            }\n"),
        (HOME, "debug_assert!(seen.pending().is_none() && seen.is_sealed());", ""),
    ]),
    Mutant("retired-though-occupied", "a table with a key is unlinked", "loom wear::last_key_of_a_table_beside_its_retirement", [
        (RETIRE, "            } else if self.bucket(done - homes).key_state.load().is_occupied() {\n                break;\n            }\n", "            }\n"),
    ]),
    Mutant("retired-before-sealed", "a table is found empty though a key may still enter it", "loom wear::retirement_beside_insert", [
        (RETIRE, "                self.seal_home(done as usize);\n", ""),
    ]),
    Mutant("unlinks-all-older", "to unlink a table hides those behind it", "loom wear::unlink_beside_unlink", [
        (APPEND_LIST, "let next = older.older.load(Ordering::Acquire);", "let next = ptr::null_mut();"),
    ]),
    Mutant("addresses-given-out-twice", "two tables have the same addresses", "loom slots::ids_are_not_issued_twice", [
        (REGISTER, "(self.own_totals.keys(), last.end())", "(self.own_totals.keys(), last.first())"),
    ]),
    Mutant("doubled-though-empty", "a table that is used up is followed by a larger one", "shuttle years::hundreds_of_tables", [
        (GEOMETRY, "let is_full = keys * FULL_SHARE > last.pairs * PAIR;", "let is_full = keys * FULL_SHARE < usize::MAX;"),
    ]),
    Mutant("superseded-not-held", "a key goes though sockets of it that were superseded are there", "loom wear::superseded_beside_superseded", [
        (TAKEOVER, "            bucket.key_state.linger();\n", "            let _ = bucket;\n"),
    ]),
    Mutant("superseded-held-each", "superseded sockets are held one by one, more than can be counted", "loom wear::more_superseded_than_can_linger", [
        (SUPERSEDED, "fetch_add(1, Ordering::Relaxed) == 0", "fetch_add(1, Ordering::Relaxed) < u32::MAX"),
        (SUPERSEDED, "fetch_sub(1, Ordering::AcqRel) == 1", "fetch_sub(1, Ordering::AcqRel) > 0"),
    ]),
    Mutant("takeover-does-not-hold", "a key goes during a takeover that was superseded", "loom wear::takeover_beside_takeover_that_leaves", [
        (TAKEOVER, "let hold = KeyHold::counted(self, bucket);", "let hold = ();"),
    ]),
    Mutant("eviction-does-not-hold", "a key goes during an eviction that was stopped, though its evicted socket has an owner", "shuttle frozen::stopped_evict", [
        (EVICT, "let hold = KeyHold::counted(self, bucket);\n        let is_evicted", "let hold = ();\n        let is_evicted"),
    ]),
    Mutant("old-table-not-searched", "growth hides the keys that are there", "loom keys::growth_beside_lookup", [
        (LOOKUP, "older.find_map(|table| table.find_superseded(fingerprint))", "older.find_map(|_| None)"),
    ]),

    Mutant("inline-slot-left-open", "the inline slot of a key that becomes visible is free to take", "loom keys::two_inserts_of_one_key", [
        (LIFECYCLE, "        self.0.store(seen.0 | BUSY, Ordering::Relaxed);\n", ""),
        (LIFECYCLE, "        debug_assert!(seen.0 & (LIVE | DUE) == BUSY);\n        // Ordering: Release, so that who sees the socket",
         "        // Ordering: Release, so that who sees the socket"),
        (LIFECYCLE, "seen.0 ^ BUSY | LIVE | u64::from", "seen.0 & !BUSY | LIVE | u64::from"),
    ]),
    Mutant("inserted-unsought", "an insertion that leaves the common way takes a vacant bucket without a search", "test --test concurrent model::full_tables", [
        (INSERT, "if let Some(found) = self.find(fingerprint) {\n                return InsertOutcome", "if let Some(found) = self.find(fingerprint).filter(|_| false) {\n                return InsertOutcome"),
    ]),

    # Which groups of slots are in use.
    Mutant("group-counted-late", "a key is visible before its group counts it", "loom walks::walk_over_keys_beside_first_of_group", [
        (INSERT, "        self.occupancy.add(index);\n        if !bucket", "        if !bucket"),
        (INSERT, "            self.occupancy.sub(index);\n            return Err(key);", "            return Err(key);"),
        (INSERT, "        bucket.key_state.withdraw();\n        bucket.table().occupancy.sub(bucket.index());\n", "        bucket.key_state.withdraw();\n"),
        (INSERT, PUBLISH_COMMITTED, PUBLISH_COMMITTED + "        self.occupancy.add(staged.bucket.index());\n"),
    ]),
    Mutant("group-subtracted-early", "a group counts a bucket out before it is vacant", "loom walks::group_not_in_use_is_vacant", [
        (INSERT, "        self.key_state.vacate(self.head.state.is_vacant());\n        self.table().occupancy.sub(self.index());\n",
         "        self.table().occupancy.sub(self.index());\n        self.key_state.vacate(self.head.state.is_vacant());\n"),
    ]),
    Mutant("group-subtracted-relaxed", "a walk that skips a group does not see why", "loom walks::group_not_in_use_is_vacant", [
        (OCCUPANCY, "fetch_sub(one(slot), Ordering::Release)", "fetch_sub(one(slot), Ordering::Relaxed)"),
    ]),
    Mutant("group-looked-at-relaxed", "the same on the side of the walk", "loom walks::group_not_in_use_is_vacant", [
        (OCCUPANCY, "Snapshot(self.0.load(Ordering::Acquire))", "Snapshot(self.0.load(Ordering::Relaxed))"),
    ]),
    Mutant("group-counted-in-two-steps", "a group forgets one of two changes of its count", "loom walks::mark_of_all_beside_last_of_group", [
        (OCCUPANCY, "        self.words[(slot / WORD) as usize].0.fetch_add(one(slot), Ordering::Relaxed);",
         "        let word = &self.words[(slot / WORD) as usize].0;\n        word.store(word.load(Ordering::Relaxed) + one(slot), Ordering::Relaxed);"),
    ]),
    Mutant("group-taken-for-its-neighbour", "a group is counted where another one of its word belongs", "test --lib storage::occupancy::tests::groups_that_share_a_word_are_counted_apart", [
        (OCCUPANCY, "slot / GROUP % GROUPS * COUNT_BITS", "slot / WORD % GROUPS * COUNT_BITS"),
    ]),
    Mutant("lost-claim-stays-counted", "who lost a bucket to another thread leaves it counted", "loom walks::counts_after_racing_inserts", [
        (INSERT, "            self.occupancy.sub(index);\n            return Err(key);", "            return Err(key);"),
    ]),
    Mutant("withdrawn-claim-stays-counted", "who found the key inserted leaves its own bucket counted", "loom walks::counts_after_racing_inserts", [
        (INSERT, "        bucket.key_state.withdraw();\n        bucket.table().occupancy.sub(bucket.index());\n", "        bucket.key_state.withdraw();\n"),
    ]),
    Mutant("allocated-slot-not-counted", "a walk skips the further sockets of keys", "test --lib storage::slab::tests::a_walk_looks_at_no_group_whose_slots_were_all_released", [
        (SLAB, "            page.occupancy.add(offset);\n", "            let _ = (page, offset);\n"),
    ]),
    Mutant("released-slot-stays-counted", "a walk looks at slots that nobody uses any more", "test --lib storage::slab::tests::a_walk_looks_at_no_group_whose_slots_were_all_released", [
        (SLAB, "            page.occupancy.sub(offset);\n", "            let _ = (page, offset);\n"),
    ]),

    # Counts, limits, closing.
    Mutant("permit-returned-before-removal", "a drop returns the permit before it removes the socket", "loom takeover::permits_beside_takeover", [
        (REMOVE, "        let exit = owned.leave();",
         "        let _ = seen.is_superseded() || self.own_totals.release_permit();\n        let exit = owned.leave();"),
        (REMOVE, "        notice.note(self.own_totals.release_permit());\n        if addr", "        if addr"),
    ]),
    Mutant("empty-after-one-look", "the sum of one look at all lines is taken for a moment's", "loom keys::empty_beside_permit_that_moves", [
        (TOTALS, "            let now = self.collect();\n            if now == last {\n                return true;\n            }\n            last = now;\n",
         "            return true;\n"),
        (TOTALS, "        let mut last = self.collect();\n        loop {",
         "        let last = self.collect();\n        loop {"),
    ]),
    Mutant("counted-in-before", "a socket is counted, and learns whether the registry is closed, before it is there", "loom waiting::close_beside_register", [
        (REGISTER, "        let (head, generation) = claimed.occupy(metadata, options.due);\n", ""),
        (REGISTER, "let (hold, before) = self.hold(spare.is_none().into());\n", "let (hold, before) = self.hold(spare.is_none().into());\n        let (head, generation) = claimed.occupy(metadata, options.due);\n"),
    ]),
    Mutant("close-not-looked-at", "a socket that was registered beside a close is not told", "loom waiting::close_beside_register", [
        (REGISTER, "if before.is_closed() {", "if false {"),
    ]),
    Mutant("negative-count-reads-as-many", "a key that is counted out before it is counted in reads as very many", "test --lib shard::totals::tests::keys_add_up_over_the_shards_and_one_that_is_counted_out_first_touches_nothing_else", [
        (TOTALS, "self.keys.load(Ordering::Acquire) as i64 >> KEYS_SHIFT",
         "(self.keys.load(Ordering::Acquire) >> KEYS_SHIFT) as i64"),
    ]),
    Mutant("holders-counted-with-keys", "a shard with keys, or a negative number of them, has no last holder", "test --lib shard::totals::tests::the_last_holder_is_told_whatever_the_keys_and_flags_are", [
        (TOTALS, ">> HOLDERS_SHIFT) as u32 == 1", ">> HOLDERS_SHIFT) == 1"),
    ]),
    Mutant("holder-released-relaxed", "the shards are dropped before what a holder did with them", "loom lifetime::last_holders_beside_each_other", [
        (TOTALS, "self.keys.fetch_sub(ONE_HOLDER, Ordering::AcqRel)", "self.keys.fetch_sub(ONE_HOLDER, Ordering::Relaxed)"),
    ]),
    Mutant("shard-released-relaxed", "the shards are dropped before what the holders of another one did", "loom lifetime::last_holders_beside_each_other", [
        (SHARDS, "held.fetch_sub(1, Ordering::AcqRel)", "held.fetch_sub(1, Ordering::Relaxed)"),
    ]),
    Mutant("shards-never-dropped", "the last holder leaves the shards in memory", "loom lifetime::last_holders_beside_each_other", [
        (SHARDS, "if held.fetch_sub(1, Ordering::AcqRel) == 1 {", "if held.fetch_sub(1, Ordering::AcqRel) == 0 {"),
    ]),
    Mutant("one-look-for-permits", "a registration is refused after one look at all lines", "loom keys::permit_that_moves_thrice", [
        (TOTALS, "if now.0 == 0 && Some(now) == last {",
         "if now.0 == 0 || Some(now) == last {"),
    ]),
    Mutant("permit-in-two-steps", "two registrations take the last permit", "loom keys::limit_of_all", [
        (TOTALS, "match self.permits.compare_exchange_weak(seen, seen - ONE_FREE, Ordering::AcqRel, Ordering::Acquire) {",
         "self.permits.store(seen - ONE_FREE, Ordering::Release);\n            match Ok::<u64, u64>(seen) {"),
    ]),

    # Who watches.
    Mutant("come-not-told", "a key that comes is not told", "loom events::subscribe_beside_register", [
        (REGISTER, "if before.is_watched() {", "if before.is_watched() && false {"),
    ]),
    Mutant("watch-relaxed", "a subscription does not see what came before its step", "loom events::subscribe_beside_register", [
        (TOTALS, "shard.keys.fetch_or(WATCHED, Ordering::AcqRel)",
         "shard.keys.fetch_or(WATCHED, Ordering::Relaxed)"),
    ]),
    Mutant("watch-of-keys-alone", "a socket that is not the last of its key goes untold", "test --lib shard::totals::tests::a_watch_is_told_to_each_later_change_of_a_count", [
        (TOTALS, "            shard.permits.fetch_or(WATCHED, Ordering::AcqRel);\n",
         ""),
    ]),
    Mutant("watch-before-join", "the counts say that somebody watches before it can be found", "loom events::subscribe_beside_register", [
        WITHOUT_FENCE,
        (WATCH, "        let (fingerprint, options) = (self.fingerprint(watch), RegisterOptions::default());\n",
         "        totals.watch();\n        let (fingerprint, options) = (self.fingerprint(watch), RegisterOptions::default());\n"),
        (WATCH, "        totals.watch();\n        watcher\n", "        watcher\n"),
    ]),
    Mutant("watch-not-stepped", "a subscription does not step the counts if the flag is there", "loom events::subscribe_again_beside_register", [
        WITHOUT_FENCE,
        (WATCH, "        totals.watch();\n        watcher\n",
         "        if !totals.shard(0).flags().is_watched() {\n            totals.watch();\n        }\n        watcher\n"),
    ]),
    Mutant("end-not-told", "a key that goes is not told", "loom events::last_leaves_first_joins", [
        (REMOVE, "if is_last && self.own_totals.sub_key().is_watched() {",
         "if is_last && self.own_totals.sub_key().is_watched() && false {"),
    ]),
    Mutant("end-looked-at-early", "a removal looks for subscribers before the step that makes the key idle", "loom events::subscribe_beside_last_leaves", [
        (REMOVE, "            match key_state.leave(seen, stays",
         "            let is_watched = self.own_totals.flags().is_watched();\n            match key_state.leave(seen, stays"),
        (REMOVE, "if is_last && self.own_totals.sub_key().is_watched() {",
         "if is_last && (self.own_totals.sub_key(), is_watched).1 {"),
    ]),
    Mutant("key-not-kept", "who makes a key idle does not keep the key until that is told", "loom events::subscribe_beside_last_leaves", [
        (REMOVE, "let until_told = is_last && stays == Stays::No && seen.is_lingering();", "let until_told = false;"),
    ]),
    Mutant("epoch-not-cleared", "the next key in a bucket has the last one's epoch", "loom events::subscribe_beside_last_leaves", [
        (REMOVE, "            bucket.cold().epoch.clear();\n", ""),
    ]),
    Mutant("number-after-end", "an epoch gets a number after its end", "loom events::number_beside_end_and_next", [
        (EPOCH, "if !is_active() {", "if !is_active() && false {"),
    ]),
    Mutant("clock-relaxed", "who draws a number does not know what the drawers before it knew", "loom events::number_beside_end_and_next", [
        (EPOCH, "clock.0.fetch_add(ONE_NUMBER, Ordering::AcqRel)", "clock.0.fetch_add(ONE_NUMBER, Ordering::Relaxed)"),
    ]),
    Mutant("end-leaves-open", "an epoch that ended without a number can still get one", "loom events::subscribe_beside_last_leaves", [
        (EPOCH, "match self.0.compare_exchange(NONE, ENDED, Ordering::AcqRel, Ordering::Acquire) {\n            Ok(_) => None,\n            Err(seen) => known(seen),\n        }",
         "known(self.0.load(Ordering::Acquire))"),
    ]),
    Mutant("lag-not-raised", "a change for which there is no room is lost", "loom events::lag_of_two", [
        (QUEUE, "        self.0.acknowledge(1);\n        self.0.lag();\n", "        self.0.acknowledge(1);\n"),
    ]),
    Mutant("lag-relaxed", "who takes the flag does not see what was missed", "loom events::lag_of_two", [
        (QUEUE, "self.lags.fetch_or(1, Ordering::Release)", "self.lags.fetch_or(1, Ordering::Relaxed)"),
    ]),
    Mutant("lag-by-store", "who takes the flag sees what the last one to raise it did", "loom events::lag_of_two", [
        (QUEUE, "self.lags.fetch_or(1, Ordering::Release)", "self.lags.store(1, Ordering::Release)"),
    ]),
    Mutant("lag-not-made-up-for", "a subscription that lags goes on where it was", "loom events::lag_beside_register", [
        (PRESENCE, "            self.lag = Lag::Noticed;\n", ""),
    ]),
    Mutant("told-before-telling", "a key counts as told before it is", "loom events::register_beside_first", [
        (WATCH, "            self.push(key, online(number), panics);\n            self.mark(Watch::Key(words), panics);\n            epoch.set_told();\n",
         "            epoch.set_told();\n            self.push(key, online(number), panics);\n            self.mark(Watch::Key(words), panics);\n"),
    ]),
    Mutant("only-the-first-tells", "a registration leaves a key's coming to the first one of all", "test --test user_code presence_stalled::a_second_registration_tells_beside_a_stopped_first_one", [
        (WATCH, "        if let Some(number) = epoch.number(&self.clock, || true) {\n            self.push(key, online(number), panics);",
         "        if epoch.number(&self.clock, || false).is_none()\n            && let Some(number) = epoch.number(&self.clock, || true)\n        {\n            self.push(key, online(number), panics);"),
    ]),
    Mutant("told-without-joining", "a key goes while it is told of", "loom events::register_beside_takeover_that_leaves", [
        (OBSERVER, "let Ok(Some(guard)) = hold.join(MAX_LIVE) else { return };", "let guard = hold;"),
    ]),
    Mutant("not-told-from-then-on", "every registration tells of its key again", "test --test api presence::further_sockets_of_a_key_take_no_room", [
        (WATCH, "            epoch.set_told();\n", ""),
    ]),
    Mutant("queue-relaxed", "a change is in the list before it is written", "loom events::next_beside_register", [
        (QUEUE, "compare_exchange_weak(older, node, Ordering::Release, Ordering::Relaxed)",
         "compare_exchange_weak(older, node, Ordering::Relaxed, Ordering::Relaxed)"),
    ]),
    Mutant("late-end-believed", "the end of an earlier epoch is taken for that of the one that is known", "loom events::last_leaves_first_joins", [
        (ONLINE, "is_some_and(|&known| known < sequence)", "is_some()"),
    ]),
    Mutant("earlier-epoch-not-ended", "an epoch begins while an earlier one is known, which is not ended", "loom events::last_leaves_first_joins", [
        (ONLINE, "                self.next.push_back(offline(before, mem::replace(known, sequence) + 1));\n",
         "                (*known, _) = (sequence, before);\n"),
    ]),
    Mutant("pushed-and-not-marked", "a subscription is pushed to and not woken", "loom events::next_beside_register", [
        (WATCH, "                shard.mark_socket(id, Topics::UPDATE);\n",
         "                let _ = Topics::UPDATE;\n"),
    ]),
    Mutant("counts-not-told", "a socket that goes is not told to the watches of the counts", "test --test api counts_watch::a_socket_that_leaves_others_of_its_key_is_told", [
        (REMOVE, "        notice.note(self.own_totals.release_permit());\n        if addr",
         "        let _ = self.own_totals.release_permit();\n        if addr"),
    ]),
    Mutant("key-watch-looks-too-early", "a watch of a key looks before it watches, and not after", "loom counts::key_watch_beside_register", [
        (KEY_WATCH, "        let watcher = self.watch(Watch::Key(fingerprint.identity.words()), None);\n", ""),
        (KEY_WATCH, "        KeyWatch { registry", "        let watcher = self.watch(Watch::Key(fingerprint.identity.words()), None);\n        KeyWatch { registry"),
    ]),
    Mutant("key-watch-told-of-numbered-ends", "the end of an epoch that no subscription knows is not told to the watches of its key",
           "test --test api key_watch::the_key_may_be_active_before_the_watch", [
        (WATCH, "            self.push(key, offline(number), panics);\n        }\n        self.mark(Watch::Key(words), panics);\n",
         "            self.push(key, offline(number), panics);\n            self.mark(Watch::Key(words), panics);\n        }\n"),
    ]),
    Mutant("key-watch-of-all-keys", "a watch of a key is marked for others as well", "test --test api key_watch::other_keys_wake_nobody", [
        (WATCH, "            Watch::Key(_) => self.seeds.fingerprint(&watch),\n", "            Watch::Key(_) => self.seeds.fingerprint(&Watch::Key([0; 2])),\n"),
    ]),
    Mutant("drained-looks-too-early", "the wait for the last socket looks before it watches, and not after", "loom counts::drained_beside_last_drop", [
        (COUNTS, "            let Some(counts) = counts else {\n                *counts = Some(registry.watch_counts());\n                continue;\n            };",
         "            let counts = counts.get_or_insert_with(|| registry.watch_counts());"),
    ]),
    # Takeover, and telling sockets to go.
    Mutant("turn-after-publish", "a socket that takes over is visible before it has a turn", "loom takeover::two_takeovers", [
        (REGISTER, "            claimed.turn().draw(&self.takeovers);\n",
         "            late_turn = true;\n"),
        (REGISTER, "        };\n        if options.takes_over {\n",
         "        };\n        let mut late_turn = false;\n        if options.takes_over {\n"),
        (REGISTER, "        let (head, generation) = claimed.occupy(metadata, options.due);\n",
         "        let (head, generation) = claimed.occupy(metadata, options.due);\n        if late_turn {\n            self.slot_at(self.addr_of(head)).turn.draw(&self.takeovers);\n        }\n"),
    ]),
    Mutant("version-not-advanced", "nobody learns that a socket takes over", "loom takeover::mark_beside_takeover", [
        (TAKEOVER_ORDER, "self.0.fetch_max(number, Ordering::AcqRel)",
         "self.0.fetch_max(0 * number, Ordering::AcqRel)"),
    ]),
    Mutant("yields-without-version", "a takeover that supersedes itself does not raise the version for the winner", "loom takeover::mark_beside_overtaken_takeover", [
        (TAKEOVER, "            version.arrive(&self.takeovers);\n            self.supersede(&active, new, ",
         "            self.supersede(&active, new, "),
    ]),
    Mutant("supersedes-the-latest", "two takeovers supersede each other", "loom takeover::two_takeovers", [
        (TAKEOVER, "if others_turn < turn {",
         "if others_turn < turn || other != new {"),
    ]),
    Mutant("overtaken-stays", "a takeover that was overtaken stays", "loom takeover::two_takeovers", [
        (TAKEOVER, "if let Some(winner) = winner {",
         "if let Some(winner) = winner.filter(|_| false) {"),
    ]),
    Mutant("due-not-passed-on", "what was due for a superseded socket is lost", "test --test api takeover::what_was_due_is_inherited", [
        (TAKEOVER, "            self.pass_on(active, heir, due, panics);\n",
         "            let _ = due;\n"),
    ]),
    Mutant("superseded-not-woken-again", "a takeover leaves a wake-up to another one, which may be stopped", "loom takeover::takeover_beside_takeover_that_has_not_woken", [
        (TAKEOVER, "seen.is_live() || seen.is_superseded_unwoken()",
         "seen.is_live()"),
    ]),
    Mutant("superseded-wake-up-lost", "a takeover leaves a wake-up to another one that came between its walk and its step",
           "test --lib storage::slot::state::tests::supersede_wakes_who_was_superseded_before_and_may_not_have_been_woken", [
        (LIFECYCLE, "            if before && !wake {\n", "            if before {\n"),
    ]),
    Mutant("walk-of-all-not-repeated", "a walk over all sockets does not look again at keys that were taken over", "loom walks::walks_beside_takeover", [
        (WALK, "if self.takeovers.now() != since {",
         "if self.takeovers.now() != since && false {"),
    ]),
    Mutant("gradual-mark-not-repeated", "a mark of all in steps does not look again at keys that were taken over", "loom walks::gradual_mark_beside_takeover", [
        (GRADUAL, "if self.takeovers.now() == since {", "if true {"),
    ]),
    Mutant("gradual-mark-forgets-when-it-began", "a mark of all in steps looks again only at keys that were taken over during its last step", "test --test api mark_gradually::a_socket_that_takes_over_between_two_steps_is_marked", [
        (GRADUAL, "*walk.since.get_or_insert_with(|| self.takeovers.now())", "{\n            walk.since = Some(self.takeovers.now());\n            self.takeovers.now()\n        }"),
    ]),
    Mutant("gradual-mark-meets-the-last-again", "a step begins with the socket that the one before has ended with", "test --test api mark_gradually::a_step_shows_a_batch_and_returns_how_many_were_chosen", [
        (GRADUAL, "                if Some(addr) == met {\n                    return ControlFlow::Continue(());\n                }\n", ""),
    ]),
    Mutant("supersede-not-repeated", "a key is superseded without a look at who has taken it over meanwhile", "loom evict::supersede_beside_takeover", [
        (EVICT, "self.visit_key(active, |addr, _, seen| {\n            let id", "self.walk_key(active, |addr, _, seen| {\n            let id"),
        (EVICT, "            superseded += usize::from(is_superseded);\n            is_superseded\n", "            superseded += usize::from(is_superseded);\n"),
    ]),
    Mutant("supersede-does-not-hold", "a key goes while it is superseded", "loom evict::supersede_beside_drop", [
        (EVICT, "let Some(hold) = KeyHold::new(self, active) else { return 0 };\n        let mut superseded", "let hold = ();\n        let mut superseded"),
    ]),
    Mutant("walk-of-a-key-not-repeated", "a walk over a key's sockets does not go round again", "loom takeover::mark_beside_takeover", [
        (WALK, "        if version() != since {\n            let met",
         "        if version() != since && false {\n            let met"),
    ]),
    Mutant("walk-repeated-for-all", "a walk that goes round again visits sockets that it has visited", "loom walks::walk_beside_takeover_meets_the_old_socket_once", [
        (WALK, "if !is_met && self.slot_of(active.bucket, addr).turn.has_taken_over_since(since) {",
         "if !is_met {"),
    ]),
    Mutant("clock-steps-relaxed", "a walk that begins after a takeover has arrived does not see its socket", "loom takeover::mark_of_all_beside_takeover", [
        WITHOUT_FENCE,
        (TAKEOVER_ORDER, "self.0.fetch_add(1, Ordering::AcqRel) + 1",
         "self.0.fetch_add(1, Ordering::Relaxed) + 1"),
    ]),
    Mutant("clock-looked-at-relaxed", "a walk that begins after a takeover has arrived does not see its socket", "loom takeover::mark_of_all_beside_takeover", [
        (TAKEOVER_ORDER, "arrived by then.\n        self.0.load(Ordering::Acquire)",
         "arrived by then.\n        self.0.load(Ordering::Relaxed)"),
    ]),
    Mutant("turn-noted-relaxed", "who reads the turn of a slot's next socket may see the former one as live", "loom takeover::takeover_beside_takeover_that_is_not_published", [
        (TAKEOVER_ORDER, "self.turn.store(turn, Ordering::Release)",
         "self.turn.store(turn, Ordering::Relaxed)"),
    ]),
    Mutant("registration-without-turn", "an earlier takeover supersedes a socket that came after a later one had returned", "shuttle takeover::one_stays_beside_a_takeover_that_leaves", [
        (REGISTER, "} else if spare.is_some() && guard.is_chained() {",
         "} else if spare.is_some() && guard.is_chained() && false {"),
    ]),
    Mutant("took-over-not-forgotten", "the next socket in a slot counts as one that took its key over", "test --test api visit::a_walk_beside_churn_meets_nobody_twice", [
        (REMOVE, "            slot.turn.forget();\n", ""),
    ]),
    Mutant("took-over-lost-by-a-poll", "a poll makes the handle forget that its socket took its key over", "test --test api visit::a_walk_beside_churn_meets_nobody_twice", [
        (OWNER, "self.shard.note() & TOOK_OVER | budget.bits()", "budget.bits()"),
    ]),
    Mutant("winner-not-looked-at-again", "a takeover yields to a socket by the turn of another one", "loom takeover::takeover_beside_takeover_that_is_not_published", [
        (TAKEOVER, " && state.load().is_live_as(other.generation) {",
         " {"),
    ]),
    Mutant("restore-not-passed-on", "topics that a superseded socket's owner gives back are lost", "test --test api takeover::what_an_old_owner_gives_back_goes_to_who_took_over", [
        (OWNER, "                self.shard.restore(id.addr, topics, panics);\n",
         "                let _ = id;\n"),
    ]),
    Mutant("born-without-due", "a socket is not born due", "test --test concurrent model::tiny_limits", [
        (LIFECYCLE, "LIVE | u64::from(due.bits())", "LIVE | 0 * u64::from(due.bits())"),
    ]),
    Mutant("evicts-in-no-order", "a socket notes no turn of its own where the oldest is evicted", "test --test api evict::the_oldest_goes_whichever_slot_it_has", [
        (REGISTER, "claimed.turn().draw_in_order(&self.takeovers);", "claimed.turn().note_now(&self.takeovers);"),
    ]),
    Mutant("evicts-once", "a registration evicts at most one socket", "loom evict::two_registrations_of_a_full_key", [
        (EVICT, "Closed::Disconnected(CloseReason::EVICTED), None, panics);\n",
         "Closed::Disconnected(CloseReason::EVICTED), None, panics);\n                    return;\n"),
    ]),
    Mutant("evicts-only-if-full-before", "a registration that found room when it joined evicts nobody", "loom evict::two_registrations_of_an_empty_key", [
        (REGISTER, "        if shard.geometry.evicts_oldest {\n", "        if shard.geometry.evicts_oldest && spare.is_some() {\n"),
    ]),
    Mutant("evicts-one-too-many", "a full key counts as over its limit", "test --test api evict::the_oldest_goes_whichever_slot_it_has", [
        (EVICT, "if met > limit => {", "if met >= limit => {"),
    ]),
    Mutant("evicted-keeps-its-due", "what was due for an evicted socket goes to all others of its key", "test --test api evict::what_was_due_for_an_evicted_socket_is_dropped", [
        (TAKEOVER, "        if heir.is_some() {\n", "        if heir.is_some() || !due.is_empty() {\n"),
    ]),
    Mutant("revoked-not-looked-at-again", "a registration does not look for revocations after it has published its socket", "loom closing::revoke_beside_registration", [
        (REGISTER, "        if before.has_revocations() {\n", "        if before.has_revocations() && false {\n"),
    ]),
    Mutant("revocation-flagged-too-late", "a revocation closes the key's sockets before registrations can learn of it", "loom closing::revoke_beside_registration", [
        (REVOKE, "        shard.own_totals.revoke();\n        self.disconnect(revocation.key(), reason);\n",
         "        self.disconnect(revocation.key(), reason);\n        shard.own_totals.revoke();\n"),
    ]),
    Mutant("revocation-not-stepped", "a revocation does not step the counts if the flag is there", "loom closing::revoke_beside_registration", [
        WITHOUT_FENCE,
        (REVOKE, "        shard.own_totals.revoke();\n",
         "        if !shard.own_totals.flags().has_revocations() {\n            shard.own_totals.revoke();\n        }\n"),
    ]),
    Mutant("revocation-flagged-too-early", "registrations learn of a revocation that is not there yet", "loom closing::revoke_beside_registration", [
        WITHOUT_FENCE,
        (REVOKE, "        shard.own_totals.revoke();\n", ""),
        (REVOKE, "        let Revocations(revocations) = &self.inner.revocations;\n",
         "        shard.own_totals.revoke();\n        let Revocations(revocations) = &self.inner.revocations;\n"),
    ]),
    Mutant("code-after-closed", "a socket is told to go before the reason is there", "loom closing::disconnect_beside_look", [
        (ACCESS, "        self.set_reason(generation, why);\n        self.head.state.close(generation)\n",
         "        let marked = self.head.state.close(generation);\n        self.refs.set_reason(generation, why.to_stored());\n        marked\n"),
    ]),
    Mutant("code-not-kept", "an owner is told another reason later", "test --test api close::who_was_told_of_a_shutdown_keeps_that_reason", [
        (ACCESS, "seen.is_live_as(generation) && !seen.is_closed()", "seen.is_live_as(generation)"),
    ]),
    Mutant("reason-without-a-socket", "a reason is kept for a socket that is yet to come", "test --test api unissued_ids::no_reason_waits_for_a_socket_that_comes_later", [
        (ACCESS, "seen.is_live_as(generation) && !seen.is_closed()", "!seen.is_closed()"),
    ]),
    Mutant("end-of-epoch-not-kept", "an epoch that has ended gets a number", "loom events::number_beside_end_and_next", [
        (EPOCH, "compare_exchange(NONE, ENDED, Ordering::AcqRel", "compare_exchange(NONE, NONE, Ordering::AcqRel"),
    ]),
    Mutant("lag-not-told", "a subscription does not learn that it missed something", "loom events::lag_of_two", [
        (QUEUE, "        self.0.lag();\n", ""),
    ]),

    # The caller's panics.
    Mutant("panic-swallowed", "a panic of the caller's waker is kept for ever", "test --test user_code wakers::every_mark_reaches_all_sockets", [
        (PANIC, "            resume_unwind(panic);\n", "            drop(panic);\n"),
    ]),
    Mutant("second-panic-leaks", "what a second panic carries is leaked", "test --test user_code wakers::what_a_second_panic_carries_is_dropped", [
        (PANIC, "            discard(panic);\n        }\n    }\n", "            mem::forget(panic);\n        }\n    }\n"),
    ]),
    Mutant("clone-panic-not-a-lag", "a subscription for which the key's clone panics loses the change", "test --test user_code presence_panics::a_clone_that_panics_harms_nobody", [
        (QUEUE, "        let reservation = Reservation(self);\n", "        let reservation = mem::ManuallyDrop::new(Reservation(self));\n"),
        (QUEUE, "        if self.len.fetch_add(1, Ordering::Relaxed) >= self.capacity {\n            return;", "        if self.len.fetch_add(1, Ordering::Relaxed) >= self.capacity {\n            drop(mem::ManuallyDrop::into_inner(reservation));\n            return;"),
    ]),
    Mutant("poll-panic-not-a-lag", "a panic while a subscription listens loses what it heard", "test --test user_code presence_panics::a_clone_that_panics_harms_nobody", [
        (PRESENCE, "        let guard = PollGuard(self);\n", "        let mut guard = std::mem::ManuallyDrop::new(PollGuard(self));\n"),
    ]),
    Mutant("queue-not-turned-round", "what was told last is heard first", "test --test api presence::events_are_for_the_first_socket_of_a_key_and_the_last", [
        (PRESENCE, "if let Some(change) = self.changes.pop() {", "if !self.changes.is_empty() {\n                let change = self.changes.remove(0);"),
    ]),
    Mutant("rest-of-the-queue-leaked", "a key whose drop panics leaks those that were told before it", "test --test user_code presence_panics::a_drop_that_panics_leaks_no_other_key", [
        (QUEUE, "panics.catch(|| drop(self.next()));", "drop(self.next());"),
    ]),
    Mutant("end-lost-to-a-drop", "a key whose drop panics while a subscription listens keeps the event from being yielded", "test --test user_code presence_panics::a_drop_that_panics_leaks_no_other_key", [
        (ONLINE, "                let _known = keys.remove_entry(&key);\n", "                keys.remove(&key);\n"),
    ]),
    Mutant("walk-passes-a-clone-that-panics", "a walk takes a key whose clone panics for gone", "test --test user_code presence_panics::a_clone_that_panics_in_a_walk_harms_nobody", [
        (SCAN, "                let found = shard.epoch(table.bucket(self.bucket), clone);\n", "                self.bucket += 1;\n                let found = shard.epoch(table.bucket(self.bucket - 1), clone);\n"),
        (SCAN, "                self.bucket += 1;\n                if let Some", "                if let Some"),
    ]),

    # What a subscription makes of what it is told.
    Mutant("lag-begins-anew", "a walk that is under way begins again with each lag", "test --test api presence::a_subscription_that_never_catches_up_comes_to_the_end_of_its_walk", [
        (PRESENCE, "            Lag::Heard if !self.is_walking => {", "            Lag::Heard => {"),
        (PRESENCE, "            Lag::Noticed if !self.is_walking => self.lag", "            Lag::Noticed => self.lag"),
        (ONLINE, "        self.unmet = mem::replace(&mut self.met, room);", "        let met = mem::replace(&mut self.met, room);\n        self.unmet.extend(met);"),
    ]),
    Mutant("queue-first", "a subscription that is told more all the time never walks on", "test --test api presence::a_subscription_that_never_catches_up_comes_to_the_end_of_its_walk", [
        (PRESENCE, "            if let Some(change) = self.changes.pop() {", "            if self.changes.is_empty() {\n                self.changes.extend(self.watcher.metadata().as_ref().unwrap().take());\n            }\n            if let Some(change) = self.changes.pop() {"),
    ]),
    Mutant("walk-not-swept", "who has gone unnoticed stays online", "loom events::lag_beside_last_leaves", [
        (ONLINE, "        self.gone = mem::replace(&mut self.unmet, none()).into_iter();", "        self.met.extend(mem::replace(&mut self.unmet, none()));"),
    ]),
    Mutant("lag-not-heard-out", "what was told before a lag is taken for newer than the walk that makes up for it", "test --test api presence::what_was_told_before_a_lag_is_not_believed_after_it", [
        (PRESENCE, "            Lag::Noticed if !self.is_walking => self.lag = Lag::Heard,", "            Lag::Noticed if !self.is_walking => {\n                self.lag = Lag::Heard;\n                return self.begin_round();\n            }"),
    ]),
    Mutant("ready-without-end", "a task whose future is always ready keeps the others from running", "test --test api turns::a_socket_that_is_marked_again_and_again", [
        (BUDGET, "        self.0 += 1;\n", ""),
    ]),
    Mutant("events-without-end", "a subscription to many keys keeps the other tasks from running", "test --test api turns::a_subscription_to_many_keys", [
        (PRESENCE, "        ready!(self.budget.poll_ready(cx));\n", ""),
    ]),
    Mutant("batch-lost-in-a-panic", "a panic of the iterator loses the keys that it gave before", "test --test api mark::keys_given_before_the_iterator_panics_are_marked", [
        (MARK_MANY, "        self.flush();\n        std::mem::take(&mut self.panics).resume_unless_panicking();\n",
         "        std::mem::take(&mut self.panics).resume_unless_panicking();\n"),
    ]),
    Mutant("panic-at-once", "a waker's panic keeps a mark from the sockets after it", "test --test user_code wakers::every_mark_reaches_all_sockets", [
        (PANIC, "Err(panic) = catch_unwind(AssertUnwindSafe(f))", "Err(panic) = Ok::<(), Box<dyn Any + Send>>(f())"),
    ]),

    # What makes two long keys the same.
    Mutant("chunk-without-one-bit", "a long key that begins with zeros is the same as without them", "test --lib storage::fingerprint::tests::trailing_zeros_count", [
        (POLYNOMIAL, " & ((1 << CHUNK_BITS) - 1) | 1 << CHUNK_BITS;", " & ((1 << CHUNK_BITS) - 1);"),
    ]),
    Mutant("rest-not-counted", "the zeros at the end of a long key do not count", "test --lib storage::fingerprint::tests::trailing_zeros_count", [
        (FINGERPRINT, "self.point.step(value, counted)", "self.point.step(value, kept)"),
    ]),
    Mutant("pieces-matter", "equal keys that write their bytes in other pieces are two keys", "test --test api identity::bytes_written_in_portions", [
        (FINGERPRINT, "if capture.value.is_some() && capture.len >= CHUNK {", "if capture.value.is_some() && capture.len > KEPT {"),
    ]),
    Mutant("carry-lost", "the polynomial is evaluated wrongly, so its bound does not hold", "test --lib storage::fingerprint::polynomial::tests::a_step_multiplies_and_adds", [
        (POLYNOMIAL, "u128::from((middle >> u64::BITS) as u64 + u64::from(carry));", "u128::from((middle >> u64::BITS) as u64 + u64::from(carry && false));"),
    ]),
    Mutant("long-keys-not-spread", "long keys that count up come to neighbouring shards", "test --lib storage::fingerprint::tests::long_keys_that_count_up_are_spread", [
        (FINGERPRINT, "(all, HASHED, self.place.hash_one(all))", "(all, HASHED, all as u64)"),
    ]),

    # The cluster. Its engine's tests leave out each of its repairs by themselves (`Repair` in
    # `engine/config.rs`): `faults::without_any_one_repair_something_stays_wrong`, and those in
    # `engine/tests/scenarios.rs` that call `world(Some(..))`. Here is what they do not leave out,
    # and what the tests of the whole node must see.
    Mutant("gap-not-noticed", "messages that a later one shows to be missing are not missed", UNIT + "engine::tests::bad_input::a_message_that_comes_again_does_nothing", [
        (ENGINE + "sequences.rs", "            self.insert(lane, newest + 1, seq - 1, Gap { to: 0, since: now, is_asked: false, is_tail: false });\n", ""),
    ]),
    Mutant("gap-not-asked-for", "what is missing is never asked for", MEMORY + "faults::marks_of_an_outage_arrive_after_it_and_only_they", [
        (ENGINE + "tick.rs", "            self.send(Subject::Node(sender), &Message::Nack(ranges));\n", ""),
    ]),
    Mutant("gap-confirmed", "what is missing is confirmed", MEMORY + "faults::settled_waits_for_a_broker", [
        (ENGINE + "sequences.rs", "|((_, from), _)| from - 1)", "|_| self.newest[usize::from(lane)])"),
    ]),
    Mutant("settled-by-own-echo", "the own beat that comes back settles", MEMORY + "faults::settled_waits_for_a_broker", [
        (ENGINE + "settle.rs", "if serving.all(|peer| has_confirmed(peer, &ticket.newest)) {", "if self.node.proof() >= ticket.asked_at {"),
    ]),
    Mutant("deaf-node-judges", "a node that is deaf judges the others gone", UNIT + "engine::tests::scenarios::a_deaf_node_judges_nobody_gone", [
        (ENGINE + "tick.rs", "            None => return,\n", "            None => Duration::ZERO,\n"),
    ]),
    Mutant("silence-counts-from-before", "a node that was deaf takes for silence what it could not hear", UNIT + "engine::peers::tests::silence_counts_while_this_node_hears", [
        (ENGINE + "peers.rs", "peer.beat_at.max(hearing_since)", "peer.beat_at"),
    ]),
    Mutant("duplicate-acted-on", "a message that comes twice acts twice", UNIT + "engine::tests::bad_input::a_message_that_comes_again_does_nothing", [
        (ENGINE + "hear.rs", "                self.stats.duplicates += 1;\n                return false;\n", "                self.stats.duplicates += 1;\n"),
    ]),
    Mutant("echo-acted-on", "a node acts on what it has said itself", UNIT + "engine::tests::bad_input::a_forged_copy_of_this_node_is_not_believed", [
        (ENGINE + "hear.rs", "} else if sender == self.config.sender {", "} else if sender == self.config.sender && matches!(message, Message::Beat(_)) {"),
    ]),
    Mutant("lives-have-one-number", "nodes, and the lives of one, cannot be told apart", MEMORY + "nodes::counts_are_those_of_all_nodes", [
        (CLUSTER + "node.rs", "    RandomState::new().build_hasher().finish()\n", "    7\n"),
    ]),
    Mutant("forged-number-believed", "a number that was forged is never set back", UNIT + "engine::tests::bad_input::a_forged_number_is_mended_by_the_next_beats", [
        (ENGINE + "sequences.rs", "let is_forged = self.at_last_beat[index] > newest;", "let is_forged = self.at_last_beat[index] == u64::MAX;"),
    ]),
    Mutant("overflow-not-told", "what found no room in the outbox is repaired by nobody", UNIT + "engine::tests::scenarios::what_found_no_room_in_the_outbox_makes_every_lane_due", [
        (ENGINE + "send.rs", "            self.newest.iter_mut().for_each(|newest| *newest += 1);\n", ""),
    ]),
    Mutant("pass-deaf-to-more", "a lane that is lost while a pass goes over it is not repaired", UNIT + "engine::passes::tests::one_pass_runs_and_one_waits_at_most", [
        (ENGINE + "passes.rs", "        self.wanted.insert(lane)\n", "        !self.is_running && self.wanted.insert(lane)\n"),
    ]),
    Mutant("clock-dragged", "a clock that is a year ahead drags the others with it", UNIT + "engine::tests::scenarios::a_node_whose_clock_is_a_year_ahead_harms_only_its_own_takeovers", [
        (ENGINE + "clock.rs", "wall_ms.saturating_add(BELIEVABLE_MS)", "wall_ms.saturating_add(LAST_MS)"),
    ]),
    Mutant("draw-between-claims", "of two claims of one moment both win", UNIT + "engine::claims::tests::the_later_claim_wins_and_the_sender_decides_a_draw", [
        (ENGINE + "claims.rs", "Some(stamp) if (*stamp, own) > theirs =>", "Some(stamp) if *stamp >= theirs.0 =>"),
    ]),
    Mutant("claim-amid-a-takeover", "a claim comes between the socket of a takeover and its claim", MEMORY + "signals::a_claim_that_arrives_amid_a_takeover_does_not_end_it", [
        (CLUSTER + "cluster.rs", "        let mut state = node.lock();\n        let registered = register()?;\n", "        let registered = register()?;\n        let mut state = node.lock();\n"),
    ]),
    Mutant("goodbye-unsaid", "a node leaves without a word", UNIT + "engine::tests::scenarios::a_node_that_says_goodbye_is_gone_and_one_that_is_killed_is_gone_after_the_ttl", [
        (ENGINE + "mod.rs", "        self.send(Subject::Beat, &Message::Bye);\n", ""),
    ]),
    Mutant("numbers-without-an-end", "a number is accepted that has none after it", UNIT + "wire::tests::numbers_out_of_bounds_are_refused", [
        (CLUSTER + "wire/decode.rs", "self.u64().filter(|seq| (1..END_OF_SEQUENCE).contains(seq))", "self.u64().filter(|seq| *seq != 0)"),
    ]),
    Mutant("rest-accepted", "bytes after a message are accepted", UNIT + "wire::tests::a_message_that_is_cut_or_longer_is_refused", [
        (CLUSTER + "wire/decode.rs", "(reader.at == bytes.len()).then_some((sender, message))", "Some((sender, message))"),
    ]),
    Mutant("other-version-read", "a message of another version is read as one of this", UNIT + "wire::tests::other_versions_and_kinds_are_told_apart_from_garbage", [
        (CLUSTER + "wire/decode.rs", "    if bytes[0] != VERSION {", "    if bytes[0] < VERSION {"),
    ]),
    Mutant("peers-without-bounds", "every number of a sender makes a peer", UNIT + "engine::tests::bad_input::senders_that_nobody_knows_do_not_make_the_engine_grow", [
        (ENGINE + "peers.rs", "if self.known.len() >= self.limit {", "if self.known.len() == usize::MAX {"),
    ]),
    Mutant("missing-without-bounds", "all that is missing is remembered, however much", UNIT + "engine::tests::bad_input::what_is_missing_is_bounded_and_asked_for_in_windows", [
        (ENGINE + "sequences.rs", "let is_too_much = self.gaps.len() > MAX_GAPS || self.missing > MAX_MISSING;", "let is_too_much = self.missing == u64::MAX;"),
    ]),
    Mutant("backlog-without-bounds", "all that a broker does not take waits for it", UNIT + "driver::outgoing::tests::what_waits_for_the_broker_is_bounded", [
        (CLUSTER + "driver/outgoing.rs", "if self.bytes + bytes <= ROOM {", "if self.bytes + bytes != usize::MAX {"),
    ]),
    Mutant("inbox-without-bounds", "marks wait for a driver that does not get its turn, however many", UNIT + "node::tests::marks_that_nobody_takes_in_are_bounded", [
        (CLUSTER + "node.rs", "(had_none, inbox.marks.len() >= INBOX_BYTES)", "(had_none, inbox.marks.len() == usize::MAX)"),
    ]),
    Mutant("next-time-put-off", "each message puts off what is to be done soon", MEMORY + "faults::a_loss_amid_marks_is_repaired_before_the_next_beat", [
        (CLUSTER + "driver.rs", "self.next_tick = self.next_tick.min(state.engine.next_tick());", "self.next_tick = state.engine.next_tick();"),
    ]),
    Mutant("answer-cut", "the end of a long answer is dropped", MEMORY + "presence::the_keys_of_a_node_arrive_however_many_they_are", [
        (CLUSTER + "driver.rs", "self.outgoing.push_all(&subject.name(&self.options.namespace), messages);",
         "messages.into_iter().for_each(|bytes| self.outgoing.push(subject.name(&self.options.namespace), bytes));"),
    ]),
    Mutant("lone-mark-waits", "a mark that comes alone is sent with the next beat", MEMORY + "signals::a_mark_does_not_wait_for_the_next_beat", [
        (CLUSTER + "driver.rs", "is_some_and(|gathered| Instant::now() < gathered)", "is_none_or(|gathered| Instant::now() < gathered)"),
    ]),
    Mutant("marks-not-gathered", "each mark of many has a message of its own", MEMORY + "signals::marks_that_come_quickly_share_messages", [
        (CLUSTER + "driver.rs", "if second - first < GATHER => Some(second + GATHER),", "if second - first < GATHER => Some(second),"),
    ]),
    Mutant("repair-meets-a-listener", "sockets that come after a repair begins are repaired", UNIT + "local::tests::sockets_that_register_after_the_call_meet_no_repair", [
        (CLUSTER + "local.rs", "local.registry().filter(|_| sockets != 0)", "local.registry()"),
    ]),
    Mutant("repair-counts-late", "a repair is of the sockets that are there when it gets its turn", UNIT + "local::tests::sockets_that_register_after_the_call_meet_no_repair", [
        (CLUSTER + "local.rs", "        let sockets = self.registry().map_or(0, Registry::socket_count);\n        Box::pin(async move {\n", "        Box::pin(async move {\n            let sockets = local.registry().map_or(0, Registry::socket_count);\n"),
    ]),
]
