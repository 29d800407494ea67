//! Where a consumer group starts in a partition without a committed offset.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The pattern in the schema.
pub const STARTING_OFFSETS_PATTERN: &str = r"^(Earliest|Latest|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}))$";

/// `Earliest`, `Latest` or an RFC 3339 time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StartingOffsets {
    /// The oldest record of the topic.
    #[default]
    Earliest,
    /// The end of the topic at the first start.
    Latest,
    /// The first record whose Kafka timestamp is at or after this time.
    Time(Timestamp),
}

/// The text is neither `Earliest` nor `Latest` nor a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected Earliest, Latest or an RFC 3339 time such as 2026-01-31T00:00:00Z")]
pub struct StartingOffsetsError;

impl FromStr for StartingOffsets {
    type Err = StartingOffsetsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "Earliest" => Ok(Self::Earliest),
            "Latest" => Ok(Self::Latest),
            time => time.parse().map(Self::Time).map_err(|_| StartingOffsetsError),
        }
    }
}

impl fmt::Display for StartingOffsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Earliest => f.write_str("Earliest"),
            Self::Latest => f.write_str("Latest"),
            Self::Time(time) => write!(f, "{time}"),
        }
    }
}

impl Serialize for StartingOffsets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StartingOffsets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for StartingOffsets {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StartingOffsets".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": STARTING_OFFSETS_PATTERN, "maxLength": 40})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn start_is_earliest_latest_or_a_time() {
        assert_eq!("Earliest".parse(), Ok(StartingOffsets::Earliest));
        assert_eq!("Latest".parse(), Ok(StartingOffsets::Latest));
        let midnight = Timestamp::from_second(1_767_222_000).unwrap();
        assert_eq!("2026-01-01T00:00:00+01:00".parse(), Ok(StartingOffsets::Time(midnight)));
        for text in ["", "earliest", "yesterday", "2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T00:00:00"]
        {
            assert_eq!(text.parse::<StartingOffsets>(), Err(StartingOffsetsError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn printed_time_is_parsed_as_itself_and_matches_the_schema(
            millis in 0_i64..4_000_000_000_000,
        ) {
            let start = StartingOffsets::Time(Timestamp::from_millisecond(millis).unwrap());
            let text = start.to_string();
            prop_assert!(regex::Regex::new(STARTING_OFFSETS_PATTERN).unwrap().is_match(&text), "{}", text);
            prop_assert_eq!(text.parse(), Ok(start));
        }
    }
}
