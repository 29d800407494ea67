//! Strictly increasing timestamps for the versions of one key.
//!
//! A row's write time is its record's time in milliseconds and, within one millisecond, the offset modulo a thousand. A
//! page may hold several versions of one key, a thousand records apart or on both sides of a multiple of a thousand.
//! The older version could win, or the two could mix. So no two versions of a key get the same timestamp.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::record::Record;

/// The last timestamp of each key, by the key's hash. Keys with equal hashes get later timestamps than necessary, by a
/// millisecond each, which is harmless.
#[derive(Debug, Default)]
pub(crate) struct MonotonicTimestamps {
    hasher: RandomState,
    last: HashMap<u64, i64>,
}

impl MonotonicTimestamps {
    /// Forgets keys whose last timestamp is before `fetched_at`, the time of the next page.
    pub(crate) fn begin_page(&mut self, fetched_at: i64) {
        self.last.retain(|_, last| *last >= fetched_at);
    }

    /// Moves the timestamp of a record behind that of the previous version of its key. Records arrive in the order of
    /// the source. A record without a key has no versions.
    pub(crate) fn assign(&mut self, record: &mut Record) {
        let Some(key) = record.key() else { return };
        let key = self.hasher.hash_one(key);
        if let Some(last) = self.last.get(&key) {
            record.timestamp = record.timestamp.max(last.saturating_add(1));
        }
        self.last.insert(key, record.timestamp);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(key: &[u8], timestamp: i64) -> Record {
        Record::new(Vec::new(), Some(b"{}"), timestamp).with_key(key)
    }

    #[test]
    fn first_version_of_a_key_keeps_the_time_of_its_page() {
        let mut timestamps = MonotonicTimestamps::default();
        timestamps.begin_page(5);
        for key in [b"a", b"b", b"c"] {
            let mut record = record(key, 5);
            timestamps.assign(&mut record);
            assert_eq!(record.timestamp, 5);
        }
    }

    #[test]
    fn records_without_a_key_keep_their_time() {
        let mut timestamps = MonotonicTimestamps::default();
        for _ in 0..2 {
            let mut record = Record::new(Vec::new(), None, 5);
            timestamps.assign(&mut record);
            assert_eq!(record.timestamp, 5);
        }
    }

    #[test]
    fn keys_of_earlier_pages_are_forgotten() {
        let mut timestamps = MonotonicTimestamps::default();
        for page in 0..10 {
            timestamps.begin_page(page);
            timestamps.assign(&mut record(&page.to_be_bytes(), page));
            assert_eq!(timestamps.last.len(), 1);
        }
    }

    proptest! {
        #[test]
        fn versions_of_a_key_have_increasing_timestamps(
            pages in prop::collection::vec((0_i64..20, prop::collection::vec(0_u8..4, 0..50)), 1..10)
        ) {
            let mut timestamps = MonotonicTimestamps::default();
            let mut last: HashMap<u8, i64> = HashMap::new();
            let mut fetched_at = 0;
            for (later, keys) in pages {
                fetched_at += later;
                timestamps.begin_page(fetched_at);
                for key in keys {
                    let mut record = record(&[key], fetched_at);
                    timestamps.assign(&mut record);
                    prop_assert!(record.timestamp >= fetched_at);
                    prop_assert!(last.insert(key, record.timestamp).is_none_or(|last| last < record.timestamp));
                }
            }
        }
    }
}
