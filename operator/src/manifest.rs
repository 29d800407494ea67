//! From what is due to the objects that are to be there. Pure and infallible.

pub(crate) mod job;
pub(crate) mod kafka_topic;
mod network_policy;
mod pod;
mod pod_monitor;
mod processor;
mod producer;

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::Value;
use userstream_crds::UserStreamPipeline;
use userstream_crds::names::Component;
use userstream_crds::worker_pod::{finished, has_ended};

use crate::lifecycle::rollout::{Revision, RolloutPlan, ValidInput};
use crate::model::configuration::Configuration;
use crate::model::kind::Kind;
use crate::model::names::Names;
use crate::model::observed::Observed;

pub use crate::lifecycle::cleanup::{Cleanup, MAKERS, cleanup, deletes_anything};
pub use kafka_topic::{NoKafkaTopic, cluster as strimzi_cluster};
pub use pod::SECRETS_DIRECTORY;

/// An object that is to be there.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Its kind.
    pub kind: Kind,
    /// Its name, in the namespace of the pipeline.
    pub name: String,
    /// The fields that the operator sets, `apiVersion`, `kind` and `metadata` included.
    pub body: Value,
}

/// What is to be there, and what may stay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// The objects to apply, in order.
    pub manifests: Vec<Manifest>,
    /// Objects that are left as they are.
    pub kept: BTreeSet<(Kind, String)>,
    /// Workloads among them that are not to work, as long as the pipeline is suspended.
    pub stopped: BTreeSet<(Kind, String)>,
    /// The Job among the manifests that deletes what the pipeline created.
    pub cleanup: Option<String>,
}

impl Desired {
    /// Whether an object of the pipeline is to stay. Others are deleted.
    #[must_use]
    pub fn has(&self, kind: Kind, name: &str) -> bool {
        self.kept.contains(&(kind, name.to_owned()))
            || self.manifests.iter().any(|manifest| manifest.kind == kind && manifest.name == name)
    }

    /// Whether an object that is left as it is must not work.
    #[must_use]
    pub fn stops(&self, kind: Kind, name: &str) -> bool {
        self.stopped.contains(&(kind, name.to_owned()))
    }

    fn keep(&mut self, kind: Kind, name: String) {
        self.kept.insert((kind, name));
    }

    /// Leaves a workload as it is, but for its working while the pipeline is suspended.
    fn keep_workload(&mut self, situation: &ValidInput<'_>, kind: Kind, name: &str) {
        self.keep(kind, name.to_owned());
        if situation.pipeline.suspend {
            self.stopped.insert((kind, name.to_owned()));
        }
    }

