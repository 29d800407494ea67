//! `spec.delivery`: what is guaranteed, and what becomes of records that fail.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// What is guaranteed, and what becomes of records that fail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    rules::cel(&rules::NO_SKIP, "self.guarantee != 'EffectivelyOnce' || self.onError != 'Skip'"),
]))]
pub struct DeliverySpec {
    /// `EffectivelyOnce`: whatever fails and is repeated, the table ends as if every record had been written once; the
    /// pipeline is refused where that cannot hold. `AtLeastOnce`: nothing is lost, a repetition may show. Default:
    /// EffectivelyOnce.
    pub guarantee: Guarantee,
    /// What becomes of a record that cannot be mapped, decoded or written: it goes to the dead-letter topic
    /// (`DeadLetter`), is counted and left out (`Skip`), or stops the pipeline (`Fail`). Default: DeadLetter.
    pub on_error: OnErrorPolicy,
    /// The topic of records that failed, with their original bytes and the reason. Used by `onError: DeadLetter`.
    pub dead_letter: DeadLetterSpec,
}

/// What is guaranteed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Guarantee {
    /// Nothing is lost, a repetition may show.
    AtLeastOnce,
    /// The table ends as if every record had been written once.
    #[default]
    EffectivelyOnce,
}

/// What becomes of a record that fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnErrorPolicy {
    /// It goes to the dead-letter topic.
    #[default]
    DeadLetter,
    /// It is counted and left out.
    Skip,
    /// It stops the pipeline.
    Fail,
}

/// The topic of records that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DeadLetterSpec {
    /// The name of the topic. Default: `<topic>.dlq`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 249))]
    #[schemars(extend("x-kubernetes-validations" = [
        rules::cel(&rules::TOPIC_NAME, "self.matches('^[a-zA-Z0-9._-]+$') && !(self in ['.', '..'])"),
    ]))]
    pub topic_name: Option<String>,
    /// How many partitions it has. Default: 1.
    #[schemars(range(min = 1, max = 10_000))]
    pub partitions: i32,
    /// Settings of the topic in Kafka's own names. Values are text: quote numbers. `retention.ms` is "-1" unless it is set here:
    /// dead letters are kept until you delete them. Default: none.
    #[schemars(extend("maxProperties" = 64, "additionalProperties" = {"type": "string", "maxLength": 1024}))]
    pub config: BTreeMap<String, String>,
    /// A greater value than the last one sends the dead letters through the pipeline again, once. Default: 0.
    pub redrive_nonce: i64,
}

impl Default for DeadLetterSpec {
    fn default() -> Self {
        Self { topic_name: None, partitions: 1, config: BTreeMap::new(), redrive_nonce: 0 }
    }
}
