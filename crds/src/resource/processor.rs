//! `spec.processor`: from the topic to the table.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;
use crate::scalar::duration::GoDuration;
use crate::scalar::starting_offsets::StartingOffsets;

/// How records go from the topic to the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    rules::cel(
        &rules::CONSUMER_GROUP_KEPT,
        "has(self.consumerGroup) == has(oldSelf.consumerGroup) \
         && (!has(self.consumerGroup) || self.consumerGroup == oldSelf.consumerGroup)",
    ),
]))]
pub struct ProcessorSpec {
    /// How many processors share the partitions; more than there are partitions stand idle. Used while `autoscaling` is
    /// off. Default: 1.
    #[schemars(range(min = 0, max = 10_000))]
    pub replicas: i32,
    /// The consumer group. It cannot be changed. Default: `<namespace>.<name>` of the pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 249))]
    #[schemars(extend("x-kubernetes-validations" = [
        rules::cel(&rules::CONSUMER_GROUP, "self.matches('^[!-~]+$')"),
    ]))]
    pub consumer_group: Option<String>,
    /// Where the group begins at its first start: `Earliest`, `Latest`, or an RFC 3339 time. From then on the committed
    /// offsets count. Default: Earliest.
    pub starting_offsets: StartingOffsets,
    /// How many records a second all processors of the pipeline read together at most; 0 is no cap. Default: 0.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub max_records_per_second: i32,
    /// A CEL expression over the fields, for example `nat != 'XX'`: only records for which it is true reach the table.
    /// Default: all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub filter: Option<String>,
    /// How far event time has come. Needed by `aggregations`. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<WatermarkSpec>,
    /// Drops records whose key was seen before. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dedupe: Option<DedupeSpec>,
    /// Windowed aggregates, each written to a table of its own. Default: none.
    #[schemars(length(max = 16))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub aggregations: Vec<AggregationSpec>,
}

impl Default for ProcessorSpec {
    fn default() -> Self {
        Self {
            replicas: 1,
            consumer_group: None,
            starting_offsets: StartingOffsets::Earliest,
            max_records_per_second: 0,
            filter: None,
            watermark: None,
            dedupe: None,
            aggregations: Vec::new(),
        }
    }
}

/// How far event time has come: the largest value of `field` less `maxDelay`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WatermarkSpec {
    /// The required timestamp field that holds the time of the event.
    #[schemars(length(min = 1, max = 48))]
    pub field: String,
    /// How far out of order events may come. Default: 2m.
    #[serde(default = "max_delay")]
    pub max_delay: GoDuration,
}

fn max_delay() -> GoDuration {
    GoDuration::from_secs(120)
}

/// Drops records whose key was seen before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DedupeSpec {
    /// How much event time back a key is remembered, for example 10m.
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
    pub within: GoDuration,
}

/// A windowed aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AggregationSpec {
    /// The name of the aggregate: a lower-case letter, then up to 47 lower-case letters, digits or underscores.
    #[schemars(length(min = 1, max = 48))]
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(&rules::IDENTIFIER, rules::IDENTIFIER_CEL)]))]
    pub name: String,
    /// The required fields whose values make a group. Default: all records are one group.
    #[serde(default)]
    #[schemars(length(max = 8), inner(length(min = 1, max = 48)))]
    pub group_by: Vec<String>,
    /// The window of event time that is aggregated.
    pub window: WindowSpec,
    /// How long after the watermark has passed the end of a window records still change it. Default: 0s.
    #[serde(default)]
    pub allowed_lateness: GoDuration,
    /// What is computed: the column's name, and `count()`, or `min(field)`, `max(field)` or `sum(field)`.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 16, "additionalProperties" = {"type": "string", "maxLength": 64}))]
    pub select: BTreeMap<String, String>,
    /// The table that it is written to. Default: the name of the aggregate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 48))]
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(&rules::IDENTIFIER, rules::IDENTIFIER_CEL)]))]
    pub table: Option<String>,
}

/// The window of an aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowSpec {
    /// The kind of window: `Tumbling` windows follow each other without a gap or an overlap. Default: Tumbling.
    #[serde(rename = "type", default)]
    pub kind: WindowType,
    /// The length of a window, for example 1m.
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
    pub size: GoDuration,
}

/// The kinds of windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WindowType {
    /// Windows of one length that follow each other without a gap or an overlap.
    #[default]
    Tumbling,
}
