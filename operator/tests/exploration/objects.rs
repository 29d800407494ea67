//! Objects and pods by number, each once. A change of an object is remembered as well.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::de::DeserializeOwned;
use serde_json::Value;
use userstream_crds::names::{COMPONENT, CONFIGURATION};
use userstream_operator::model::kind::Kind;
use userstream_operator::runtime::watch::transform::StoreTransform;

use crate::digest::digest_of;
use crate::specs::uid;

/// How many watches there are: of the kinds, of pods, and of pipelines.
pub(crate) const WATCHES: usize = 7;
pub(crate) const CONFIG_MAPS: usize = 0;
pub(crate) const JOBS: usize = 1;
pub(crate) const CRON_JOBS: usize = 2;
pub(crate) const DEPLOYMENTS: usize = 3;
pub(crate) const BUDGETS: usize = 4;
pub(crate) const PODS: usize = 5;
pub(crate) const PIPELINE: usize = 6;
pub(crate) const WATCH_NAMES: [&str; WATCHES] =
    ["ConfigMaps", "Jobs", "CronJobs", "Deployments", "PodDisruptionBudgets", "Pods", "pipelines"];

pub(crate) fn watch_of(kind: Kind) -> usize {
    match kind {
        Kind::ConfigMap => CONFIG_MAPS,
        Kind::Job => JOBS,
        Kind::CronJob => CRON_JOBS,
        Kind::Deployment => DEPLOYMENTS,
        Kind::PodDisruptionBudget => BUDGETS,
        Kind::NetworkPolicy | Kind::PodMonitor | Kind::KafkaTopic => panic!("{kind:?} is switched off"),
    }
}

/// An object as the stores keep it.
fn stored<K: StoreTransform + DeserializeOwned>(body: Value) -> Arc<K> {
    let mut object: K = serde_json::from_value(body).unwrap();
    object.transform();
    Arc::new(object)
}

/// An object as the operator reads it.
#[derive(Clone, Debug)]
pub(crate) enum Typed {
    ConfigMap(Arc<ConfigMap>),
    Job(Arc<Job>),
    CronJob(Arc<CronJob>),
    Deployment(Arc<Deployment>),
    PodDisruptionBudget(Arc<PodDisruptionBudget>),
    Pod(Arc<Pod>),
}

impl Typed {
    fn of(watch: usize, body: Value) -> Self {
        match watch {
            CONFIG_MAPS => Self::ConfigMap(stored(body)),
            JOBS => Self::Job(stored(body)),
            CRON_JOBS => Self::CronJob(stored(body)),
            DEPLOYMENTS => Self::Deployment(stored(body)),
            BUDGETS => Self::PodDisruptionBudget(stored(body)),
            _ => Self::Pod(stored(body)),
        }
    }
}

/// How far a Job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobPhase {
    Open,
    Succeeded,
    Failed,
}

/// An object or a pod, and what the model reads of it.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) watch: usize,
    pub(crate) name: String,
    pub(crate) uid: String,
    /// The UID of its owner.
    pub(crate) owner: Option<String>,
    /// The incarnation of the pipeline that owns it.
    pub(crate) incarnation: Option<u8>,
    pub(crate) component: String,
    pub(crate) configuration: Option<String>,
    /// The ConfigMap that its pods need to start.
    pub(crate) config_map: Option<String>,
    pub(crate) replicas: i64,
    pub(crate) is_suspended: bool,
    pub(crate) job: JobPhase,
    /// Of a Deployment: its rollout is complete. Of a pod: it runs.
    pub(crate) is_well: bool,
    /// Of a Deployment: its controller has observed the newest spec and created the pods.
    pub(crate) is_rolling: bool,
    /// Of a pod: an attempt in it has failed.
    pub(crate) has_failed_before: bool,
    pub(crate) body: Value,
    pub(crate) typed: Typed,
    pub(crate) digest: u128,
}

