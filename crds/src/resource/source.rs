//! `spec.source`: where records come from.

mod auth;
mod generator;
mod http;
mod pagination;
mod schedule;

pub use auth::{AuthSpec, AuthType};
pub use generator::GeneratorSpec;
pub use http::{Emit, HttpMethod, HttpSpec, RateLimitSpec, RetrySpec, TrustSpec};
pub use pagination::{PaginationSpec, PaginationType};
pub use schedule::{ConcurrencyPolicy, ScheduleSpec};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// Where records come from and when they are fetched. Leave `source` out to process a topic that others fill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rules::cel(&rules::ONE_SOURCE, "has(self.http) != has(self.generator)"),
    rules::cel(&rules::SCHEDULED_NEEDS_CRON, "self.mode != 'Scheduled' || has(self.schedule)"),
    rules::cel(
        &rules::CONTINUOUS_NEEDS_INTERVAL,
        "self.mode != 'Continuous' || !has(self.http) || has(self.generator) || has(self.http.interval)",
    ),
]))]
pub struct SourceSpec {
    /// When to fetch. `Continuous` keeps a producer running that fetches every `interval`; `Scheduled` starts one at the
    /// times of `schedule.cron`. Default: Continuous.
    #[serde(default)]
    pub mode: SourceMode,
    /// When a `Scheduled` source runs. Not used by a `Continuous` one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleSpec>,
    /// A new value runs the producer once, now, whatever the mode. Default: 0.
    #[serde(default)]
    pub trigger_nonce: i64,
    /// Fetch records from an HTTP API. Exactly one of `http` and `generator` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSpec>,
    /// Make up users in the shape of the randomuser.me API; needs no network. Exactly one of `http` and `generator` is
    /// set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<GeneratorSpec>,
}

/// When a source fetches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SourceMode {
    /// All the time, every `interval`: a Deployment.
    #[default]
    Continuous,
    /// At the times of a cron expression: a CronJob.
    Scheduled,
}
