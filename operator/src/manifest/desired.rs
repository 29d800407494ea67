//! Which objects of a pipeline there are to be, which stay as they are, and which are stopped.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::Value;

use crate::model::input::ValidInput;
use crate::model::kind::Kind;
use crate::model::observed::Observed;
use crate::model::workload::stopped_fields;

/// An object as the operator applies it.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Its kind.
    pub kind: Kind,
    /// Its name, in the namespace of the pipeline.
    pub name: String,
    /// The fields that the operator sets, including `apiVersion`, `kind` and `metadata`.
    pub body: Value,
}

/// The desired objects of a pipeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// The objects to apply, in order.
    pub manifests: Vec<Manifest>,
    /// Objects that stay as they are.
    pub kept: BTreeSet<(Kind, String)>,
    /// The workloads among the kept objects that are stopped because the pipeline is suspended.
    pub stopped: BTreeSet<(Kind, String)>,
    /// The name of the cleanup Job among the manifests.
    pub cleanup: Option<String>,
}

impl Desired {
    /// Every observed object as it is, but all workloads stopped. For a suspended pipeline whose spec is refused:
    /// nothing else of the spec can be trusted.
    #[must_use]
    pub fn everything_stopped(observed: &Observed) -> Self {
        let mut desired = Self::default();
        desired.keep_everything(observed);
        let is_workload = |(kind, _): &&(Kind, String)| stopped_fields(*kind).is_some();
        desired.stopped = desired.kept.iter().filter(is_workload).cloned().collect();
        desired
    }

    /// Whether an object of the pipeline is applied or kept. All others are deleted.
    #[must_use]
    pub fn contains(&self, kind: Kind, name: &str) -> bool {
        self.kept.contains(&(kind, name.to_owned()))
            || self.manifests.iter().any(|manifest| manifest.kind == kind && manifest.name == name)
    }

    /// Whether a kept workload is stopped.
    #[must_use]
    pub fn stops(&self, kind: Kind, name: &str) -> bool {
        self.stopped.contains(&(kind, name.to_owned()))
    }

    pub(super) fn keep(&mut self, kind: Kind, name: String) {
        self.kept.insert((kind, name));
    }

    /// Keeps a workload as it is, but stopped while the pipeline is suspended.
    pub(super) fn keep_workload(&mut self, input: &ValidInput<'_>, kind: Kind, name: &str) {
        self.keep(kind, name.to_owned());
        if input.pipeline.suspend {
            self.stopped.insert((kind, name.to_owned()));
        }
    }

    /// Keeps every object of the pipeline as it is.
    pub(super) fn keep_everything(&mut self, observed: &Observed) {
        fn names<K: Resource>(objects: &[Arc<K>]) -> Vec<String> {
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
        let all = all.into_iter();
        self.kept.extend(all.flat_map(|(kind, names)| names.into_iter().map(move |name| (kind, name))));
    }

    /// Adds an object that the pipeline controls.
    pub(super) fn apply<K: Resource<DynamicType = ()> + Serialize>(
        &mut self,
        kind: Kind,
        owner: &OwnerReference,
        mut object: K,
    ) {
        object.meta_mut().owner_references = Some(vec![owner.clone()]);
        let name = object.name_any();
        let mut body = serde_json::to_value(&object).unwrap_or_default();
        // The types of k8s-openapi serialize an empty status, and server-side apply would claim its fields.
        if let Some(fields) = body.as_object_mut() {
            fields.retain(|field, value| field != "status" || !is_empty(value));
        }
        self.manifests.push(Manifest { kind, name, body });
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty)
}
