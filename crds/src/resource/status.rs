//! `status`: what the operator has seen.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator has seen of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// A summary for people; programs read the conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Ready, Reconciling and Stalled sum up the rest: TopicReady, TableReady, SchemaReady, ProducerReady, ProcessorReady,
    /// FreshnessMet and ReconciliationPaused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicStatus>,
    /// The table.
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
    /// What `mode: Plan` would change, one change a line; then what differs and would be left as it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<String>,
}

/// The reason of `Ready` until the operator says anything of a pipeline.
pub const PENDING: &str = "Pending";

impl PipelineStatus {
    /// What a pipeline says before the operator does: the default in the definition. Whoever waits for one that nobody has looked
    /// at would otherwise take it for one that has nothing to say, and for done.
    #[must_use]
    pub fn pending() -> Self {
        let ready = Condition {
            type_: "Ready".to_owned(),
            status: "Unknown".to_owned(),
            reason: PENDING.to_owned(),
            message: "the operator has not looked at it yet".to_owned(),
            // Nobody knows the time while a definition is written.
            last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
            observed_generation: None,
        };
        Self { phase: Some(Phase::Pending), conditions: vec![ready], ..Self::default() }
    }

    /// Whether nobody has said anything of the pipeline yet.
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
    /// Nothing was done yet.
    Pending,
    /// Topic and table are being made.
    Provisioning,
    /// Records flow.
    Running,
    /// Records flow, but something needs attention.
    Degraded,
    /// Stopped by `suspend`.
    Suspended,
    /// Stopped by an error that does not go away by itself.
    Failed,
}

/// The topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicStatus {
    /// The name of the topic.
    pub name: String,
    /// Its id in Kafka, recorded when this pipeline created or adopted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
    /// How many partitions it has.
    pub partitions: i32,
    /// How many copies of it are kept.
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
    /// Its id in Cassandra, recorded when this pipeline created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_id: Option<String>,
    /// The last statement that changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ddl: Option<String>,
}

/// The producer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProducerStatus {
    /// Deployment or CronJob.
    pub kind: String,
    /// The name of the workload.
    pub name: String,
    /// When a run was last due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_schedule_time: Option<Time>,
    /// When a run last ended well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success_time: Option<Time>,
    /// The `triggerNonce` that was last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_trigger_nonce: Option<i64>,
}

/// The processors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProcessorStatus {
    /// How many there are.
    pub replicas: i32,
    /// How many of them are ready.
    pub ready_replicas: i32,
    /// The label selector of their pods, for the scale subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// How many records of the topic are not written yet; absent while unknown.
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
    /// How many there are; absent while unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<i64>,
}
