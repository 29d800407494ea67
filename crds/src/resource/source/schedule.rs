//! `spec.source.schedule`: when a scheduled source runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// When a scheduled source runs. The fields are those of a Kubernetes CronJob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleSpec {
    /// When to run, in five fields (minute, hour, day of month, month, day of week) or as one of `@hourly`, `@daily`,
    /// `@weekly`, `@monthly`, `@yearly` or `@every 1h30m`. Write the time zone into `timeZone`, not as a `TZ=` prefix.
    #[schemars(length(min = 1, max = 128))]
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(&rules::CRON, CRON_CEL)]))]
    pub cron: String,
    /// The time zone of `cron`, a name of the IANA database such as Europe/Berlin. Default: Etc/UTC.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// What happens when a run is due while the last one still works: `Forbid` skips the new run, `Allow` starts it
    /// beside the old one, `Replace` stops the old one first. Default: Forbid.
    #[serde(default)]
    pub concurrency_policy: ConcurrencyPolicy,
    /// How many seconds late a run may still start; later than that it is left out. Default: 120.
    #[serde(default = "starting_deadline")]
    #[schemars(range(min = 10, max = 604_800))]
    pub starting_deadline_seconds: i64,
    /// How many finished runs are kept to look at. Default: 3.
    #[serde(default = "history_limit")]
    #[schemars(range(min = 0, max = 100))]
    pub successful_jobs_history_limit: i32,
    /// How many failed runs are kept to look at. Default: 3.
    #[serde(default = "history_limit")]
    #[schemars(range(min = 0, max = 100))]
    pub failed_jobs_history_limit: i32,
}

/// The shape of a cron expression; whether its numbers are in range is said by the code alone.
const CRON_CEL: &str = r"self.matches('^\\s*(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every \\S+|[0-9A-Za-z*?/,-]+(\\s+[0-9A-Za-z*?/,-]+){4})\\s*$')";

fn utc() -> String {
    "Etc/UTC".to_owned()
}

fn starting_deadline() -> i64 {
    120
}

fn history_limit() -> i32 {
    3
}

/// What happens when a run is due while the last one still works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConcurrencyPolicy {
    /// The new run starts beside the old one.
    Allow,
    /// The new run is skipped.
    #[default]
    Forbid,
    /// The old run is stopped first.
    Replace,
}
