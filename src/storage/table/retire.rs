//! Retires a superseded table: finds out, a few steps at a time, that it is empty and stays empty.
//!
//! An inserter into a newer table does a few steps for each older one. The steps seal all homes of
//! the table, one after another, and then look at all buckets. They stop at a bucket that has a
//! key, and go on there when the key has left. No key enters a table whose homes are all sealed, so
//! a bucket that was seen without a key never has one again. After the last bucket the table is
//! empty for good, and the caller unlinks it.

use crate::storage::table::Table;
use crate::sync::Ordering;

/// How many homes or buckets one call looks at.
const STEPS: u32 = 8;

impl<K, M> Table<K, M> {
    /// Does a few more steps. Returns whether the table is empty for good. Precondition: there is a
    /// newer table.
    ///
    /// Lock-free: it seals homes as an inserter does.
    pub(crate) fn retire_some(&self) -> bool {
        // Ordering: Acquire, pairs with the Release below: what the earlier steps saw holds for
        // this thread, too.
        let begin = self.retired.load(Ordering::Acquire);
        let homes = self.homes.len() as u32;
        let end = homes + self.bucket_count();
        let mut done = begin;
        while done < end && done - begin < STEPS {
            if done < homes {
                self.seal_home(done as usize);
            } else if self.bucket(done - homes).key_state.load().is_occupied() {
                break;
            }
            done += 1;
        }
        if done > begin {
            // Ordering: AcqRel. Release, with the steps of this call. Acquire, as the load, so that
            // the word passes on the steps of every thread that stepped it.
            self.retired.fetch_max(done, Ordering::AcqRel);
        }
        done == end
    }
}
