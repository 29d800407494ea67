//! `spec.delivery`: the delivery guarantee, and what happens to records that fail.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// The delivery guarantee, and what happens to records that fail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    rules::cel(&rules::NO_SKIP, "self.guarantee != 'EffectivelyOnce' || self.onError != 'Skip'"),
]))]
pub struct DeliverySpec {
    /// `EffectivelyOnce`: after any failure and repetition, the table is as if each record had been written once; a
    /// pipeline for which that cannot hold is refused. `AtLeastOnce` accepts it: nothing is lost, and a repetition may
    /// leave more rows. Default: EffectivelyOnce.
    pub guarantee: Guarantee,
    /// What happens to a record that cannot be mapped, decoded or written: `DeadLetter` appends it to the dead-letter
    /// topic, `Skip` counts and drops it, `Fail` ends the worker at the first one. Default: DeadLetter.
    pub on_error: OnErrorPolicy,
    /// The topic of records that failed, with their original bytes and the reason. Used by `onError: DeadLetter`.
    pub dead_letter: DeadLetterSpec,
}

/// The delivery guarantee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Guarantee {
    /// Nothing is lost; a repetition may leave more rows.
    AtLeastOnce,
    /// The table is as if each record had been written once.
    #[default]
    EffectivelyOnce,
}

/// What happens to a record that fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnErrorPolicy {
    /// It goes to the dead-letter topic.
    #[default]
    DeadLetter,
    /// It is counted and dropped.
    Skip,
    /// It ends the worker.
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
    /// The number of partitions. It can grow, never shrink. Default: 1.
    #[schemars(range(min = 1, max = 10_000))]
    pub partitions: i32,
    /// Settings of the topic under Kafka's own names. Values are text: quote numbers. Unless they are listed,
    /// `retention.ms` is "-1", so that dead letters are kept until you delete them, and `max.message.bytes` has room for
    /// records of up to 16 MiB. Default: none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64, "additionalProperties" = {"type": "string", "maxLength": 1024}))]
    pub config: BTreeMap<String, String>,
    /// A greater value than before sends the dead letters through the pipeline again, once. Default: 0.
    pub redrive_nonce: i64,
}

impl Default for DeadLetterSpec {
    fn default() -> Self {
        Self { topic_name: None, partitions: 1, config: BTreeMap::new(), redrive_nonce: 0 }
    }
}
