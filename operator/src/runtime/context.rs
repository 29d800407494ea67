//! What the reconciles of one namespace, or of all, share.

use std::sync::{Arc, Mutex};

use kube::runtime::reflector::{self, ObjectRef};
use kube::{Client, Resource};

use super::Metrics;
use super::events::EventRecorder;
use super::lease::LeaderGuard;
use super::queue::workqueue::WorkQueue;
use super::reconcile_state::ReconcileStates;
use super::reservations::ClaimSources;
use super::scrape::scrape_state::ScrapeStates;
use super::watch::stored_pipeline::StoredPipeline;
use super::watch::watches::Stores;
use crate::model::pipeline_key::PipelineKey;
use crate::model::settings::Settings;
use crate::plan::reservations::Reservations;
use crate::status::pipeline_sample::PipelineSample;
use crate::status::throttle::RateLimiter;

/// What the reconciles of one namespace, or of all, share.
pub(crate) struct Context {
    pub(crate) client: Client,
    /// The namespace of the pipelines; `None`: all.
    pub(crate) namespace: Option<String>,
    pub(crate) settings: Settings,
    pub(crate) stores: Stores,
    pub(crate) pipelines: reflector::Store<StoredPipeline>,
    pub(crate) reservations: Arc<Mutex<Reservations>>,
    pub(crate) queue: Arc<WorkQueue>,
    pub(crate) scrapes: Arc<ScrapeStates>,
    pub(crate) limiter: Arc<Mutex<RateLimiter>>,
    pub(crate) states: ReconcileStates,
    pub(crate) events: EventRecorder,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) leader: LeaderGuard,
}

impl Context {
    /// Updates the metrics of a pipeline. One that was deleted during its reconcile has none: its deletion removes them
    /// once it is gone from the store.
    pub(crate) fn set_sample(&self, key: &PipelineKey, uid: &str, sample: PipelineSample) {
        self.metrics.pipelines.set(key.clone(), uid, sample);
        let reference = ObjectRef::<StoredPipeline>::new(&key.name).within(&key.namespace);
        let stored = self.pipelines.get(&reference);
        if stored.is_none_or(|stored| stored.meta().uid.as_deref() != Some(uid)) {
            self.metrics.pipelines.remove(uid);
        }
    }

    pub(crate) fn claim_sources(&self) -> ClaimSources<'_> {
        ClaimSources {
            namespace: self.namespace.as_deref(),
            states: &self.states,
            config_maps: &self.stores.config_maps,
            deployments: &self.stores.deployments,
            pods: &self.stores.pods,
        }
    }
}
