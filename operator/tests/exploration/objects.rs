//! Objects and pods, each kept once: a state refers to them by number. What is done to one is remembered as well.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
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

use crate::specs::uid;

/// What is watched: the kinds of objects, the pods, and the pipelines last.
pub(crate) const WATCHES: usize = 7;
pub(crate) const JOBS: usize = 1;
pub(crate) const CRON_JOBS: usize = 2;
pub(crate) const DEPLOYMENTS: usize = 3;
pub(crate) const PODS: usize = 5;
pub(crate) const PIPELINE: usize = 6;
pub(crate) const WATCH_NAMES: [&str; WATCHES] =
    ["ConfigMaps", "Jobs", "CronJobs", "Deployments", "PodDisruptionBudgets", "Pods", "pipelines"];

pub(crate) fn watch_of(kind: Kind) -> usize {
    match kind {
        Kind::ConfigMap => 0,
        Kind::Job => JOBS,
        Kind::CronJob => CRON_JOBS,
        Kind::Deployment => DEPLOYMENTS,
        Kind::PodDisruptionBudget => 4,
        Kind::NetworkPolicy | Kind::PodMonitor | Kind::KafkaTopic => panic!("{kind:?} is switched off"),
    }
}

/// An object as a cache keeps it.
fn kept<K: StoreTransform + DeserializeOwned>(body: Value) -> Arc<K> {
    let mut object: K = serde_json::from_value(body).unwrap();
    object.transform();
    Arc::new(object)
}

/// The objects as the operator reads them.
#[derive(Clone, Debug)]
pub(crate) enum Typed {
    ConfigMap(Arc<ConfigMap>),
    Job(Arc<Job>),
    CronJob(Arc<CronJob>),
    Deployment(Arc<Deployment>),
    PodDisruptionBudget(Arc<PodDisruptionBudget>),
    Pod(Arc<Pod>),
}

/// How a Job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobPhase {
    Open,
    Succeeded,
    Failed,
}

/// An object or a pod, and what the model wants to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) watch: usize,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) owner: Option<String>,
    /// The pipeline that owns it.
    pub(crate) incarnation: Option<u8>,
    pub(crate) component: String,
    pub(crate) configuration: Option<String>,
    /// The ConfigMap that its pods need to start.
    pub(crate) config_map: Option<String>,
    pub(crate) replicas: i64,
    pub(crate) is_suspended: bool,
    pub(crate) job: JobPhase,
    /// Of a Deployment: its status is of its newest spec and all is well. Of a pod: it is running.
    pub(crate) is_well: bool,
    /// Of a Deployment: the controller has seen its newest spec and made its pods.
    pub(crate) is_rolling: bool,
    pub(crate) has_failed_before: bool,
    pub(crate) body: Value,
    pub(crate) typed: Typed,
    pub(crate) digest: u128,
}

pub(crate) fn digest(of: &impl Hash) -> u128 {
    let half = |seed: u64| {
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        of.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

fn text(body: &Value, pointer: &str) -> Option<String> {
    body.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

impl Item {
    fn new(watch: usize, body: Value) -> Self {
        let read = body.clone();
        let typed = match watch {
            0 => Typed::ConfigMap(kept(read)),
            JOBS => Typed::Job(kept(read)),
            CRON_JOBS => Typed::CronJob(kept(read)),
            DEPLOYMENTS => Typed::Deployment(kept(read)),
            4 => Typed::PodDisruptionBudget(kept(read)),
            _ => Typed::Pod(kept(read)),
        };
        let template = match watch {
            CRON_JOBS => "/spec/jobTemplate/spec/template/metadata/annotations",
            PODS => "/metadata/annotations",
            _ => "/spec/template/metadata/annotations",
        };
        let condition = text(&body, "/status/conditions/0/type");
        let number = |pointer: &str| body.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
        let replicas = number("/spec/replicas");
        let owner = text(&body, "/metadata/ownerReferences/0/uid");
        let volume = if watch == CRON_JOBS { "/spec/jobTemplate/spec" } else { "/spec" };
        let is_well = if watch == PODS {
            text(&body, "/status/phase").as_deref() == Some("Running")
        } else {
            let all = ["replicas", "updatedReplicas", "availableReplicas"];
            number("/status/observedGeneration") == number("/metadata/generation")
                && all.iter().all(|field| number(&format!("/status/{field}")) == replicas)
        };
        Self {
            watch,
            name: text(&body, "/metadata/name").unwrap(),
            uid: text(&body, "/metadata/uid").unwrap(),
            incarnation: [1, 2].into_iter().find(|number| owner.as_ref() == Some(&uid(*number))),
            owner,
            component: body["metadata"]["labels"][COMPONENT].as_str().unwrap_or_default().to_owned(),
            configuration: body
                .pointer(template)
                .and_then(|annotations| annotations[CONFIGURATION].as_str().map(str::to_owned)),
            config_map: text(&body, &format!("{volume}/template/spec/volumes/0/configMap/name")),
            replicas,
            is_suspended: body.pointer("/spec/suspend") == Some(&Value::Bool(true)),
            job: match condition.as_deref() {
                Some("Complete") => JobPhase::Succeeded,
                Some("Failed") => JobPhase::Failed,
                _ => JobPhase::Open,
            },
            is_well,
            is_rolling: body.pointer("/status").is_some()
                && number("/status/observedGeneration") == number("/metadata/generation")
                && number("/status/updatedReplicas") == replicas,
            has_failed_before: body.pointer("/status/containerStatuses/0/lastState").is_some(),
            typed,
            digest: digest(&(watch, body.to_string())),
            body,
        }
    }
}

/// All objects and pods that ever were.
#[derive(Default)]
pub(crate) struct Items {
    all: Vec<Arc<Item>>,
    known: HashMap<u128, u32>,
    derived: HashMap<(u32, &'static str, u8), u32>,
}

impl Items {
    pub(crate) fn get(&self, id: u32) -> &Arc<Item> {
        &self.all[id as usize]
    }

    /// An object of this name, whether it is still there or not.
    pub(crate) fn once(&self, watch: usize, name: &str) -> Option<&Item> {
        self.all.iter().map(Arc::as_ref).find(|item| item.watch == watch && item.name == name)
    }

    pub(crate) fn put(&mut self, watch: usize, body: Value) -> u32 {
        let key = digest(&(watch, body.to_string()));
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = u32::try_from(self.all.len()).unwrap();
        self.all.push(Arc::new(Item::new(watch, body)));
        self.known.insert(key, id);
        id
    }

    /// An object after something was done to it.
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

    /// A pod that comes of an object.
    pub(crate) fn child(
        &mut self,
        id: u32,
        what: &'static str,
        parameter: u8,
        watch: usize,
        make: impl FnOnce(&Item) -> Value,
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
