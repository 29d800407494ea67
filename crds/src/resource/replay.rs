//! `spec.replay`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Processes a part of the topic again, beside the running processors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplaySpec {
    /// A greater value than before starts a replay, once. Default: 0.
    pub nonce: i64,
    /// The Kafka timestamp to start at, in RFC 3339. Default: the oldest record of the topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub from: Option<String>,
    /// The Kafka timestamp to end before, in RFC 3339. Default: the end of the topic when the replay starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub to: Option<String>,
    /// The most records per second that the replay reads. Default: 2000.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_records_per_second: i32,
}

impl Default for ReplaySpec {
    fn default() -> Self {
        Self { nonce: 0, from: None, to: None, max_records_per_second: 2000 }
    }
}
