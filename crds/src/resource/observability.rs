//! `spec.objectives` and `spec.observability`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;
use crate::scalar::duration::GoDuration;

/// Objectives of the pipeline. Conditions report whether they are met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectivesSpec {
    /// The age that 99 of 100 rows have at most when they are written, from the record's Kafka timestamp, for example
    /// 30s. The condition `FreshnessMet` reports it. Default: no objective.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
    pub freshness: Option<GoDuration>,
}

/// Logs and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ObservabilitySpec {
    /// The log level of the workers: error, warn, info, debug or trace. Default: info.
    pub log_level: LogLevel,
    /// Whether the operator creates a PodMonitor, with which the Prometheus operator scrapes the workers. Default:
    /// false.
    pub pod_monitor: bool,
}

/// The log level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures that end something.
    Error,
    /// Failures that are retried.
    Warn,
    /// Events of normal operation.
    #[default]
    Info,
    /// Causes of events.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The name of the level in `tracing`'s filters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
