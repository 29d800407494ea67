//! `spec.source.schedule`: when a scheduled source runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// When a scheduled source runs. The fields are those of a Kubernetes CronJob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleSpec {
    /// When to run: five fields (minute, hour, day of month, month, day of week), or one of `@hourly`, `@daily`,
    /// `@weekly`, `@monthly`, `@yearly` and `@every 1h30m`. The time zone goes into `timeZone`, not into a `TZ=`
    /// prefix.
    #[schemars(length(min = 1, max = 128))]
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(&rules::CRON, CRON_CEL)]))]
    pub cron: String,
    /// The time zone of `cron`, a name of the IANA database such as Europe/Berlin. Default: Etc/UTC.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// What happens when a run is due while the last one is in progress: `Forbid` skips the new run, `Allow` starts it
    /// beside the old one, `Replace` stops the old one first. Default: Forbid.
    #[serde(default)]
    pub concurrency_policy: ConcurrencyPolicy,
    /// The seconds that a run may start late. A run that is later is skipped. Default: 120.
    #[serde(default = "starting_deadline")]
    #[schemars(range(min = 10, max = 604_800))]
    pub starting_deadline_seconds: i64,
    /// The number of successful runs whose Jobs are kept. Default: 3.
    #[serde(default = "history_limit")]
    #[schemars(range(min = 0, max = 100))]
    pub successful_jobs_history_limit: i32,
    /// The number of failed runs whose Jobs are kept. Default: 3.
    #[serde(default = "history_limit")]
    #[schemars(range(min = 0, max = 100))]
    pub failed_jobs_history_limit: i32,
}

/// The form of a cron expression. CEL does not check that its numbers are in range.
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

/// What happens when a run is due while the last one is in progress.
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
