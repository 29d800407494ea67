//! The deletion of a pipeline with a `deletionPolicy: Delete`: its workloads stop, then a Job deletes what it created.

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::model::{DeletionPolicy, Pipeline};
use userstream_crds::names::Component;

use crate::model::configuration::{Configuration, Purpose};
use crate::model::input::ValidInput;
use crate::model::job_state::JobState;
use crate::model::names::Names;
use crate::model::observed::{Observed, is_controlled_by};

/// How long the deletion of a pipeline waits for its cleanup.
const DEADLINE: SignedDuration = SignedDuration::from_mins(5);

/// The components whose pods could create again what a cleanup deletes.
pub const CREATING_COMPONENTS: [Component; 4] =
    [Component::Processor, Component::Producer, Component::Provision, Component::Run];

/// How far the cleanup of a deleted pipeline is.
#[derive(Clone, Debug, PartialEq)]
pub enum Cleanup {
    /// It is not finished.
    Working {
        /// What is done meanwhile.
        stage: Stage,
        /// How far the cleanup Job is.
        job: JobState,
        /// When the operator gives up.
        deadline: Timestamp,
    },
    /// What the pipeline created is deleted, or it created nothing.
    Done,
    /// The operator has given up: what the pipeline created stays.
    GivenUp {
        /// Why.
        reason: String,
    },
}

/// A stage of a cleanup.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The KafkaTopic of a retained topic loses its owner reference, so that the garbage collector leaves it.
    ReleaseTopic,
    /// The workloads are deleted, and their pods terminate.
    StopWorkloads,
    /// The cleanup Job runs.
    RunJob {
        /// The name of the Job.
        name: String,
        /// What it works with.
        configuration: Box<Configuration>,
    },
}

impl Cleanup {
    /// How far the cleanup of a pipeline is that was deleted at this time and has the finalizer.
    #[must_use]
    pub fn of(input: &ValidInput<'_>, deleted_at: Timestamp) -> Self {
        let ValidInput { resource, pipeline, settings, observed, now, .. } = *input;
        let deadline = deleted_at.saturating_add(DEADLINE).unwrap_or(Timestamp::MAX);
        if retained_topic_is_controlled(input) && now < deadline {
            let stage = Stage::ReleaseTopic;
            return Self::Working { stage, job: JobState::Absent, deadline };
        }
        if !deletes_anything(pipeline) || !was_ever_provisioned(input) {
            return Self::Done;
        }
        let configuration = Configuration::of(resource, pipeline, Purpose::Cleanup, settings);
        let name = Names(&pipeline.name).numbered(Component::Cleanup, &configuration.hash);
        let job = JobState::of(observed, &name);
        if let Some(end) = ended(&job, now >= deadline) {
            return end;
        }
        // A workload that still runs could create again what is deleted.
        let stage = if job != JobState::Absent || is_quiet(observed, &name) {
            Stage::RunJob { name, configuration: Box::new(configuration) }
        } else {
            Stage::StopWorkloads
        };
        Self::Working { stage, job, deadline }
    }
}

/// The end of a cleanup whose Job is so far, if it has ended.
fn ended(job: &JobState, is_late: bool) -> Option<Cleanup> {
    match job {
        JobState::Succeeded(_) => Some(Cleanup::Done),
        JobState::Failed(last) => {
            let why = last.as_ref().map_or("it failed too often", |last| last.message.as_str());
            Some(Cleanup::GivenUp { reason: format!("deleting what the pipeline created failed: {why}") })
        }
        JobState::Absent | JobState::Running { .. } if is_late => {
            let last = job.termination().map(|last| format!(": {}", last.message)).unwrap_or_default();
            let minutes = DEADLINE.as_mins();
            Some(Cleanup::GivenUp {
                reason: format!("what the pipeline created was not deleted within {minutes} minutes{last}"),
            })
        }
        JobState::Absent | JobState::Running { .. } => None,
    }
}

/// Whether the deletion of the pipeline deletes anything outside of Kubernetes.
#[must_use]
pub fn deletes_anything(pipeline: &Pipeline) -> bool {
    [pipeline.topic.deletion, pipeline.keyspace.deletion, pipeline.table.deletion]
        .contains(&DeletionPolicy::Delete)
}

/// Whether the garbage collector would delete a KafkaTopic whose topic is to be retained: its policy was `Delete` until
/// now.
fn retained_topic_is_controlled(input: &ValidInput<'_>) -> bool {
    let uid = input.resource.uid().unwrap_or_default();
    input.pipeline.topic.deletion == DeletionPolicy::Retain
        && input.observed.kafka_topics.iter().any(|topic| is_controlled_by(topic.as_ref(), &uid))
}

/// Whether nothing runs, and no workload can start a pod, that could create again what the cleanup deletes.
fn is_quiet(observed: &Observed, cleanup: &str) -> bool {
    let has_workload = !observed.deployments.is_empty()
        || !observed.cron_jobs.is_empty()
        || observed.jobs.iter().any(|job| job.metadata.name.as_deref() != Some(cleanup));
    let has_pods = |component| observed.pods_of(component).next().is_some();
    !has_workload && !CREATING_COMPONENTS.into_iter().any(has_pods)
}

/// Whether the pipeline may have created anything. Another replica may have provisioned it, and the stores of the kinds
/// are not equally fresh, so any trace counts, also that of a cleanup that has started.
fn was_ever_provisioned(input: &ValidInput<'_>) -> bool {
    let has_trace_in_status = input.resource.status.as_ref().is_some_and(|status| {
        let is_cleaning_up = status.reason(ConditionType::Ready) == Some(Reason::CleaningUp);
        status.topic.is_some() || status.table.is_some() || is_cleaning_up
    });
    let observed = input.observed;
    has_trace_in_status
        || !observed.config_maps.is_empty()
        || !observed.jobs.is_empty()
        || !observed.deployments.is_empty()
        || !observed.cron_jobs.is_empty()
        || !observed.pods.is_empty()
}
