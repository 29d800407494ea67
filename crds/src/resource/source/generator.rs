//! `spec.source.generator`: synthetic users.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;
use crate::scalar::duration::GoDuration;

/// Generates synthetic users in the shape of the randomuser.me API. The same seed gives the same users in the same
/// order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GeneratorSpec {
    /// The seed of the sequence of users. Default: 1.
    pub seed: i64,
    /// The number of users of a run. Default: 50.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub records_per_interval: i32,
    /// The time from the start of one run of a `Continuous` source to the start of the next. A `Scheduled` one does not
    /// use it. Default: 1s.
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
    pub interval: GoDuration,
}

impl Default for GeneratorSpec {
    fn default() -> Self {
        Self { seed: 1, records_per_interval: 50, interval: GoDuration::from_secs(1) }
    }
}
