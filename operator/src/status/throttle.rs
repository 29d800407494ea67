//! When a changed status is written. Each write passes all of the API server's validation and reaches every client that
//! watches, so changes that nothing acts on are held back until several of them share a write.
//!
//! | change | written |
//! |---|---|
//! | `Ready`, `Reconciling`, `Stalled`, phase, a manual run | immediately |
//! | the step of a pipeline in progress | when it has lasted 1 s, or 10 s under load |
//! | components | 5 s after the last write |
//! | volatile fields alone (lag, times) | 5 s after the last write, and 10 writes a second of all pipelines |
//!
//! Whatever is written takes the newest values of all fields along.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use userstream_crds::condition::ConditionType;
use userstream_crds::status::{PipelineStatus, ProcessorStatus, ProducerStatus};

use crate::lifecycle::rollout::observed_nonce;

/// How long a step has to last before it is written: the next step's write replaces that of a shorter one.
const PROGRESS_DELAY: SignedDuration = SignedDuration::from_secs(1);
/// The same under load, when the API server's time is better spent on pipelines in progress.
const PROGRESS_DELAY_UNDER_LOAD: SignedDuration = SignedDuration::from_secs(10);
/// The time between two writes that report components or volatile fields.
const COMPONENTS_INTERVAL: SignedDuration = SignedDuration::from_secs(5);
/// The time between two writes of volatile fields alone, of all pipelines. A thousand pipelines with traffic need three
/// or four writes a second.
const VOLATILE_INTERVAL: SignedDuration = SignedDuration::from_millis(100);
/// How long a written lag stays, unless it becomes known or unknown. Shorter than the scrape interval of a ready
/// pipeline, so that no scrape is skipped.
const LAG_INTERVAL: SignedDuration = SignedDuration::from_secs(25);
/// By how much a time has to move to be written.
const TIME_STEP: SignedDuration = SignedDuration::from_mins(5);

/// How much a change of the status matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusChange {
    /// The conditions that sum the pipeline up, or a field on which the operator or a user acts.
    Summary,
    /// The step of a pipeline in progress.
    Progress,
    /// The state of components.
    Components,
    /// Volatile fields alone.
    Volatile,
}

impl StatusChange {
    /// The change from the written status to the next one.
    #[must_use]
    pub fn between(previous: Option<&PipelineStatus>, next: &PipelineStatus) -> Self {
        let new = summary(next);
        let Some(previous) = previous else {
            // The status that the definition gives a new pipeline says as much as that it is in progress.
            let has_run = observed_nonce(Some(next)).is_some();
            return if is_in_progress(&new) && !has_run { Self::Progress } else { Self::Summary };
        };
        let old = summary(previous);
        if split(previous.clone()).0 == split(next.clone()).0 {
            Self::Volatile
        } else if old == new {
            Self::Components
        } else if is_in_progress(&old) && is_in_progress(&new) && without_step(old) == without_step(new) {
            Self::Progress
        } else {
            Self::Summary
        }
    }
}

fn is_in_progress(status: &PipelineStatus) -> bool {
    status.is_true(ConditionType::Reconciling) && !status.is_true(ConditionType::Ready)
}

/// The part of a status that sums the pipeline up.
fn summary(status: &PipelineStatus) -> PipelineStatus {
    let (status, _) = split(status.clone());
    let mut summary = PipelineStatus { processor: None, dead_letter: None, ..status };
    let kept = [
        ConditionType::Ready,
        ConditionType::Reconciling,
        ConditionType::Stalled,
        ConditionType::ReconciliationPaused,
    ];
    summary.conditions.retain(|condition| kept.iter().any(|of| of.name() == condition.type_));
    for condition in &mut summary.conditions {
        condition.message.clear();
    }
    summary
}

/// A summary without the step, and without what was observed during it.
fn without_step(mut summary: PipelineStatus) -> PipelineStatus {
    for condition in &mut summary.conditions {
        condition.reason.clear();
    }
    PipelineStatus { topic: None, table: None, ..summary }
}

/// When the status of one pipeline is written.
#[derive(Debug, Default)]
pub struct StatusThrottle {
    last_write: Option<Timestamp>,
    /// Since when the status differs from the written one.
    changed_since: Option<Timestamp>,
    /// When the volatile fields are written, as the rate limiter has reserved it.
    reserved: Option<Timestamp>,
}

impl StatusThrottle {
    /// Records that the status equals the written one.
    pub fn unchanged(&mut self) {
        (self.changed_since, self.reserved) = (None, None);
    }