fn text(body: &Value, pointer: &str) -> Option<String> {
    body.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

fn number(body: &Value, pointer: &str) -> i64 {
    body.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

impl Object {
    fn new(watch: usize, body: Value) -> Self {
        let template = match watch {
            CRON_JOBS => "/spec/jobTemplate/spec/template/metadata/annotations",
            PODS => "/metadata/annotations",
            _ => "/spec/template/metadata/annotations",
        };
        let configuration =
            body.pointer(template).and_then(|annotations| annotations[CONFIGURATION].as_str());
        let configuration = configuration.map(str::to_owned);
        let spec = if watch == CRON_JOBS { "/spec/jobTemplate/spec" } else { "/spec" };
        let owner = text(&body, "/metadata/ownerReferences/0/uid");
        let replicas = number(&body, "/spec/replicas");
        let is_observed =
            number(&body, "/status/observedGeneration") == number(&body, "/metadata/generation");
        let has = |field: &str| number(&body, &format!("/status/{field}")) == replicas;
        Self {
            watch,
            name: text(&body, "/metadata/name").unwrap(),
            uid: text(&body, "/metadata/uid").unwrap(),
            incarnation: [1, 2].into_iter().find(|number| owner.as_ref() == Some(&uid(*number))),
            owner,
            component: body["metadata"]["labels"][COMPONENT].as_str().unwrap_or_default().to_owned(),
            configuration,
            config_map: text(&body, &format!("{spec}/template/spec/volumes/0/configMap/name")),
            replicas,
            is_suspended: body.pointer("/spec/suspend") == Some(&Value::Bool(true)),
            job: match text(&body, "/status/conditions/0/type").as_deref() {
                Some("Complete") => JobPhase::Succeeded,
                Some("Failed") => JobPhase::Failed,
                _ => JobPhase::Open,
            },
            is_well: match watch {
                PODS => text(&body, "/status/phase").as_deref() == Some("Running"),
                _ => is_observed && ["replicas", "updatedReplicas", "availableReplicas"].into_iter().all(has),
            },
            is_rolling: body.pointer("/status").is_some() && is_observed && has("updatedReplicas"),
            has_failed_before: body.pointer("/status/containerStatuses/0/lastState").is_some(),
            typed: Typed::of(watch, body.clone()),
            digest: digest_of(&(watch, body.to_string())),
            body,
        }
    }
}

/// All objects and pods that ever existed.
#[derive(Default)]
pub(crate) struct Objects {
    all: Vec<Arc<Object>>,
    known: HashMap<u128, u32>,
    derived: HashMap<(u32, &'static str, u8), u32>,
}

impl Objects {
    pub(crate) fn get(&self, id: u32) -> &Arc<Object> {
        &self.all[id as usize]
    }

    /// An object of this name, whether it still exists or not.
    pub(crate) fn ever(&self, watch: usize, name: &str) -> Option<&Object> {
        self.all.iter().map(Arc::as_ref).find(|object| object.watch == watch && object.name == name)
    }

    pub(crate) fn put(&mut self, watch: usize, body: Value) -> u32 {
        let key = digest_of(&(watch, body.to_string()));
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = u32::try_from(self.all.len()).unwrap();
        self.all.push(Arc::new(Object::new(watch, body)));
        self.known.insert(key, id);
        id
    }

    /// An object after a change, which its name and parameter identify.
    pub(crate) fn derive(
        &mut self,
        id: u32,
        what: &'static str,
        parameter: u8,
        change: impl FnOnce(&mut Value),
    ) -> u32 {
        if let Some(known) = self.derived.get(&(id, what, parameter)) {
            return *known;
        }
        let (watch, mut body) = (self.get(id).watch, self.get(id).body.clone());
        change(&mut body);
        let next = self.put(watch, body);
        self.derived.insert((id, what, parameter), next);
        next
    }

    /// An object that a controller creates for another one.
    pub(crate) fn child(
        &mut self,
        id: u32,
        what: &'static str,
        parameter: u8,
        watch: usize,
        make: impl FnOnce(&Object) -> Value,
    ) -> u32 {
        if let Some(known) = self.derived.get(&(id, what, parameter)) {
            return *known;
        }
        let body = make(self.get(id));
        let next = self.put(watch, body);
        self.derived.insert((id, what, parameter), next);
        next
    }
}
