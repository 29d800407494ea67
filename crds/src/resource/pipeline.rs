//! The resource: its spec, and the object around it.

#![cfg_attr(
    feature = "kubernetes",
    allow(clippy::duplicated_attributes, reason = "every printer column declares a type")
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

/// A streaming pipeline: the source of its records, their schema, the Kafka topic that carries them, how they are
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
        doc = "A streaming pipeline: the source of its records, their schema, the Kafka topic that carries them, how they are processed, and the Cassandra table that they end in.",
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
    /// Stops the processors and the producer, and starts no run and no provisioning; a run in progress ends. Topics,
    /// table and data stay. Default: false.
    #[serde(default)]
    pub suspend: bool,
    /// `Apply` makes changes. `Plan` computes them, reports them in `status.plan`, and leaves everything as it is.
    /// Default: Apply.
    #[serde(default)]
    pub mode: Mode,
    /// Where records come from. Without it, the pipeline processes a topic that others fill. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceSpec>,
    /// The fields of a record: the one declaration for the mapping, the topic's encoding and the table's types.
    pub schema: RecordSchemaSpec,
    /// The Kafka cluster and the topic that carries the records.
    pub kafka: KafkaSpec,
    /// How records go from the topic to the table.
    #[serde(default)]
    pub processor: ProcessorSpec,
    /// The table that records end in.
    pub sink: SinkSpec,
    /// The delivery guarantee, and what happens to records that fail.
    #[serde(default)]
    pub delivery: DeliverySpec,
    /// Processes a part of the topic again.
    #[serde(default)]
    pub replay: ReplaySpec,
    /// Scales the processors with their lag.
    #[serde(default)]
    pub autoscaling: AutoscalingSpec,
    /// Objectives of the pipeline. Conditions report whether they are met.
    #[serde(default)]
    pub objectives: ObjectivesSpec,
    /// Logs and metrics.
    #[serde(default)]
    pub observability: ObservabilitySpec,
    /// Settings of every pod of the pipeline.
    #[serde(default)]
    pub template: TemplateSpec,
}

/// A streaming pipeline, as read from a file.
#[cfg(not(feature = "kubernetes"))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserStreamPipeline {
    /// Its name and namespace.
    pub metadata: crate::resource::kubernetes::ObjectMeta,
    /// Its desired state.
    pub spec: PipelineSpec,
}

/// Whether changes are made or only computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// Changes are made.
    #[default]
    Apply,
    /// Changes are computed and reported.
    Plan,
}
