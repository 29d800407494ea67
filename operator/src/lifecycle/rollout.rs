//! The rollout of a spec: which revision each workload runs next.
//!
//! A changed spec rolls out in order: topic and table first, then the processors, then the producer. Until it is a
//! workload's turn, the workload keeps its last good configuration. So a column exists before rows have it, and
//! processors that can read a record run before the record is produced.

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use userstream_crds::UserStreamPipeline;
use userstream_crds::model::Mode;
use userstream_crds::names::{Component, REQUESTED_AT};
use userstream_crds::status::PipelineStatus;

use super::autoscaling::{self, Load, ScalingDecision};
use crate::model::configuration::{Configuration, Purpose, config_map_name};
use crate::model::hash;
use crate::model::input::ValidInput;
use crate::model::job_state::JobState;
use crate::model::names::Names;
use crate::model::observed::Observed;
use crate::model::worker_reports::{self, ProcessorsReport, ProducerReport};
use crate::model::workload::{
    RolloutStatus, configuration_of_cron_job, configuration_of_deployment, desired_replicas,
};

/// The configuration that a workload runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Revision {
    /// None: the workload does not run yet.
    None,
    /// That of the current spec.
    Desired,
    /// The last good one, until the rollout reaches the workload.
    LastGood(Box<Configuration>),
    /// One that cannot be read any more. The workload stays as it is until the rollout reaches it.
    Unknown,
}

/// A Job by its name, and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedJob {
    /// The name of the Job.
    pub name: String,
    /// How far it is.
    pub state: JobState,
}

/// A run of the producer that `source.triggerNonce` requests.
#[derive(Clone, Debug, PartialEq)]
pub struct ManualRun {
    /// The nonce.
    pub nonce: i64,
    /// Its Job.
    pub job: PlannedJob,
    /// Whether the Job is to be created now.
    pub is_due: bool,
}

/// What is due of the rollout of a spec.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutPlan {
    /// The configuration of the current spec.
    pub desired: Configuration,
    /// The Job that provisions topic and table.
    pub provision: PlannedJob,
    /// The Job that computes what provisioning would change; only with [`Mode::Plan`].
    pub plan: Option<PlannedJob>,
    /// What the processors run.
    pub processor: Revision,
    /// How many processors there are to be.
    pub replicas: u32,
    /// Why as many, when the lag decides.
    pub scaling: Option<ScalingDecision>,
    /// The rollout of the processors.
    pub processor_rollout: RolloutStatus,
    /// What the processors report.
    pub processors: ProcessorsReport,
    /// What the producer runs; [`Revision::None`] without a source.
    pub producer: Revision,
    /// The rollout of a continuous producer.
    pub producer_rollout: RolloutStatus,
    /// What a continuous producer reports; `None` while it has not reported.
    pub producer_report: Option<ProducerReport>,
    /// The last manual run.
    pub run: Option<ManualRun>,
}

/// What the processors run, and how many there are to be.
struct ProcessorPlan {
    revision: Revision,
    replicas: u32,
    scaling: Option<ScalingDecision>,
    rollout: RolloutStatus,
    report: ProcessorsReport,
}

/// What the producer runs.
struct ProducerPlan {
    revision: Revision,
    rollout: RolloutStatus,
    has_workload: bool,
}

impl RolloutPlan {
    /// Decides what is due.
    #[must_use]
    pub fn of(input: &ValidInput<'_>) -> Self {
        let ValidInput { resource, pipeline, settings, observed, .. } = *input;
        let names = Names(&pipeline.name);
        let existing = observed.config_maps.iter().map(AsRef::as_ref);
        let desired = Configuration::of(resource, pipeline, Purpose::Work, settings).or_equivalent(existing);
        let key = provision_key(resource, &desired);
        let provision = planned_job(observed, names.numbered(Component::Provision, &key));
        let plan = (pipeline.mode == Mode::Plan)
            .then(|| planned_job(observed, names.numbered(Component::Plan, &key)));
        let is_provisioned = provision.state.has_succeeded() && plan.is_none();

        let deployment = observed.deployment(&names.of(Component::Processor));
        let processor = processor_plan(input, &desired, deployment, is_provisioned);
        let processors_follow = is_provisioned
            && deployment.is_some_and(|it| has_configuration(it, &desired))
            && processor.rollout.is_complete();
        let producer = producer_plan(input, &desired, processors_follow);
        let run = manual_run(input, producer.revision == Revision::Desired && is_provisioned);
        // Mode Plan changes nothing of what runs.
        let unchanged = |exists: bool, revision| match plan {
            Some(_) if exists => Revision::Unknown,
            _ => revision,
        };
        Self {
            processor: unchanged(deployment.is_some(), processor.revision),
            replicas: processor.replicas,
            scaling: processor.scaling,
            processor_rollout: processor.rollout,
            processors: processor.report,
            producer: unchanged(producer.has_workload, producer.revision),
            producer_rollout: producer.rollout,
            producer_report: worker_reports::producer(observed, input.now),
            run,
            desired,
            provision,
            plan,
        }
    }
}

