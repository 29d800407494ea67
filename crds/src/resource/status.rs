//! `status`: the observed state of a pipeline.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The observed state of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineStatus {
    /// The generation of the spec that the operator last reconciled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// A summary for people; programs read the conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Ready, Reconciling and Stalled summarise the pipeline. TopicReady, TableReady, ProducerReady, ProcessorReady,
    /// FreshnessMet, ScalingActive, MonitoringReady, DeadLettersComplete and ReconciliationPaused are about parts of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The topic of the records, as provisioning last found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicStatus>,
    /// The table, as provisioning last found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableStatus>,
    /// The producer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub producer: Option<ProducerStatus>,
    /// The processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor: Option<ProcessorStatus>,
    /// The dead letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<DeadLetterStatus>,
    /// The changes that `mode: Apply` would make, one on each line, then the differences that it would leave.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<String>,
}

/// The reason of `Ready` until the operator first reconciles a pipeline.
pub const PENDING: &str = "Pending";

impl PipelineStatus {
    /// The status until the operator first reconciles a pipeline: the default in the CRD. Without it, `kubectl wait`
    /// and GitOps tools would take a pipeline without conditions for one that is done.
    #[must_use]
    pub fn pending() -> Self {
        let ready = Condition {
            type_: "Ready".to_owned(),
            status: "Unknown".to_owned(),
            reason: PENDING.to_owned(),
            message: "the operator has not reconciled it yet".to_owned(),
            // A default in the CRD cannot have the time of a pipeline's creation.
            last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
            observed_generation: None,
        };
        Self { phase: Some(Phase::Pending), conditions: vec![ready], ..Self::default() }
    }

    /// Whether the operator has not reconciled the pipeline yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.condition("Ready").is_some_and(|ready| ready.reason == PENDING)
    }

    /// The condition of this type.
    #[must_use]
    pub fn condition(&self, of: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == of)
    }

    /// Whether the condition of this type is true.
    #[must_use]
    pub fn holds(&self, of: &str) -> bool {
        self.condition(of).is_some_and(|condition| condition.status == "True")
    }
}

/// A summary for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Nothing has been provisioned yet.
    Pending,
    /// Topic and table are being provisioned.
    Provisioning,
    /// Records flow.
    Running,
    /// Records flow, but something needs attention.
    Degraded,
    /// Stopped by `suspend`.
    Suspended,
    /// Stopped by an error that only a change of the user ends.
    Failed,
}

/// The topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicStatus {
    /// The name of the topic.
    pub name: String,
    /// The id of the topic in Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
    /// The number of partitions.
    pub partitions: i32,
    /// The replication factor; 0 where it is unknown.
    pub replicas: i32,
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TableStatus {
    /// The keyspace of the table.
    pub keyspace: String,
    /// The name of the table.
    pub name: String,
    /// The id of the table in Cassandra.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_id: Option<String>,
    /// The last statement with which the pipeline changed the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ddl: Option<String>,
}

/// The producer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProducerStatus {
    /// The kind of the workload: Deployment or CronJob.
    pub kind: String,
    /// The name of the workload.
    pub name: String,
    /// When a run was last due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_schedule_time: Option<Time>,
    /// When a run last succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success_time: Option<Time>,
    /// The last `triggerNonce` that was acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_trigger_nonce: Option<i64>,
}

/// The processors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProcessorStatus {
    /// The number of processors.
    pub replicas: i32,
    /// The number of ready processors.
    pub ready_replicas: i32,
    /// The label selector of the processors' pods, for the scale subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// The records of the topic that are not processed yet; absent while unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<i64>,
    /// When the lag was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_observed_time: Option<Time>,
    /// When the last row was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_row_time: Option<Time>,
}

/// The dead letters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DeadLetterStatus {
    /// The number of dead letters; absent while unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<i64>,
}
