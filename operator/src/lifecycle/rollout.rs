//! What is due: how far a pipeline has come, and which configuration each workload runs with next.
//!
//! A changed spec is taken over in order: topic and table first, then the processors, then the producer. Until its turn
//! has come a workload goes on with the configuration it has, the last good one; so a column exists before rows have it,
//! and every record that is produced finds processors that can read it.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use userstream_crds::UserStreamPipeline;
use userstream_crds::model::{Mode, Pipeline};
use userstream_crds::names::{Component, REQUESTED_AT};
use userstream_crds::status::PipelineStatus;

use crate::lifecycle::autoscaling::{self, Decision, Load};
use crate::model::configuration::{Configuration, Purpose, config_map_name};
use crate::model::hash;
use crate::model::job_state::JobState;
use crate::model::names::Names;
use crate::model::observed::Observed;
use crate::model::settings::Settings;
use crate::model::worker_reports::{self, Processors};
use crate::model::workload::{
    Rollout, configuration_of_cron_job, configuration_of_deployment, desired_replicas,
};

/// Everything that a decision is made from.
#[derive(Clone, Copy, Debug)]
pub struct ValidInput<'a> {
    /// The resource.
    pub resource: &'a UserStreamPipeline,
    /// The model of its spec.
    pub pipeline: &'a Pipeline,
    /// What the installation decides.
    pub settings: &'a Settings,
    /// What is there.
    pub observed: &'a Observed,
    /// Since when fewer processors would do.
    pub low_since: Option<Timestamp>,
    /// The time.
    pub now: Timestamp,
}

/// Which configuration a workload runs with.
#[derive(Clone, Debug, PartialEq)]
pub enum Revision {
    /// None: it does not run yet.
    None,
    /// The one of the current spec.
    Desired,
    /// The last good one, until its turn has come.
    LastGood(Box<Configuration>),
    /// One that cannot be read any more: the workload is left as it is until its turn has come.
    Unknown,
}

/// A Job and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The name of the Job.
    pub name: String,
    /// How far it is.
    pub state: JobState,
}

/// A run of the producer that a new nonce asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The nonce.
    pub nonce: i64,
    /// Its Job.
    pub task: Task,
    /// Whether it is to be started now.
    pub is_due: bool,
}

/// What is due.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutPlan {
    /// The configuration of the current spec.
    pub wanted: Configuration,
    /// Making topic and table.
    pub provision: Task,
    /// Saying what would be made; only with [`Mode::Plan`].
    pub plan: Option<Task>,
    /// What the processors run with.
    pub processor: Revision,
    /// How many processors there are to be.
    pub replicas: u32,
    /// Why, while they are scaled by the lag.
    pub scaling: Option<Decision>,
    /// The processors' rollout.
    pub processor_rollout: Rollout,
    /// What they report.
    pub processors: Processors,
    /// What the producer runs with; [`Revision::None`] without a source.
    pub producer: Revision,
    /// The rollout of a continuous producer.
    pub producer_rollout: Rollout,
    /// The last run that a nonce asked for.
    pub run: Option<Run>,
}

