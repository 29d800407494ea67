//! Deleting a pipeline whose `deletionPolicy` is `Delete` somewhere: stop its workloads, then delete what it created.

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use userstream_crds::model::{DeletionPolicy, Pipeline};
use userstream_crds::names::Component;

use crate::lifecycle::rollout::ValidInput;
use crate::manifest::{Desired, config_map, job, kafka_topic, keep_everything, owner};
use crate::model::configuration::{Configuration, Purpose};
use crate::model::job_state::JobState;
use crate::model::kind::Kind;
use crate::model::names::Names;
use crate::model::observed::Observed;
use crate::status::is_cleaning_up;

/// How long deleting a pipeline waits for its cleanup.
const DEADLINE: SignedDuration = SignedDuration::from_mins(5);

/// What becomes of a pipeline that is being deleted.
#[derive(Clone, Debug, PartialEq)]
pub enum Cleanup {
    /// Its workloads still end, or what it created is being deleted.
    Working {
        /// The objects that are to be there meanwhile.
        desired: Desired,
        /// How far the Job is.
        job: JobState,
        /// When it is given up.
        deadline: Timestamp,
    },
    /// What it created is deleted, or there was nothing.
    Done,
    /// What it created stays: there was no more waiting for it.
    GivenUp {
        /// Why.
        reason: String,
    },
}

/// Whether deleting the pipeline deletes anything outside of Kubernetes.
#[must_use]
pub fn deletes_anything(pipeline: &Pipeline) -> bool {
    [pipeline.topic.deletion, pipeline.keyspace.deletion, pipeline.table.deletion]
        .contains(&DeletionPolicy::Delete)
}

/// What becomes of a pipeline that is being deleted and holds the finalizer.
#[must_use]
pub fn cleanup(situation: &ValidInput<'_>, deleted_at: Timestamp) -> Cleanup {
    let ValidInput { resource, pipeline, settings, observed, now, .. } = *situation;
    let deadline = deleted_at.saturating_add(DEADLINE).unwrap_or(Timestamp::MAX);
    if kafka_topic::goes_too_early(situation) && now < deadline {
        let mut desired = Desired::default();
        keep_everything(&mut desired, observed);
        kafka_topic::retain(&mut desired, situation);
        return Cleanup::Working { desired, job: JobState::Absent, deadline };
    }
    if !deletes_anything(pipeline) || !was_ever_provisioned(situation) {
        return Cleanup::Done;
    }
    let configuration = Configuration::of(resource, pipeline, Purpose::Cleanup, settings);
    let name = Names(&pipeline.name).numbered(Component::Cleanup, &configuration.hash);
    let state = JobState::of(observed, &name);
    match &state {
        JobState::Succeeded(_) => return Cleanup::Done,
        JobState::Failed(last) => {
            let why = last.as_ref().map_or("it failed too often", |last| last.message.as_str());
            return Cleanup::GivenUp { reason: format!("deleting what the pipeline created failed: {why}") };
        }
        JobState::Absent | JobState::Running { .. } if now >= deadline => {
            let last = state.termination().map(|last| format!(": {}", last.message)).unwrap_or_default();
            let minutes = DEADLINE.as_mins();
            return Cleanup::GivenUp {
                reason: format!("what the pipeline created was not deleted within {minutes} minutes{last}"),
            };
        }
        JobState::Absent | JobState::Running { .. } => {}
    }
    let mut desired = Desired::default();
    // They say what there is to delete, should the spec not, and go with the pipeline.
    desired.kept.extend(observed.config_maps.iter().map(|it| (Kind::ConfigMap, it.name_any())));
    kafka_topic::retain(&mut desired, situation);
    // Whoever still works could make again what is deleted. Pods that end are not waited for longer than the deadline.
    if is_quiet(observed, &name) || state != JobState::Absent {
        let owner = owner(resource);
        config_map(&mut desired, &owner, &configuration);
        desired.apply(Kind::Job, &owner, job::cleanup(situation, &name, &configuration));
        desired.cleanup = Some(name);
    }
    Cleanup::Working { desired, job: state, deadline }
}

/// The components whose pods could make again what a cleanup deletes.
pub const MAKERS: [Component; 4] =
    [Component::Processor, Component::Producer, Component::Provision, Component::Run];

/// Whether nothing works that could make again what is deleted, and nothing is there that could bring such a pod about.
fn is_quiet(observed: &Observed, cleanup: &str) -> bool {
    let has_workload = !observed.deployments.is_empty()
        || !observed.cron_jobs.is_empty()
        || observed.jobs.iter().any(|job| job.metadata.name.as_deref() != Some(cleanup));
    let still_works = |component| observed.pods_of(component).next().is_some();
    !has_workload && !MAKERS.into_iter().any(still_works)
}

/// A pipeline that was never provisioned created nothing. Whoever provisioned it need not have been this process, and the caches
/// of the kinds are not equally fresh: any of them tells, and so does a cleanup that once began.
fn was_ever_provisioned(situation: &ValidInput<'_>) -> bool {
    let remembers = situation
        .resource
        .status
        .as_ref()
        .is_some_and(|status| status.topic.is_some() || status.table.is_some() || is_cleaning_up(status));
    let observed = situation.observed;
    remembers
        || !observed.config_maps.is_empty()
        || !observed.jobs.is_empty()
        || !observed.deployments.is_empty()
        || !observed.cron_jobs.is_empty()
        || !observed.pods.is_empty()
}
