"""The bugs that the tests must notice: what `run` puts in, one at a time.

    tests/mutants/run            all; about 12 minutes on two cores that do other work as well, and the build of the dependencies once
    tests/mutants/run fence      those with "fence" in their names

Each says which file it changes, the exact text that it replaces, which must be there once, and the command that must fail then.
A mutant that is still running after five minutes has survived, unless it says that it hangs.

Left out, because nothing can notice them:
- `take` with a Relaxed swap: its fence acquires as much, and its Release hands nothing on that the contract promises.
- `Presence::claim` with the weak swap: neither x86 nor the model checker ever lets it fail for no reason.
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


WORD, PLACE, LEASE, SHARD = "src/word.rs", "src/place.rs", "src/lease.rs", "src/shard.rs"
PRESENCE, HOME, TABLE, MEMBERSHIP = "src/presence.rs", "src/home.rs", "src/table.rs", "src/membership.rs"
LEDGER, SLAB, INSERTION, PANICS = "src/ledger.rs", "src/slab.rs", "src/insertion.rs", "src/panics.rs"
AUDIENCE, SESSION, FEED, EVENTS = "src/audience.rs", "src/session.rs", "src/feed.rs", "src/events.rs"
REGISTRY, COUNTS = "src/registry.rs", "src/counts.rs"
OCCUPANCY, REMOVAL, TAKEOVER, SUCCESSION = "src/word/occupancy.rs", "src/removal.rs", "src/takeover.rs", "src/succession.rs"

STEP = "compare_exchange_weak(seen.0, next, Ordering::AcqRel, Ordering::Acquire)"
TAKE = "self.step(seen, seen.0 & !DUE)"
RELAXED_STEP = "compare_exchange_weak(seen.0, next, Ordering::Relaxed, Ordering::Relaxed)"

MUTANTS = [
    # The socket's word.
    Mutant("mark-no-fence", "a mark that sets nothing does not fence", "loom word::mark_that_coalesces_publishes", [
        (WORD, "                full_fence();\n                fenced = true;", "                fenced = true;"),
    ]),
    Mutant("mark-at-once-no-fence", "a mark that goes the short way and sets nothing does not fence", "loom word::mark_that_coalesces_publishes", [
        (WORD, "        if !fenced {\n            full_fence();\n        }\n        self.load() == seen", "        self.load() == seen"),
    ]),
    Mutant("mark-at-once-no-second-look", "a mark that goes the short way and sets nothing does not look again", "loom word::mark_that_coalesces_publishes", [
        (WORD, "            full_fence();\n        }\n        self.load() == seen", "            full_fence();\n        }\n        true"),
    ]),
    Mutant("mark-at-once-wakes-nobody", "a mark goes the short way although somebody waits", "loom waiting::mark_beside_wait", [
        (WORD, "if seen.0 & (LIVE | WAITING) != LIVE {", "if seen.0 & LIVE != LIVE {"),
    ]),
    Mutant("take-no-fence", "a take does not fence", "loom word::mark_that_coalesces_publishes", [
        (WORD, "                    fence_after_step();\n", ""),
    ]),
    Mutant("mark-no-second-look", "a mark that sets nothing does not look again after its fence", "loom word::mark_that_coalesces_publishes", [
        (WORD, "                now = self.load();\n                continue;", "                return Marked::Already;"),
    ]),
    Mutant("mark-fences-only-first", "a mark that loses to another one of the same topic does not fence", "loom word::mark_that_loses_to_a_mark_publishes", [
        (WORD, "Err(changed) => now = changed,", "Err(changed) => {\n                    fenced = true;\n                    now = changed;\n                }"),
    ]),
    Mutant("mark-relaxed", "marks publish nothing", "loom word::mark_publishes", [(WORD, STEP, RELAXED_STEP)]),
    Mutant("take-relaxed-no-fence", "a take acquires nothing but what its first look did", "loom word::mark_within_a_take_publishes", [
        (WORD, TAKE, "self.0.compare_exchange_weak(seen.0, seen.0 & !DUE, Ordering::Relaxed, Ordering::Relaxed).map(drop).map_err(Seen)"),
        (WORD, "                    fence_after_step();\n", ""),
    ]),
    Mutant("take-in-two-steps", "a take reads and then clears", "loom word::every_topic_is_taken_once", [
        (WORD, TAKE, "Ok::<(), Seen>(self.0.store(seen.0 & !DUE, Ordering::Release))"),
    ]),
    Mutant("publish-relaxed", "a socket is visible before its values", "loom places::walk_beside_register", [
        (OCCUPANCY, "LIVE | u64::from(due.bits()), Ordering::Release)", "LIVE | u64::from(due.bits()), Ordering::Relaxed)"),
    ]),
    Mutant("vacate-relaxed", "a place is vacant before it is empty", "loom keys::last_leaves_first_joins", [
        (OCCUPANCY, "<< GENERATION_SHIFT, Ordering::Release)", "<< GENERATION_SHIFT, Ordering::Relaxed)"),
    ]),
    Mutant("generation-not-compared", "a mark reaches whoever is in the place now", "loom word::due_does_not_pass_on", [
        (WORD, "if !now.is_live_as(generation) {", "if !(now.is_live() && generation == generation) {"),
    ]),
    Mutant("generation-not-stepped", "the next socket in a place has the same id", "loom word::due_does_not_pass_on", [
        (OCCUPANCY, "u64::from(next.number())", "u64::from(next.number() - 1)"),
    ]),
    Mutant("generation-wraps", "the generation begins anew after the last one", "loom places::ids_are_not_issued_twice", [
        (OCCUPANCY, "let Some(next) = seen.generation().next() else { return false };",
         "let next = seen.generation().next().unwrap_or(Generation::new(0));"),
    ]),
    Mutant("wake-done-not-again", "whoever wakes does not look again", "loom word::wait_again_while_woken", [
        (WORD, "let again = seen.is_waiting() && seen.is_ready();", "let again = false;"),
    ]),
    Mutant("two-wake", "a second marker wakes through the cell while the first one does", "test --lib word::tests::mark_adds_topics_and_wakes_who_waits", [
        (WORD, "now.is_waiting() && !now.is_waking()", "now.is_waiting()"),
    ]),
    Mutant("arm-blindly", "an owner waits although something is due", "loom word::arm_beside_mark", [
        (WORD, "while !seen.is_ready() {", "while seen.is_live() {"),
    ]),
    Mutant("closed-is-not-ready", "an owner that was told to go waits", "loom word::arm_beside_close", [
        (WORD, "self.0 & (DUE | CLOSED) != 0\n", "self.0 & DUE != 0\n"),
    ]),
    Mutant("remove-in-two-steps", "a removal does not see who came between its look and its step", "loom waiting::drop_beside_wake", [
        (OCCUPANCY, "match self.step(seen, seen.0 & !(LIVE | WAITING | WAKING | CLOSED | VISITED | DUE) | BUSY) {",
         "let busy = self.load().0 & !(LIVE | WAITING | WAKING | CLOSED | VISITED | DUE) | BUSY;\n"
         "            self.0.store(busy, Ordering::Release);\n            match Ok::<(), crate::word::Seen>(()) {"),
    ]),

    # Waiting, and leaving a place.
    Mutant("waker-after-arm", "the owner waits before its waker is in the cell", "loom waiting::mark_beside_wait", [
        (PLACE, "            // SAFETY: the owner, and disarmed.\n            _replaced = unsafe { seat.waker.replace(waker) };\n",
         "            let armed = word.arm();\n            _replaced = unsafe { seat.waker.replace(waker) };\n"
         "            if armed {\n                return true;\n            }\n"),
    ]),
    Mutant("no-disarm", "the owner writes the cell while somebody may wake through it", "loom waiting::waker_replaced_beside_mark", [
        (PLACE, "if !word.disarm() {", "if false {"),
    ]),
    Mutant("lease-ignores-waking", "the owner does not leave a share to who wakes", "loom waiting::drop_beside_wake", [
        (LEASE, "OWNER - u32::from(waking)", "OWNER - 0 * u32::from(waking)"),
    ]),
    Mutant("lease-relaxed", "who leaves last does not see that the others have", "loom places::visit_beside_drop", [
        (LEASE, "compare_exchange_weak(seen, word, Ordering::AcqRel, Ordering::Acquire)",
         "compare_exchange_weak(seen, word, Ordering::Relaxed, Ordering::Relaxed)"),
    ]),
    Mutant("visit-not-announced", "the owner does not learn that somebody looks", "loom places::visit_beside_drop", [
        (PLACE, "self.word.announce_visit(generation) && ", "self.word.load().is_live_as(generation) && "),
    ]),
    Mutant("waker-does-not-settle", "a place that was left to who wakes is never cleaned up", "loom waiting::drop_beside_wake", [
        (SHARD, "            let leftovers = self.settle(spot, last);\n            panics.catch(|| drop(leftovers));\n",
         "            let _ = last;\n"),
    ]),
    Mutant("owner-does-not-settle", "a place that the others left to the owner is never cleaned up", "loom places::visit_beside_drop", [
        (REMOVAL, "        let late = leaving.finish().map(|last| self.settle(spot, last));\n        self.ledger",
         "        let late = leaving.finish().map(std::mem::forget);\n        self.ledger"),
    ]),

    # The key's sockets.
    Mutant("own-place-not-checked", "the presence is not read again after the own place's word", "loom keys::bucket_reused_beside_list", [
        (SHARD, "(now.is_still(key.seen) && own_seen.is_live())", "own_seen.is_live()"),
    ]),
    Mutant("own-place-checked-too-early", "the presence is read before the own place's word", "loom keys::bucket_reused_beside_list", [
        (SHARD, "        let own_seen = key.bucket.word.load();\n        let now = key.bucket.presence.load();\n",
         "        let now = key.bucket.presence.load();\n        let own_seen = key.bucket.word.load();\n"),
    ]),
    Mutant("sole-identity-too-early", "a mark that goes the short way reads the identity before the word", "loom keys::bucket_reused_beside_mark", [
        (TABLE, "        let seen = self.word.load();\n        let is_key = self.identity.holds(print.identity);\n",
         "        let is_key = self.identity.holds(print.identity);\n        let seen = self.word.load();\n"),
    ]),
    Mutant("sole-chained", "a mark goes the short way although there is a chain", "loom places::mark_beside_drop_of_the_first", [
        (TABLE, "is_unchained_member(print.identity.kind)", "is_member(print.identity.kind)"),
    ]),
    Mutant("chain-not-checked", "the presence is not read again after a slot's word", "loom places::chain_returned_beside_mark", [
        (SHARD, "            if !presence.load().is_still(seen) {\n                return;\n            }\n", ""),
    ]),
    Mutant("chained-not-set", "nobody learns that there is a chain", "loom places::mark_beside_drop_of_the_first", [
        (MEMBERSHIP, "                table.bucket(bucket).presence.set_chained();\n", ""),
    ]),
    Mutant("chain-skipped-for-one", "the chain is not walked where the count says one", "loom places::mark_beside_return_to_the_own_place", [
        (SHARD, "own_seen.is_live()).then_some(own_seen), now.is_chained())", "own_seen.is_live()).then_some(own_seen), now.is_chained() && now.live() > 1)"),
    ]),
    Mutant("chain-not-cleared", "the next key in a bucket has the last one's slots", "loom places::chain_forgotten_when_idle", [
        (REMOVAL, "        extras.chain.clear();\n", ""),
    ]),
    Mutant("chain-not-returned", "the slots of a key that went idle are lost", "loom places::chain_returned_when_idle", [
        (REMOVAL, "                self.slab.release(first);\n", "                let _ = first;\n"),
    ]),
    Mutant("pops-not-counted", "a list's head that came back is taken for the old one (ABA)", "loom places::pop_beside_pops_and_push", [
        (SLAB, "((head >> 32) + 1) << 32", "(head >> 32) << 32"),
    ]),
    Mutant("slot-handed-out-in-two-steps", "two sockets get one slot", "loom places::two_joins", [
        (SLAB, "self.used.fetch_add(1, Ordering::Relaxed)", "{\n            self.used.store(used + 1, Ordering::Relaxed);\n            used\n        }"),
    ]),

    # The key's word.
    Mutant("presence-relaxed", "a key is visible before it is written", "loom keys::two_inserts_of_one_key", [(PRESENCE, STEP, RELAXED_STEP)]),
    Mutant("limit-in-two-steps", "the limit is compared before the step, not in it", "loom keys::two_joins_at_the_limit_per_key", [
        (PRESENCE, "match self.step(seen, seen.lingering_less() + 1) {",
         "self.0.fetch_sub(ONE_LINGERING - 1, Ordering::AcqRel);\n            match Ok::<(), crate::word::Seen>(()) {"),
    ]),
    Mutant("hold-of-whoever", "a registration holds whatever key is in the bucket now", "loom keys::bucket_reused_beside_join", [
        (PRESENCE, "while now.is_still(seen) {", "while now.0 & STATE == MEMBER {"),
    ]),
    Mutant("eq-without-hold", "keys are compared before the registered one is held", "loom keys::bucket_reused_beside_join", [
        (MEMBERSHIP, "            let Some(held) = Held::new(self, &found) else { continue };\n            if *held.key() != key {\n",
         "            let unheld = std::mem::ManuallyDrop::new(Held { shard: self, table: found.table, bucket: found.number });\n"
         "            let differs = *unheld.key() != key;\n"
         "            let Some(held) = Held::new(self, &found) else { continue };\n            if differs {\n"),
    ]),
    Mutant("lingering-forgotten", "a bucket is emptied while somebody still needs its key", "loom places::visit_beside_drop", [
        (PRESENCE, "if self.0 & (STATE | LIVE | LINGERING) == DYING { Left::Vacate }", "if self.0 & (STATE | LIVE) == DYING { Left::Vacate }"),
    ]),
    Mutant("withdrawn-looks-untouched", "a search ends at a bucket that was claimed for a moment", "loom keys::two_inserts_of_one_key", [
        (PRESENCE, "        debug_assert!(seen.is_claimed());\n        self.hand_on(seen.sequence() + 1);", "        self.hand_on(seen.sequence());"),
    ]),
    Mutant("sequence-wraps", "a bucket whose occupancies are used up is claimed again",
           "test --lib presence::tests::a_bucket_has_its_last_occupancy_and_then_none", [
               (PRESENCE, "self.0 & STATE == VACANT && self.sequence() < LAST_SEQUENCE", "self.0 & STATE == VACANT"),
           ]),
    Mutant("kind-not-compared", "keys of different lengths are taken for each other",
           "test --lib presence::tests::every_predicate_in_every_valid_state", [
               (PRESENCE, "self.0 & (STATE | KIND) == MEMBER | u64::from(kind.0) << KIND_SHIFT", "self.0 & STATE == MEMBER && kind == kind"),
           ]),

    # Key to bucket.
    Mutant("identity-not-checked", "the presence is not read again after the identity", "loom keys::bucket_reused_beside_lookup", [
        (TABLE, "identity.holds(print.identity) && presence.load().is_still(seen)", "identity.holds(print.identity) && presence.load() == presence.load()"),
    ]),
    Mutant("home-decides-by-store", "two inserters of one key both win", "loom keys::two_inserts_of_one_key", [
        (HOME, "self.step(seen, version << VERSION_SHIFT | bound | u64::from(way + 1)).ok()",
         "let next = version << VERSION_SHIFT | bound | u64::from(way + 1);\n        self.0.store(next, Ordering::Release);\n        Some(Seen(next))"),
    ]),
    Mutant("home-version-not-stepped", "an insertion since the search goes unnoticed", "loom keys::two_inserts_of_one_key", [
        (HOME, "let version = (seen.0 >> VERSION_SHIFT) + 1;", "let version = seen.0 >> VERSION_SHIFT;"),
    ]),
    Mutant("home-relaxed", "who helps an insertion does not see the key", "loom keys::two_inserts_of_one_key", [
        (HOME, "compare_exchange(seen.0, next, Ordering::AcqRel, Ordering::Relaxed)", "compare_exchange(seen.0, next, Ordering::Relaxed, Ordering::Relaxed)"),
    ]),
    Mutant("bound-not-raised", "a key beyond the bound is not found", "test --lib home::tests::decide_steps_the_version_and_keeps_the_greatest_bound", [
        (HOME, "seen.bound().max(distance)", "seen.bound().max(distance * 0)"),
    ]),
    Mutant("pending-not-helped", "an inserter passes over what is pending", "loom keys::two_inserts_of_colliding_keys", [
        (INSERTION, "                self.finish(number, seen);\n                continue;\n", ""),
        (HOME, "debug_assert!(seen.pending().is_none() && !seen.is_closed());", ""),
    ]),
    Mutant("help-not-checked", "who helps makes a bucket visible that was claimed anew", "loom table::bucket_claimed_anew_beside_help", [
        (INSERTION, "        if home.load() != decided {\n            return;\n        }\n", ""),
    ]),
    Mutant("closed-home-ignored", "a key is inserted into a table that is superseded", "loom table::closed_beside_insert", [
        (INSERTION, "            if seen.is_closed() {\n                return Insertion::NoRoom(attempt.give_up());\n            }\n", ""),
        (HOME, "debug_assert!(seen.pending().is_none() && !seen.is_closed());", ""),
    ]),
    Mutant("old-table-not-closed", "a key is inserted into the old table and the new one", "loom keys::growth_beside_insert_into_the_old_table", [
        (MEMBERSHIP, "            table.close(print);\n", ""),
    ]),
    Mutant("old-table-not-searched", "growth hides the keys that are there", "loom keys::growth_beside_lookup", [
        (SHARD, "self.tables.iter().find_map(|table| table.find(print))", "self.tables.newest().and_then(|table| table.find(print))"),
    ]),

    Mutant("own-place-left-open", "the own place of a key that becomes visible is free to take", "loom keys::two_inserts_of_one_key", [
        (OCCUPANCY, "        self.0.store(seen.0 | BUSY, Ordering::Relaxed);\n", ""),
        (OCCUPANCY, "        debug_assert!(seen.0 & (LIVE | DUE) == BUSY);\n        // Ordering: Release, so that who sees the socket",
         "        // Ordering: Release, so that who sees the socket"),
        (OCCUPANCY, "seen.0 ^ BUSY | LIVE | u64::from", "seen.0 & !BUSY | LIVE | u64::from"),
    ]),
    Mutant("first-vacancy-taken", "an insertion takes a free bucket without looking for the key behind it", "test --test concurrent model::full_tables", [
        (INSERTION, "if !may_follow && vacancy.is_some() {\n                    return", "if vacancy.is_some() {\n                    return"),
    ]),

    # Counts, limits, closing.
    Mutant("counted-out-after", "a key is counted out after the step that makes it idle", "loom keys::counts_beside_last_leaves_first_joins", [
        (REMOVAL, "let is_last = table.bucket(bucket).presence.load().live() == 1;", "let is_last = false;"),
        (REMOVAL, "            if is_last && !counted_out {\n                notice.note(line.sub(key));\n            } else if",
         "            if"),
        (REMOVAL, "            counted_out = is_last;\n", "            counted_out = false;\n"),
        (REMOVAL, "                Ok(left) => {\n", "                Ok(left) => {\n                    if is_last {\n"
         "                        notice.note(line.sub(key));\n                    }\n"),
    ]),
    Mutant("count-not-corrected", "a leaver that was not the last after all leaves the key counted out", "loom keys::last_leaves_first_joins", [
        (REMOVAL, "                notice.note(line.add(key));\n", ""),
    ]),
    Mutant("counted-in-before", "a socket is counted, and learns whether the registry is closed, before it is there", "loom waiting::close_beside_register", [
        (MEMBERSHIP, "        let generation = claimed.occupy(metadata, terms.due);\n", ""),
        (MEMBERSHIP, "Entry::new(true, spare.is_none()));\n", "Entry::new(true, spare.is_none()));\n        let generation = claimed.occupy(metadata, terms.due);\n"),
    ]),
    Mutant("close-not-looked-at", "a socket that was registered beside a close is not told", "loom waiting::close_beside_register", [
        (MEMBERSHIP, "if before.is_closed() {", "if false {"),
    ]),
    Mutant("counts-borrow-flags", "a count below zero borrows from the flags", "test --lib ledger::tests::what_is_counted_out_too_often_reads_as_none_and_touches_nothing_else", [
        (LEDGER, "number.max(0) as usize", "number as usize"),
    ]),
    Mutant("one-look-for-permits", "a registration is refused after one look at all lines", "loom keys::permits_that_move", [
        (LEDGER, "if now.is_some() && now == returned {", "if now.is_some() || now == returned {"),
    ]),
    Mutant("permit-in-two-steps", "two registrations take the last permit", "loom keys::limit_of_all", [
        (LEDGER, "match self.permits.compare_exchange_weak(seen, seen - 1, Ordering::AcqRel, Ordering::Acquire) {",
         "self.permits.store(seen - 1, Ordering::Release);\n            match Ok::<u64, u64>(seen) {"),
    ]),

    # Who watches.
    Mutant("come-not-told", "a key that comes is not told", "loom events::subscribe_beside_register", [
        (REGISTRY, "if registered.is_watched {", "if registered.is_watched && false {"),
    ]),
    Mutant("watch-relaxed", "a subscription does not see what came before its step", "loom events::subscribe_beside_register", [
        (LEDGER, "line.counts.fetch_or(WATCHED, Ordering::AcqRel)",
         "line.counts.fetch_or(WATCHED, Ordering::Relaxed)"),
    ]),
    Mutant("watch-before-join", "the counts say that somebody watches before it can be found", "loom events::subscribe_beside_register", [
        (AUDIENCE, "        let registered = self.shard.register(self.print(watch), watch, feed, Terms::default());\n",
         "        ledger.watch();\n        let registered = self.shard.register(self.print(watch), watch, feed, Terms::default());\n"),
        (AUDIENCE, "        ledger.watch();\n        watcher\n", "        watcher\n"),
    ]),
    Mutant("watch-not-stepped", "a subscription does not step the counts if the flag is there", "loom events::subscribe_again_beside_register", [
        (AUDIENCE, "        ledger.watch();\n        watcher\n",
         "        if !ledger.is_watched(0) {\n            ledger.watch();\n        }\n        watcher\n"),
    ]),
    Mutant("end-not-told", "a key that goes is not told", "loom events::last_leaves_first_joins", [
        (REMOVAL, "if is_last && line.is_watched() {", "if is_last && false {"),
    ]),
    Mutant("end-looked-at-early", "who makes a key idle looks whether somebody watches before its step", "loom events::subscribe_beside_last_leaves", [
        (REMOVAL, "            match presence.leave(seen, lingers || stays) {",
         "            let is_watched = line.is_watched();\n            match presence.leave(seen, lingers || stays) {"),
        (REMOVAL, "if is_last && line.is_watched() {", "if is_last && is_watched {"),
    ]),
    Mutant("key-not-kept", "who makes a key idle does not keep the key until that is told", "loom events::subscribe_beside_last_leaves", [
        (REMOVAL, "let stays = is_last && !lingers && seen.is_lingering();", "let stays = false;"),
    ]),
    Mutant("session-not-cleared", "the next key in a bucket has the last one's session", "loom events::subscribe_beside_last_leaves", [
        (REMOVAL, "                        if left == Left::Vacate {\n                            table.extras(bucket).session.clear();\n                        }\n",
         ""),
    ]),
    Mutant("session-not-cleared-late", "the same, where the bucket is emptied later", "loom events::subscribe_beside_last_leaves", [
        (REMOVAL, "        if left == Left::Vacate && self.ledger.line(self.index).is_watched() {\n            table.extras(bucket).session.clear();\n        }\n",
         ""),
    ]),
    Mutant("number-after-end", "a session gets a number after its end", "loom events::number_beside_end_and_next", [
        (SESSION, "if !is_active() {", "if !is_active() && false {"),
    ]),
    Mutant("clock-relaxed", "who draws a number does not know what the drawers before it knew", "loom events::number_beside_end_and_next", [
        (SESSION, "clock.0.fetch_add(1, Ordering::AcqRel)", "clock.0.fetch_add(1, Ordering::Relaxed)"),
    ]),
    Mutant("end-leaves-open", "a session that ended without a number can still get one", "loom events::subscribe_beside_last_leaves", [
        (SESSION, "match self.0.compare_exchange(NONE, ENDED, Ordering::AcqRel, Ordering::Acquire) {\n            Ok(_) => None,\n            Err(seen) => known(seen),\n        }",
         "known(self.0.load(Ordering::Acquire))"),
    ]),
    Mutant("lag-not-raised", "a change for which there is no room is lost", "loom events::lag_of_two", [
        (FEED, "        self.0.taken(1);\n        self.0.lag();\n", "        self.0.taken(1);\n"),
    ]),
    Mutant("lag-relaxed", "who takes the flag does not see what was missed", "loom events::lag_of_two", [
        (FEED, "self.lags.fetch_or(1, Ordering::Release)", "self.lags.fetch_or(1, Ordering::Relaxed)"),
    ]),
    Mutant("lag-by-store", "who takes the flag sees what the last one to raise it did", "loom events::lag_of_two", [
        (FEED, "self.lags.fetch_or(1, Ordering::Release)", "self.lags.store(1, Ordering::Release)"),
    ]),
    Mutant("lag-not-first", "a subscription that lags goes on where it was", "loom events::lag_beside_register", [
        (EVENTS, "            self.restart();\n", ""),
    ]),
    Mutant("feed-relaxed", "a change is in the list before it is written", "loom events::next_beside_register", [
        (FEED, "compare_exchange_weak(older, node, Ordering::Release, Ordering::Relaxed)",
         "compare_exchange_weak(older, node, Ordering::Relaxed, Ordering::Relaxed)"),
    ]),
    Mutant("late-end-believed", "the end of an earlier session is taken for that of the one that is known", "loom events::last_leaves_first_joins", [
        (EVENTS, "is_some_and(|&known| known < sequence)", "is_some()"),
    ]),
    Mutant("earlier-session-not-ended", "a session begins while an earlier one is known, which is not ended", "loom events::last_leaves_first_joins", [
        (EVENTS, "                self.next = Some(PresenceEvent::Online((self.clone)(&key), sequence));\n                Some(PresenceEvent::Offline(key, before + 1))",
         "                Some(PresenceEvent::Online(key, sequence + 0 * before))"),
    ]),
    Mutant("told-and-not-marked", "a subscription is told and not woken", "loom events::next_beside_register", [
        (AUDIENCE, "                shard.mark_socket(spot, generation, Topics::UPDATE);\n",
         "                let _ = Topics::UPDATE;\n"),
    ]),
    Mutant("correction-not-noted", "a watch that begins before the key's count is corrected does not learn of that", "loom events::watch_beside_last_leaves_first_joins", [
        (REMOVAL, "notice.note(line.add(key));", "let _ = line.add(key);"),
    ]),
    Mutant("counts-not-told", "a socket that goes is not told to who watches the counts", "loom events::watch_beside_drop", [
        (REMOVAL, "notice.note(line.sub(Entry::new(true, is_last)));",
         "let _ = line.sub(Entry::new(true, is_last));"),
    ]),
    Mutant("drained-looks-too-early", "the wait for the last socket looks before it watches, and not after", "loom events::drained_beside_last_drop", [
        (COUNTS, "            let Some(counts) = counts else {\n                *counts = Some(registry.watch_counts());\n                continue;\n            };",
         "            let counts = counts.get_or_insert_with(|| registry.watch_counts());"),
    ]),
    # Takeover, and telling sockets to go.
    Mutant("announce-after-publish", "a socket that takes over is visible before it is the latest", "loom takeover::two_takeovers", [
        (MEMBERSHIP, "        if terms.takes_over {\n            member.announce(spot, &claimed);\n        }\n        let generation = claimed.occupy(metadata, terms.due);\n",
         "        let generation = claimed.occupy(metadata, terms.due);\n        if terms.takes_over {\n            member.announce(spot, generation);\n        }\n"),
        (MEMBERSHIP, "claimed: &Claimed<'_, M>) {\n        let heir = Heir { spot, generation: claimed.generation() };",
         "generation: crate::generation::Generation) {\n        let heir = Heir { spot, generation };"),
    ]),
    Mutant("version-not-advanced", "nobody learns that somebody takes over", "loom takeover::mark_beside_takeover", [
        (SUCCESSION, "self.version.fetch_add(1, Ordering::AcqRel)", "self.version.fetch_add(0, Ordering::AcqRel)"),
    ]),
    Mutant("gives-way-without-version", "who gives way to a later takeover does not step the version for it", "loom takeover::mark_beside_overtaken_takeover", [
        (TAKEOVER, "            succession.advance();\n            self.supersede(&key, heir", "            self.supersede(&key, heir"),
    ]),
    Mutant("supersedes-the-latest", "two takeovers supersede each other", "loom takeover::two_takeovers", [
        (TAKEOVER, "if other != heir && succession.is_latest(heir) {", "if other != heir {"),
    ]),
    Mutant("does-not-give-way", "who is overtaken stays", "loom takeover::two_takeovers", [
        (TAKEOVER, "if self.is_overtaken(&key, heir) {", "if false && self.is_overtaken(&key, heir) {"),
    ]),
    Mutant("due-not-passed-on", "what was due for a superseded socket is lost", "test --test api takeover::what_was_due_is_inherited", [
        (TAKEOVER, "        self.pass_on(key, due | missed, panics);\n", "        let _ = (due, missed);\n"),
    ]),
    Mutant("takeover-no-fence", "who takes over does not fence between its publication and its looks", "loom takeover::mark_of_all_beside_takeover", [
        (TAKEOVER, "        full_fence();\n", ""),
    ]),
    Mutant("mark-of-all-not-looked-at", "who takes over does not look for marks of all", "loom takeover::mark_of_all_beside_takeover_and_drop", [
        (TAKEOVER, "let missed = self.missed();", "let missed = Topics::EMPTY;"),
    ]),
    Mutant("undisturbed-looks-once", "a look at a key does not begin again", "loom takeover::mark_beside_takeover", [
        (SHARD, "if after == before {", "if after == before || true {"),
    ]),
    Mutant("supersede-not-corrected", "a socket that left before it could be superseded is counted out twice", "loom takeover::takeover_beside_drop", [
        (TAKEOVER, "            notice.note(line.add(entry));\n", ""),
    ]),
    Mutant("remove-not-corrected", "a socket that was superseded before it could leave is counted out twice", "loom takeover::takeover_beside_drop", [
        (REMOVAL, "                notice.note(self.ledger.line(self.index).add(Entry::new(true, is_last)));\n", ""),
    ]),
    Mutant("remark-not-passed-on", "topics that a superseded socket's owner gives back are lost", "test --test api takeover::what_an_old_owner_gives_back_goes_to_who_took_over", [
        ("src/socket.rs", "            self.shard.pass_on(&Found::now(table, bucket), topics, &mut panics);\n", "            let _ = Found::now(table, bucket);\n"),
    ]),
    Mutant("born-without-due", "a socket is not born due", "test --test concurrent model::tiny_limits", [
        (OCCUPANCY, "LIVE | u64::from(due.bits())", "LIVE | 0 * u64::from(due.bits())"),
    ]),
    Mutant("verdict-after-closed", "a socket is told to go before the reason is there", "loom closing::disconnect_beside_look", [
        (PLACE, "        self.decide(generation, why);\n        self.word.close(generation)\n",
         "        let marked = self.word.close(generation);\n        self.lease.decide(generation, why.verdict());\n        marked\n"),
    ]),
    Mutant("verdict-not-kept", "an owner is told another reason later", "test --test api close::who_was_told_of_a_shutdown_keeps_that_reason", [
        (PLACE, "why != Closed::Shutdown && !self.word.load().is_closed()", "why != Closed::Shutdown"),
    ]),
    Mutant("end-of-session-not-kept", "a session that has ended gets a number", "loom events::number_beside_end_and_next", [
        (SESSION, "compare_exchange(NONE, ENDED, Ordering::AcqRel", "compare_exchange(NONE, NONE, Ordering::AcqRel"),
    ]),
    Mutant("lag-not-told", "a subscription does not learn that it missed something", "loom events::lag_of_two", [
        (FEED, "        self.0.lag();\n", ""),
    ]),

    # The caller's panics.
    Mutant("panic-swallowed", "a panic of the caller's waker is kept for ever", "test --test user_code wakers::every_mark_reaches_all_sockets", [
        (PANICS, "            resume_unwind(panic);\n", "            drop(panic);\n"),
    ]),
    Mutant("clone-panic-not-a-lag", "a subscription for which the key's clone panics loses the change", "test --test user_code presence_panics::a_clone_that_panics_harms_nobody", [
        (FEED, "        let untold = Untold(self);\n", "        let untold = mem::ManuallyDrop::new(Untold(self));\n"),
        (FEED, "        if self.len.fetch_add(1, Ordering::Relaxed) >= self.capacity {\n            return;", "        if self.len.fetch_add(1, Ordering::Relaxed) >= self.capacity {\n            drop(mem::ManuallyDrop::into_inner(untold));\n            return;"),
    ]),
    Mutant("hearing-panic-not-a-lag", "a panic while a subscription listens loses what it heard", "test --test user_code presence_panics::a_clone_that_panics_harms_nobody", [
        (EVENTS, "        let hearing = Hearing(self);\n", "        let mut hearing = std::mem::ManuallyDrop::new(Hearing(self));\n"),
    ]),
    Mutant("feed-not-turned-round", "what was told last is heard first", "test --test api presence::events_are_for_the_first_socket_of_a_key_and_the_last", [
        (EVENTS, "let change = self.changes.pop()?;", "let change = (!self.changes.is_empty()).then(|| self.changes.remove(0))?;"),
    ]),
    Mutant("panic-at-once", "a waker's panic keeps a mark from the sockets after it", "test --test user_code wakers::every_mark_reaches_all_sockets", [
        (PANICS, "Err(panic) = catch_unwind(AssertUnwindSafe(f))", "Err(panic) = Ok::<(), Box<dyn Any + Send>>(f())"),
    ]),
]
