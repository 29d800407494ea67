//! The metadata of a commit: when the group first started, and what the consumer stored beside its offset.
//!
//! Kafka keeps one text with each committed offset and replaces it with every commit, also with none. So every commit
//! carries all of it: `first-start=1700000000000 key=value ...`.

use crate::log::{CommitMetadata, MAX_COMMIT_METADATA};

const FIRST_START: &str = "first-start=";

/// The metadata of one partition's commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StoredMetadata {
    /// When the group first started, in milliseconds since the Unix epoch.
    pub(super) first_start: Option<i64>,
    /// What the consumer stored.
    pub(super) consumer: CommitMetadata,
}

impl StoredMetadata {
    /// Reads a commit's metadata. Text that is not `key=value` pairs is another tool's, and is ignored.
    pub(super) fn parse(text: &str) -> Self {
        let mut stored = Self::default();
        if text.len() > MAX_COMMIT_METADATA || !text.split_ascii_whitespace().all(|pair| pair.contains('=')) {
            return stored;
        }
        let consumer: Vec<&str> = text
            .split_ascii_whitespace()
            .filter(|pair| match pair.strip_prefix(FIRST_START) {
                Some(time) => {
                    stored.first_start = time.parse().ok();
                    false
                }
                None => true,
            })
            .collect();
        stored.consumer = CommitMetadata(consumer.join(" "));
        stored
    }

    /// The text to commit.
    pub(super) fn to_text(&self) -> String {
        match (self.first_start, self.consumer.0.as_str()) {
            (None, consumer) => consumer.to_owned(),
            (Some(time), "") => format!("{FIRST_START}{time}"),
            (Some(time), consumer) => format!("{FIRST_START}{time} {consumer}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn metadata_of_other_tools_is_ignored() {
        for text in ["", "Flink checkpoint 7", "first-start=soon", &"a=b ".repeat(2_000)] {
            assert_eq!(StoredMetadata::parse(text).first_start, None, "{text}");
        }
        assert_eq!(StoredMetadata::parse("checkpoint 7"), StoredMetadata::default());
    }

    proptest! {
        #[test]
        fn stored_metadata_is_read_back(
            first_start in prop::option::of(any::<i64>()),
            pairs in prop::collection::vec("[a-z]{1,8}=[a-z0-9:.]{0,12}", 0..6),
        ) {
            let stored = StoredMetadata { first_start, consumer: CommitMetadata(pairs.join(" ")) };
            prop_assert_eq!(StoredMetadata::parse(&stored.to_text()), stored);
        }

        #[test]
        fn any_text_is_parsed_without_panic(text: String) {
            let _ = StoredMetadata::parse(&text);
        }
    }
}
