//! How far a Job is, and what its worker reported when it terminated.

use k8s_openapi::api::core::v1::Pod;
use userstream_crds::worker_pod::{CRASH_LOOP, Obstacle, Termination, finished, last_termination, obstacle};

use super::observed::Observed;

/// How far a Job is.
#[derive(Clone, Debug, PartialEq)]
pub enum JobState {
    /// There is no such Job.
    Absent,
    /// It runs, or its pod waits to start.
    Running {
        /// How its last attempt ended, when one has failed.
        last_failure: Option<Box<Termination>>,
        /// What keeps its pod from starting, in Kubernetes' words.
        obstacle: Option<Obstacle>,
    },
    /// It has completed. The report is gone once the pod is.
    Succeeded(Option<Box<Termination>>),
    /// It has failed and is not retried.
    Failed(Option<Box<Termination>>),
}

impl JobState {
    /// The state of the Job with this name.
    #[must_use]
    pub fn of(observed: &Observed, name: &str) -> Self {
        let Some(job) = observed.job(name) else { return Self::Absent };
        let termination = || last_termination(observed.pods_of_job(job)).map(Box::new);
        match finished(job) {
            Some(true) => Self::Succeeded(termination()),
            Some(false) => Self::Failed(termination()),
            None => Self::Running {
                last_failure: termination().filter(|ended| ended.exit_code != 0),
                obstacle: observed.pods_of_job(job).find_map(start_obstacle),
            },
        }
    }

    /// Whether the Job has completed.
    #[must_use]
    pub const fn has_succeeded(&self) -> bool {
        matches!(self, Self::Succeeded(_))
    }

    /// The last report, also that of a failed attempt.
    #[must_use]
    pub fn termination(&self) -> Option<&Termination> {
        match self {
            Self::Absent => None,
            Self::Running { last_failure, .. } => last_failure.as_deref(),
            Self::Succeeded(report) | Self::Failed(report) => report.as_deref(),
        }
    }
}

/// What keeps a pod from starting, other than a crash: the termination message explains a crash better.
pub fn start_obstacle(pod: &Pod) -> Option<Obstacle> {
    obstacle(pod).filter(|obstacle| obstacle.reason != CRASH_LOOP)
}
