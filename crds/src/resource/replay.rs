//! `spec.replay`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sends a part of the topic through the processor again, beside the running pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplaySpec {
    /// A new value starts a replay, once. Default: 0.
    pub nonce: i64,
    /// The RFC 3339 Kafka timestamp to begin at. Default: the oldest record that the topic still has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub from: Option<String>,
    /// The RFC 3339 Kafka timestamp to end before. Default: the end of the topic when the replay starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub to: Option<String>,
    /// How many records a second it reads at most. Default: 2000.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_records_per_second: i32,
}

impl Default for ReplaySpec {
    fn default() -> Self {
        Self { nonce: 0, from: None, to: None, max_records_per_second: 2000 }
    }
}