    /// Records that the status is written.
    pub fn written(&mut self, now: Timestamp) {
        (self.last_write, self.changed_since, self.reserved) = (Some(now), None, None);
    }

    /// When a changed status is to be written; `None`: now.
    pub fn write_at(
        &mut self,
        change: StatusChange,
        is_under_load: bool,
        limiter: &mut RateLimiter,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let since = *self.changed_since.get_or_insert(now);
        let next_interval = self.last_write.map(|last| last + COMPONENTS_INTERVAL);
        let at = match change {
            StatusChange::Summary => None,
            StatusChange::Progress if is_under_load => Some(since + PROGRESS_DELAY_UNDER_LOAD),
            StatusChange::Progress => Some(since + PROGRESS_DELAY),
            StatusChange::Components => next_interval,
            StatusChange::Volatile => {
                let earliest = next_interval.map_or(now, |at| at.max(now));
                Some(*self.reserved.get_or_insert_with(|| limiter.reserve(earliest)))
            }
        };
        at.filter(|at| *at > now)
    }
}

/// Limits the writes of volatile fields alone, of all pipelines together.
#[derive(Debug, Default)]
pub struct RateLimiter {
    /// The first slot that is free.
    next: Option<Timestamp>,
}

impl RateLimiter {
    /// Reserves the first free slot at this time or later.
    pub fn reserve(&mut self, earliest: Timestamp) -> Timestamp {
        let slot = self.next.map_or(earliest, |next| next.max(earliest));
        self.next = slot.checked_add(VOLATILE_INTERVAL).ok();
        slot
    }
}

/// The fields of a status that change all the time.
struct Volatile {
    lag: Option<i64>,
    lag_observed: Option<Time>,
    last_row: Option<Time>,
    last_success: Option<Time>,
    last_schedule: Option<Time>,
    dead_letters: Option<i64>,
}

/// A status without its volatile fields, and these.
fn split(mut status: PipelineStatus) -> (PipelineStatus, Volatile) {
    let of_processor =
        |it: &mut ProcessorStatus| (it.lag.take(), it.lag_observed_time.take(), it.last_row_time.take());
    let of_producer = |it: &mut ProducerStatus| (it.last_success_time.take(), it.last_schedule_time.take());
    let (lag, lag_observed, last_row) = status.processor.as_mut().map(of_processor).unwrap_or_default();
    let (last_success, last_schedule) = status.producer.as_mut().map(of_producer).unwrap_or_default();
    let dead_letters = status.dead_letter.as_mut().and_then(|it| it.depth.take());
    (status, Volatile { lag, lag_observed, last_row, last_success, last_schedule, dead_letters })
}

impl Volatile {
    /// Whether a field has moved far enough from the written one to be written.
    fn is_significant(&self, written: &Self, now: Timestamp) -> bool {
        let is_recent =
            written.lag_observed.as_ref().is_some_and(|at| now.duration_since(at.0) < LAG_INTERVAL);
        let lag_moved = match (written.lag, self.lag) {
            (Some(old), Some(new)) => old != new && !is_recent,
            (old, new) => old != new,
        };
        let time_moved = |old: &Option<Time>, new: &Option<Time>| match (old, new) {
            (Some(old), Some(new)) => new.0.duration_since(old.0) >= TIME_STEP,
            (old, new) => old != new,
        };
        lag_moved
            || time_moved(&written.last_row, &self.last_row)
            || time_moved(&written.last_success, &self.last_success)
            || (&written.last_schedule, written.dead_letters) != (&self.last_schedule, self.dead_letters)
    }
}

/// The next status, or the previous one where they differ in volatile fields alone and none of those has moved far
/// enough.
pub(super) fn without_insignificant_changes(
    previous: Option<&PipelineStatus>,
    next: PipelineStatus,
    now: Timestamp,
) -> PipelineStatus {
    let is_insignificant = |previous: &&PipelineStatus| {
        let (old, written) = split((*previous).clone());
        let (new, volatile) = split(next.clone());
        old == new && !volatile.is_significant(&written, now)
    };
    previous.filter(is_insignificant).cloned().unwrap_or(next)
}

/// A lag to two significant digits: 0, 7, 42, 130, 9900.
pub(super) fn two_digits(lag: u64) -> i64 {
    let mut unit = 1;
    while lag / unit >= 100 {
        unit *= 10;
    }
    i64::try_from(lag / unit * unit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