impl RolloutPlan {
    /// Decides what is due.
    #[must_use]
    pub fn decide(situation: &ValidInput<'_>) -> Self {
        let ValidInput { resource, pipeline, settings, observed, .. } = *situation;
        let names = Names(&pipeline.name);
        let existing = observed.config_maps.iter().map(AsRef::as_ref);
        let wanted = Configuration::of(resource, pipeline, Purpose::Work, settings).or_equivalent(existing);
        let provision =
            task(observed, names.numbered(Component::Provision, &provision_key(resource, &wanted)));
        let plan = (pipeline.mode == Mode::Plan)
            .then(|| task(observed, names.numbered(Component::Plan, &provision_key(resource, &wanted))));

        let running = |hash: &str| turn_of_running(observed, pipeline, &wanted, hash);
        let deployment = observed.deployment(&names.of(Component::Processor));
        let is_provisioned = provision.state.has_succeeded() && plan.is_none();
        let processor = if is_provisioned {
            Revision::Desired
        } else {
            deployment
                .map_or(Revision::None, |it| running(configuration_of_deployment(it).unwrap_or_default()))
        };
        let processor_rollout = Rollout::of(deployment);
        // The last good configuration may be of a topic that had fewer partitions.
        let partitions = match &processor {
            Revision::LastGood(last) => last.pipeline.topic.partitions,
            Revision::None | Revision::Desired | Revision::Unknown => pipeline.topic.partitions,
        };
        let processors = worker_reports::processors(observed, partitions.get(), situation.now);
        let scaling = scaling(situation, deployment.map(desired_replicas), &processors);
        let replicas = scaling.map_or(pipeline.processor.replicas, |decision| decision.replicas);
        let replicas = if pipeline.suspend { 0 } else { replicas };
        let has_wanted = |it: &Deployment| configuration_of_deployment(it) == Some(wanted.hash.as_str());
        let is_told = |it: &Deployment| has_wanted(it) && u32::try_from(desired_replicas(it)) == Ok(replicas);
        let processor_rollout = if processor == Revision::Desired && deployment.is_some_and(|it| !is_told(it))
        {
            processor_rollout.before_write(replicas)
        } else {
            processor_rollout
        };

        let name = names.of(Component::Producer);
        let producer_deployment = observed.deployment(&name);
        let producing = producer_deployment
            .map(|it| configuration_of_deployment(it).unwrap_or_default())
            .or_else(|| observed.cron_job(&name).map(|it| configuration_of_cron_job(it).unwrap_or_default()));
        let processors_follow =
            is_provisioned && deployment.is_some_and(has_wanted) && processor_rollout.is_complete();
        // Once the producer has taken the spec over, processors that come and go do not take it back.
        let producer = match producing {
            Some(hash) if hash == wanted.hash => Revision::Desired,
            _ if processors_follow => Revision::Desired,
            Some(hash) => running(hash),
            None => Revision::None,
        };
        let producer = if plan.is_some() && producing.is_some() { Revision::Unknown } else { producer };
        let processor = if plan.is_some() && deployment.is_some() { Revision::Unknown } else { processor };
        let producer_rollout = Rollout::of(producer_deployment);
        let producer_rollout =
            if producer == Revision::Desired && producer_deployment.is_some_and(|it| !has_wanted(it)) {
                producer_rollout.before_write(1)
            } else {
                producer_rollout
            };
        let run = run(situation, producer == Revision::Desired && is_provisioned);
        Self {
            wanted,
            provision,
            plan,
            processor,
            replicas,
            scaling,
            processor_rollout,
            processors,
            producer,
            producer_rollout,
            run,
        }
    }
}

fn task(observed: &Observed, name: String) -> Task {
    Task { state: JobState::of(observed, &name), name }
}

/// A configuration is provisioned once, and once more whenever it is asked for.
fn provision_key(resource: &UserStreamPipeline, wanted: &Configuration) -> String {
    match resource.annotations().get(REQUESTED_AT) {
        None => wanted.hash.clone(),
        Some(requested) => hash::short(format!("{}\n{requested}", wanted.hash).as_bytes()),
    }
}

fn turn_of_running(observed: &Observed, pipeline: &Pipeline, wanted: &Configuration, hash: &str) -> Revision {
    if hash == wanted.hash {
        return Revision::Desired;
    }
    let read = observed.config_map(&config_map_name(pipeline, hash)).and_then(Configuration::read);
    read.map_or(Revision::Unknown, |last| Revision::LastGood(Box::new(last)))
}

fn scaling(situation: &ValidInput<'_>, current: Option<i32>, processors: &Processors) -> Option<Decision> {
    let policy = situation.pipeline.autoscaling.as_ref()?;
    let current = current.and_then(|current| u32::try_from(current).ok()).filter(|current| *current > 0);
    let load = Load {
        current: current.unwrap_or(policy.min_replicas.get()),
        partitions: situation.pipeline.topic.partitions.get(),
        lag: processors.lag,
        write_latency: processors.write_latency,
        low_since: situation.low_since,
    };
    Some(autoscaling::decide(policy, &load, situation.now))
}

fn run(situation: &ValidInput<'_>, producer_is_current: bool) -> Option<Run> {
    let nonce = situation.pipeline.source.as_ref()?.trigger_nonce;
    let observed_nonce = observed_nonce(situation.resource.status.as_ref());
    if nonce == 0 && observed_nonce == 0 {
        return None;
    }
    let task = task(situation.observed, Names(&situation.pipeline.name).run(nonce));
    let is_new = nonce != observed_nonce && task.state == JobState::Absent;
    Some(Run { nonce, task, is_due: is_new && producer_is_current && !situation.pipeline.suspend })
}

/// The nonce that was run last, as the status remembers it; 0 before the first.
#[must_use]
pub fn observed_nonce(status: Option<&PipelineStatus>) -> i64 {
    status.and_then(|status| status.producer.as_ref()?.observed_trigger_nonce).unwrap_or_default()
}