    pub(crate) fn apply<K: Resource<DynamicType = ()> + Serialize>(
        &mut self,
        kind: Kind,
        owner: &OwnerReference,
        mut object: K,
    ) {
        object.meta_mut().owner_references = Some(vec![owner.clone()]);
        let name = object.name_any();
        let mut body = serde_json::to_value(&object).unwrap_or_default();
        // The types of Kubernetes write an empty status, which would claim its fields.
        if let Some(fields) = body.as_object_mut() {
            fields.retain(|field, value| field != "status" || !is_empty(value));
        }
        self.manifests.push(Manifest { kind, name, body });
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// Makes the objects of a pipeline for what is due.
#[must_use]
pub fn build(situation: &ValidInput<'_>, steps: &RolloutPlan) -> Desired {
    let mut desired = Desired::default();
    let owner = owner(situation.resource);
    let names = Names(&situation.pipeline.name);
    let mut configurations: Vec<&Configuration> = vec![&steps.wanted];
    if let Some(plan) = &steps.plan {
        keep_everything(&mut desired, situation.observed);
        config_map(&mut desired, &owner, &steps.wanted);
        desired.apply(Kind::Job, &owner, job::plan(situation, &plan.name, &steps.wanted));
        return desired;
    }
    configurations.extend([&steps.processor, &steps.producer].into_iter().filter_map(last_good));
    for configuration in configurations {
        config_map(&mut desired, &owner, configuration);
    }
    keep_used_configurations(&mut desired, situation.observed);
    kafka_topic::build(&mut desired, &owner, situation);
    // What is suspended does not begin to make anything either.
    if !situation.pipeline.suspend || situation.observed.job(&steps.provision.name).is_some() {
        desired.apply(Kind::Job, &owner, job::provision(situation, &steps.provision.name, &steps.wanted));
    }
    if situation.settings.network_policies {
        desired.apply(Kind::NetworkPolicy, &owner, network_policy::network_policy(situation.pipeline));
    }
    let processor = names.of(Component::Processor);
    match configuration(&steps.processor, &steps.wanted) {
        Some(configuration) => {
            desired.apply(
                Kind::Deployment,
                &owner,
                processor::deployment(situation, configuration, steps.replicas),
            );
            desired.apply(
                Kind::PodDisruptionBudget,
                &owner,
                processor::disruption_budget(situation.pipeline),
            );
        }
        None if steps.processor == Revision::Unknown => {
            desired.keep_workload(situation, Kind::Deployment, &processor);
            desired.keep(Kind::PodDisruptionBudget, processor);
        }
        None => {}
    }
    producer::build(&mut desired, &owner, situation, steps);
    if let Some(run) = &steps.run
        && (run.is_due || situation.observed.job(&run.task.name).is_some())
    {
        let name = run.task.name.clone();
        if run.is_due {
            desired.apply(Kind::Job, &owner, job::run(situation, &name, &steps.wanted));
        } else {
            desired.keep(Kind::Job, name);
        }
    }
    pod_monitor::build(&mut desired, &owner, situation);
    desired
}

/// The configuration that a workload is rendered with; `None` where it is not rendered.
fn configuration<'a>(turn: &'a Revision, wanted: &'a Configuration) -> Option<&'a Configuration> {
    match turn {
        Revision::None | Revision::Unknown => None,
        Revision::Desired => Some(wanted),
        Revision::LastGood(last) => Some(last),
    }
}

fn last_good(turn: &Revision) -> Option<&Configuration> {
    match turn {
        Revision::LastGood(last) => Some(last),
        Revision::None | Revision::Desired | Revision::Unknown => None,
    }
}

pub(crate) fn config_map(desired: &mut Desired, owner: &OwnerReference, configuration: &Configuration) {
    if !desired.has(Kind::ConfigMap, &configuration.name()) {
        desired.apply(Kind::ConfigMap, owner, configuration.config_map());
    }
}

/// A pod that starts again needs its configuration, so none goes before the last pod that uses it; none that a workload
/// names goes before the workload has another, and none of a Job before the Job has ended: its pod may be yet to start.
fn keep_used_configurations(desired: &mut Desired, observed: &Observed) {
    let pods = observed.pods.iter().filter(|pod| !has_ended(pod)).filter_map(|pod| pod.spec.as_ref());
    let deployments = observed.deployments.iter().filter_map(|it| it.spec.as_ref()?.template.spec.as_ref());
    let cron_jobs = observed
        .cron_jobs
        .iter()
        .filter_map(|it| it.spec.as_ref()?.job_template.spec.as_ref()?.template.spec.as_ref());
    let open_jobs = observed.jobs.iter().filter(|it| finished(it).is_none());
    let open_jobs = open_jobs.filter_map(|it| it.spec.as_ref()?.template.spec.as_ref());
    let used = pods.chain(deployments).chain(cron_jobs).chain(open_jobs);
    let used = used.flat_map(|spec| spec.volumes.iter().flatten());
    let used = used.filter_map(|volume| volume.config_map.as_ref().map(|source| source.name.clone()));
    for name in used.filter(|name| observed.config_map(name).is_some()) {
        desired.keep(Kind::ConfigMap, name);
    }
}

/// Leaves every object of the pipeline as it is.
pub fn keep_everything(desired: &mut Desired, observed: &Observed) {
    fn names<K: Resource>(objects: &[std::sync::Arc<K>]) -> Vec<String> {
        objects.iter().filter_map(|object| object.meta().name.clone()).collect()
    }
    let all = [
        (Kind::ConfigMap, names(&observed.config_maps)),
        (Kind::Job, names(&observed.jobs)),
        (Kind::CronJob, names(&observed.cron_jobs)),
        (Kind::Deployment, names(&observed.deployments)),
        (Kind::PodDisruptionBudget, names(&observed.pod_disruption_budgets)),
        (Kind::NetworkPolicy, names(&observed.network_policies)),
        (Kind::PodMonitor, names(&observed.pod_monitors)),
        (Kind::KafkaTopic, names(&observed.kafka_topics)),
    ];
    desired
        .kept
        .extend(all.into_iter().flat_map(|(kind, names)| names.into_iter().map(move |name| (kind, name))));
}

/// Has all workloads of a pipeline stop, and leaves everything else as it is: what is due is not known, but that nothing is
/// to work.
#[must_use]
pub fn stop_everything(observed: &Observed) -> Desired {
    let mut desired = Desired::default();
    keep_everything(&mut desired, observed);
    desired.stopped = desired
        .kept
        .iter()
        .filter(|(kind, _)| crate::diff::object_write::stopped(*kind).is_some())
        .cloned()
        .collect();
    desired
}

/// The reference that makes an object the pipeline's own. Its deletion does not wait for them.
pub(crate) fn owner(resource: &UserStreamPipeline) -> OwnerReference {
    OwnerReference {
        api_version: UserStreamPipeline::api_version(&()).into_owned(),
        kind: UserStreamPipeline::kind(&()).into_owned(),
        name: resource.name_any(),
        uid: resource.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

/// The metadata of an object of a component.
fn metadata(situation: &ValidInput<'_>, component: Component, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(situation.pipeline.namespace.to_string()),
        labels: Some(Names(&situation.pipeline.name).labels(component)),
        ..ObjectMeta::default()
    }
}
