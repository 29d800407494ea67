//! `spec.objectives` and `spec.observability`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;
use crate::scalar::duration::GoDuration;

/// What the pipeline is meant to reach; reported as conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectivesSpec {
    /// How old a record may be, from its Kafka timestamp, when its row is written, for example 30s. Default: no objective.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
    pub freshness: Option<GoDuration>,
}

/// How the pipeline is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ObservabilitySpec {
    /// How much the worker logs: error, warn, info, debug or trace. Default: info.
    pub log_level: LogLevel,
    /// Whether a PodMonitor is created for the Prometheus operator. Default: false.
    pub pod_monitor: bool,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What failed for good.
    Error,
    /// What failed and is tried again.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// Why it happens.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The name of the level as `tracing` reads it.
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