fn processor_plan(
    input: &ValidInput<'_>,
    desired: &Configuration,
    deployment: Option<&Deployment>,
    is_provisioned: bool,
) -> ProcessorPlan {
    let pipeline = input.pipeline;
    let revision = match deployment {
        _ if is_provisioned => Revision::Desired,
        Some(it) => running_revision(input, desired, configuration_of_deployment(it).unwrap_or_default()),
        None => Revision::None,
    };
    let report = worker_reports::processors(input.observed, input.now);
    let scaling = scaling(input, deployment.map(desired_replicas), &report);
    let replicas = scaling.map_or(pipeline.processor.replicas, |decision| decision.replicas);
    let replicas = if pipeline.suspend { 0 } else { replicas };
    let is_written = |it: &Deployment| {
        has_configuration(it, desired) && u32::try_from(desired_replicas(it)) == Ok(replicas)
    };
    let rollout = RolloutStatus::of(deployment);
    let rollout = if revision == Revision::Desired && deployment.is_some_and(|it| !is_written(it)) {
        rollout.before_write(replicas)
    } else {
        rollout
    };
    ProcessorPlan { revision, replicas, scaling, rollout, report }
}

fn producer_plan(input: &ValidInput<'_>, desired: &Configuration, processors_follow: bool) -> ProducerPlan {
    let name = Names(&input.pipeline.name).of(Component::Producer);
    let deployment = input.observed.deployment(&name);
    let running = deployment.map(|it| configuration_of_deployment(it).unwrap_or_default()).or_else(|| {
        input.observed.cron_job(&name).map(|it| configuration_of_cron_job(it).unwrap_or_default())
    });
    let revision = match running {
        // A producer that has reached the spec keeps it, whatever happens to the processors afterwards.
        Some(hash) if hash == desired.hash => Revision::Desired,
        _ if processors_follow => Revision::Desired,
        Some(hash) => running_revision(input, desired, hash),
        None => Revision::None,
    };
    let rollout = RolloutStatus::of(deployment);
    let is_behind = deployment.is_some_and(|it| !has_configuration(it, desired));
    let rollout = if revision == Revision::Desired && is_behind { rollout.before_write(1) } else { rollout };
    ProducerPlan { revision, rollout, has_workload: running.is_some() }
}

fn has_configuration(deployment: &Deployment, configuration: &Configuration) -> bool {
    configuration_of_deployment(deployment) == Some(configuration.hash.as_str())
}

fn planned_job(observed: &Observed, name: String) -> PlannedJob {
    PlannedJob { state: JobState::of(observed, &name), name }
}

/// A configuration is provisioned once, and once more for each value of the annotation `requested-at`.
fn provision_key(resource: &UserStreamPipeline, desired: &Configuration) -> String {
    match resource.annotations().get(REQUESTED_AT) {
        None => desired.hash.clone(),
        Some(requested) => hash::short(format!("{}\n{requested}", desired.hash).as_bytes()),
    }
}

/// The revision of a workload that runs the configuration with this hash.
fn running_revision(input: &ValidInput<'_>, desired: &Configuration, hash: &str) -> Revision {
    if hash == desired.hash {
        return Revision::Desired;
    }
    let config_map = input.observed.config_map(&config_map_name(input.pipeline, hash));
    let last_good = config_map.and_then(Configuration::read);
    last_good.map_or(Revision::Unknown, |last| Revision::LastGood(Box::new(last)))
}

fn scaling(
    input: &ValidInput<'_>,
    current: Option<i32>,
    report: &ProcessorsReport,
) -> Option<ScalingDecision> {
    let policy = input.pipeline.autoscaling.as_ref()?;
    let current = current.and_then(|current| u32::try_from(current).ok()).filter(|current| *current > 0);
    let current = current.unwrap_or(policy.min_replicas.get());
    // While the number is unknown, it is no reason to remove processors.
    let partitions = || input.pipeline.topic.partitions.get().max(current);
    let load = Load {
        current,
        partitions: report.partitions.unwrap_or_else(partitions),
        lag: report.lag,
        write_latency: report.write_latency,
        latency_ceiling: input.pipeline.processor.sink_latency_ceiling,
        low_since: input.low_since,
    };
    Some(autoscaling::decide(policy, &load, input.now))
}

/// The run that the nonce requests, or the last one that it has requested. Only a nonce above the observed one requests a
/// run: the user may set it back, and a restarted operator may read an earlier spec.
fn manual_run(input: &ValidInput<'_>, producer_is_current: bool) -> Option<ManualRun> {
    let requested = input.pipeline.source.as_ref()?.trigger_nonce;
    let observed = observed_nonce(input.resource.status.as_ref());
    let is_raised = is_raised(requested, observed);
    let nonce = if is_raised { requested } else { observed? };
    let job = planned_job(input.observed, Names(&input.pipeline.name).run(nonce));
    let is_new = is_raised && job.state == JobState::Absent;
    Some(ManualRun { nonce, job, is_due: is_new && producer_is_current && !input.pipeline.suspend })
}

/// Whether a nonce requests an action. Before the first action, a nonce above its default requests one.
const fn is_raised(nonce: i64, observed: Option<i64>) -> bool {
    match observed {
        None => nonce > 0,
        Some(observed) => nonce > observed,
    }
}

/// The nonce of the last manual run, as the status records it; `None` before the first.
#[must_use]
pub fn observed_nonce(status: Option<&PipelineStatus>) -> Option<i64> {
    status?.producer.as_ref()?.observed_trigger_nonce
}
