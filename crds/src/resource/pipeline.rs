//! The resource itself.

#![cfg_attr(
    feature = "kubernetes",
    allow(clippy::duplicated_attributes, reason = "each printer column has a type of its own")
)]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::autoscaling::AutoscalingSpec;
use crate::resource::cross_rules;
use crate::resource::delivery::DeliverySpec;
use crate::resource::kafka::KafkaSpec;
use crate::resource::observability::{ObjectivesSpec, ObservabilitySpec};
use crate::resource::processor::ProcessorSpec;
use crate::resource::record_schema::RecordSchemaSpec;
use crate::resource::replay::ReplaySpec;
use crate::resource::sink::SinkSpec;
use crate::resource::source::SourceSpec;
#[cfg(feature = "kubernetes")]
use crate::resource::status::PipelineStatus;
use crate::resource::template::TemplateSpec;

/// A streaming pipeline: where records come from, what they look like, the Kafka topic that carries them, how they are
/// processed, and the Cassandra table that they end in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(
    feature = "kubernetes",
    derive(kube::CustomResource),
    kube(
        group = "userstream.dev",
        version = "v1alpha1",
        kind = "UserStreamPipeline",
        plural = "userstreampipelines",
        singular = "userstreampipeline",
        shortname = "usp",
        category = "streaming",
        namespaced,
        status = "PipelineStatus",
        derive = "PartialEq",
        doc = "A streaming pipeline: where records come from, what they look like, the Kafka topic that carries them, how they are processed, and the Cassandra table that they end in.",
        scale(
            spec_replicas_path = ".spec.processor.replicas",
            status_replicas_path = ".status.processor.replicas",
            label_selector_path = ".status.processor.selector"
        ),
        printcolumn(
            name = "Ready",
            type_ = "string",
            json_path = r#".status.conditions[?(@.type=="Ready")].status"#
        ),
        printcolumn(
            name = "Status",
            type_ = "string",
            json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
        ),
        printcolumn(name = "Schedule", type_ = "string", json_path = ".spec.source.schedule.cron"),
        printcolumn(name = "Lag", type_ = "integer", json_path = ".status.processor.lag"),
        printcolumn(name = "DLQ", type_ = "integer", json_path = ".status.deadLetter.depth"),
        printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
        printcolumn(name = "Topic", type_ = "string", json_path = ".spec.kafka.topic.name", priority = 1),
        printcolumn(
            name = "Table",
            type_ = "string",
            json_path = ".spec.sink.cassandra.table.name",
            priority = 1
        ),
        printcolumn(
            name = "Processors",
            type_ = "integer",
            json_path = ".status.processor.readyReplicas",
            priority = 1
        ),
        printcolumn(
            name = "Message",
            type_ = "string",
            json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
            priority = 1
        )
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cross_rules::all()))]
pub struct PipelineSpec {
    /// Stops the pipeline's work and keeps everything it made. Default: false.
    #[serde(default)]
    pub suspend: bool,
    /// `Apply` makes changes; `Plan` computes them, reports them in `status.plan` and makes none. Default: Apply.
    #[serde(default)]
    pub mode: Mode,
    /// Where records come from. Leave it out to process a topic that others fill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceSpec>,
    /// What a record looks like: the one source of truth for the mapping, the topic's encoding and the table's types.
    pub schema: RecordSchemaSpec,
    /// The Kafka cluster and the topic that carries the records.
    pub kafka: KafkaSpec,
    /// How records go from the topic to the table.
    #[serde(default)]
    pub processor: ProcessorSpec,
    /// The table that records end in.
    pub sink: SinkSpec,
    /// What is guaranteed, and what becomes of records that fail.
    #[serde(default)]
    pub delivery: DeliverySpec,
    /// Sends a part of the topic through the processor again.
    #[serde(default)]
    pub replay: ReplaySpec,
    /// Scales the processors with the lag.
    #[serde(default)]
    pub autoscaling: AutoscalingSpec,
    /// What the pipeline is meant to reach; reported as conditions.
    #[serde(default)]
    pub objectives: ObjectivesSpec,
    /// How the pipeline is watched.
    #[serde(default)]
    pub observability: ObservabilitySpec,
    /// What is set on every pod of the pipeline.
    #[serde(default)]
    pub template: TemplateSpec,
}

/// A streaming pipeline, as it is read from a file.
#[cfg(not(feature = "kubernetes"))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserStreamPipeline {
    /// Who it is.
    pub metadata: crate::resource::kubernetes::ObjectMeta,
    /// What it is to be.
    pub spec: PipelineSpec,
}

/// Whether changes are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// They are.
    #[default]
    Apply,
    /// They are computed and reported.
    Plan,
}
