//! The order of versions of one key that are fetched at one moment.
//!
//! A row's write time is its record's time, in milliseconds, and where that is the same, the place of the record among
//! the thousand around it. A page may hold several versions of one key, further apart than that or on either side of a
//! thousand: the older one could win, or the two could mix. So no two of them get the same time.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::record::Record;

/// The last time that was given to each key, by the key's hash. Keys that share a hash get later times than they must,
/// by a millisecond each, which harms nobody.
#[derive(Debug, Default)]
pub(crate) struct Succession {
    hasher: RandomState,
    last: HashMap<u64, i64>,
}

impl Succession {
    /// Forgets keys whose last time lies before `fetched_at`, the time of the page that comes next.
    pub(crate) fn begin_page(&mut self, fetched_at: i64) {
        self.last.retain(|_, last| *last >= fetched_at);
    }

    /// Gives a record a time behind that of the version before it. Records come in the order of the source; those without
    /// a key are no versions of anything.
    pub(crate) fn order(&mut self, record: &mut Record) {
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
    fn a_key_that_comes_once_keeps_the_time_of_its_page() {
        let mut succession = Succession::default();
        succession.begin_page(5);
        for key in [b"a", b"b", b"c"] {
            let mut record = record(key, 5);
            succession.order(&mut record);
            assert_eq!(record.timestamp, 5);
        }
    }

    #[test]
    fn records_without_a_key_keep_their_time() {
        let mut succession = Succession::default();
        for _ in 0..2 {
            let mut record = Record::new(Vec::new(), None, 5);
            succession.order(&mut record);
            assert_eq!(record.timestamp, 5);
        }
    }

    #[test]
    fn what_lies_behind_is_forgotten() {
        let mut succession = Succession::default();
        for page in 0..10 {
            succession.begin_page(page);
            succession.order(&mut record(&page.to_be_bytes(), page));
            assert_eq!(succession.last.len(), 1);
        }
    }

    proptest! {
        #[test]
        fn versions_of_a_key_have_rising_times(
            pages in prop::collection::vec((0_i64..20, prop::collection::vec(0_u8..4, 0..50)), 1..10)
        ) {
            let mut succession = Succession::default();
            let mut last: HashMap<u8, i64> = HashMap::new();
            let mut fetched_at = 0;
            for (later, keys) in pages {
                fetched_at += later;
                succession.begin_page(fetched_at);
                for key in keys {
                    let mut record = record(&[key], fetched_at);
                    succession.order(&mut record);
                    prop_assert!(record.timestamp >= fetched_at);
                    prop_assert!(last.insert(key, record.timestamp).is_none_or(|last| last < record.timestamp));
                }
            }
        }
    }
}
