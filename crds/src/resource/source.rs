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

/// Where records come from and when they are fetched. Without it, the pipeline processes a topic that others fill.
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
    /// When to fetch. `Continuous`: a producer stays and fetches every `interval`. `Scheduled`: a producer is started
    /// at the times of `schedule.cron`, for one run. Default: Continuous.
    #[serde(default)]
    pub mode: SourceMode,
    /// When a `Scheduled` source runs. A `Continuous` one does not use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleSpec>,
    /// A greater value than before runs the producer once, now, in either mode. Default: 0.
    #[serde(default)]
    pub trigger_nonce: i64,
    /// Fetch records from an HTTP API. Exactly one of `http` and `generator` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSpec>,
    /// Generate synthetic users in the shape of the randomuser.me API, without a network. Exactly one of `http` and
    /// `generator` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<GeneratorSpec>,
}

/// When a source fetches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SourceMode {
    /// Every `interval`: a Deployment.
    #[default]
    Continuous,
    /// At the times of a cron expression: a CronJob.
    Scheduled,
}

impl SourceMode {
    /// The text of the field.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Continuous => "Continuous",
            Self::Scheduled => "Scheduled",
        }
    }
}
