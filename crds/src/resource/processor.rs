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
    /// The number of processors, at most one for each partition. Not used while `autoscaling` is on. Default: 1.
    #[schemars(range(min = 0, max = 10_000))]
    pub replicas: i32,
    /// The consumer group. It cannot change. Default: `<namespace>.<name>` of the pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 249))]
    #[schemars(extend("x-kubernetes-validations" = [
        rules::cel(&rules::CONSUMER_GROUP, "self.matches('^[!-~]+$')"),
    ]))]
    pub consumer_group: Option<String>,
    /// Where the group starts in a partition for which it has committed no offset: `Earliest`, `Latest`, which is the end
    /// of the topic when the group first started, or an RFC 3339 time. Default: Earliest.
    pub starting_offsets: StartingOffsets,
    /// The most records per second that all processors read together; 0 is no limit. Default: 0.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub max_records_per_second: i32,
    /// A CEL expression over the fields, for example `nat != 'XX'`: only records for which it is true are written to
    /// the table. Default: all records are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub filter: Option<String>,
    /// The progress of event time, which closes windows. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<WatermarkSpec>,
    /// Drops records with a key that was processed before. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dedupe: Option<DedupeSpec>,
    /// Windowed aggregations, each written to a separate table. Default: none.
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

/// The progress of event time: the greatest value of `field` less `maxDelay`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WatermarkSpec {
    /// The required timestamp field that holds the time of the event.
    #[schemars(length(min = 1, max = 48))]
    pub field: String,
    /// How far out of order events may arrive. Default: 2m.
    #[serde(default = "max_delay")]
    pub max_delay: GoDuration,
}

fn max_delay() -> GoDuration {
    GoDuration::from_secs(120)
}

/// Drops records with a key that was processed before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DedupeSpec {
    /// How long a key is stored, in event time, for example 10m.
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
    pub within: GoDuration,
}

/// A windowed aggregation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AggregationSpec {
    /// The name of the aggregation: a lower-case letter, then up to 47 lower-case letters, digits or underscores.
    #[schemars(length(min = 1, max = 48))]
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(&rules::IDENTIFIER, rules::IDENTIFIER_CEL)]))]
    pub name: String,
    /// The required fields whose values form a group. Default: all records are one group.
    #[serde(default)]
    #[schemars(length(max = 8), inner(length(min = 1, max = 48)))]
    pub group_by: Vec<String>,
    /// The window of event time that is aggregated.
    pub window: WindowSpec,
    /// How long records still change a window after the watermark has passed its end. Default: 0s.
    #[serde(default)]
    pub allowed_lateness: GoDuration,
    /// The computed columns: a name, and `count()`, `min(field)`, `max(field)` or `sum(field)`.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 16, "additionalProperties" = {"type": "string", "maxLength": 64}))]
    pub select: BTreeMap<String, String>,
    /// The table that it is written to. Default: the name of the aggregation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 48))]
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(&rules::IDENTIFIER, rules::IDENTIFIER_CEL)]))]
    pub table: Option<String>,
}

/// The window of an aggregation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowSpec {
    /// The kind of window: `Tumbling` windows neither overlap nor leave gaps. Default: Tumbling.
    #[serde(rename = "type", default)]
    pub kind: WindowType,
    /// The length of a window, for example 1m.
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
    pub size: GoDuration,
}

/// The kinds of windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WindowType {
    /// Windows of one length that neither overlap nor leave gaps.
    #[default]
    Tumbling,
}
