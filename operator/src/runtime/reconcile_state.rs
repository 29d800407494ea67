//! What the operator keeps of a pipeline between two reconciles. All of it can be lost: a restarted operator finds it
//! again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use userstream_crds::claims::{Claim, claims};
use userstream_crds::{Pipeline, UserStreamPipeline, Violation, validate};

use super::backoff::Backoff;
use super::queue::trigger::Trigger;
use super::sync::lock;
use crate::diff::expectations::{Expectations, ObjectKey};
use crate::diff::object_write::ObjectWrite;
use crate::model::configuration::Configuration;
use crate::status::pipeline_sample::RunHistory;
use crate::status::throttle::StatusThrottle;

/// The model of a spec, or the rules that it breaks.
pub(crate) type Validated = Result<Pipeline, Vec<Violation>>;

/// When a pipeline is reconciled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Requeue {
    /// At this time, whatever happens until then; `None`: only when something changes.
    pub(crate) at: Option<Timestamp>,
}

/// What to do with a pipeline that the workqueue returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextAction {
    /// Reconcile it.
    Reconcile,
    /// Nothing: the last reconcile succeeded, and has already acted on all that has happened since.
    Skip(Requeue),
    /// Wait until the watches show the last writes.
    AwaitCaches,
}

/// What the operator keeps of one pipeline.
#[derive(Debug, Default)]
pub(crate) struct ReconcileState {
    /// The result of the last validation, and the generation of the spec.
    validated: Option<(Option<i64>, Arc<Validated>)>,
    /// The names of the configurations whose claims were recorded last. A configuration never changes under its name.
    configurations: Option<Vec<String>>,
    /// Writes that the stores do not show yet.
    pub(crate) expectations: Expectations,
    /// The objects that the API server has refused as invalid, and why.
    pub(crate) refused: HashMap<ObjectKey, (ObjectWrite, String)>,
    /// The requeue of the last reconcile; `None` if it did not succeed.
    requeue: Option<Requeue>,
    /// Since when the lag has called for fewer processors.
    pub(crate) low_since: Option<Timestamp>,
    /// The pipeline's runs, for the metrics.
    pub(crate) runs: RunHistory,
    /// When the status is written.
    pub(crate) throttle: StatusThrottle,
    /// The backoff of failed reconciles.
    pub(crate) backoff: Backoff,
    /// The error that was last reported of a resource that cannot be deserialized.
    pub(crate) reported_undecodable: Option<String>,
}

impl ReconcileState {
    /// The model of the spec. Each generation is validated once.
    pub(crate) fn validate(&mut self, resource: &UserStreamPipeline) -> Arc<Validated> {
        let generation = resource.metadata.generation;
        if let Some(known) = self.validated(generation) {
            return known;
        }
        let validated = Arc::new(validate(resource));
        self.validated = Some((generation, validated.clone()));
        validated
    }

    /// The result of the validation of this generation, if it was validated.
    pub(crate) fn validated(&self, generation: Option<i64>) -> Option<Arc<Validated>> {
        let (of, known) = self.validated.as_ref()?;
        (*of == generation && generation.is_some()).then(|| known.clone())
    }

    /// The claims that these configurations of the pipeline use; `None` if the configurations are unchanged. A
    /// configuration exists as long as something uses it.
    pub(crate) fn used_claims(&mut self, config_maps: &[Arc<ConfigMap>]) -> Option<Vec<Claim>> {
        let names: Vec<String> = config_maps.iter().map(|it| it.name_any()).collect();
        if self.configurations.as_ref() == Some(&names) {
            return None;
        }
        self.configurations = Some(names);
        let read = config_maps.iter().filter_map(|it| Configuration::read(it));
        Some(read.flat_map(|configuration| claims(&configuration.pipeline)).collect())
    }

    /// What to do for these triggers; without any, the requeue time has come.
    pub(crate) fn next_action(&mut self, triggers: &[Trigger], now: Timestamp) -> NextAction {
        let observed = || {
            triggers.iter().filter_map(|trigger| match trigger {
                Trigger::Changed => None,
                Trigger::Observed(key, version) => Some((key, version)),
            })
        };
        let accounted =
            observed().filter(|(key, version)| self.expectations.is_accounted(key, version)).count();
        let is_due = |requeue: &Requeue| triggers.is_empty() || requeue.at.is_some_and(|at| at <= now);
        self.requeue = self.requeue.take().filter(|requeue| accounted == triggers.len() && !is_due(requeue));
        observed().for_each(|(key, version)| self.expectations.observe(key, version));
        match self.requeue {
            Some(requeue) => NextAction::Skip(requeue),
            // The watch event that shows the write triggers the next reconcile. One without a trigger checks the stores
            // itself.
            None if !triggers.is_empty() && self.expectations.are_pending(now) => NextAction::AwaitCaches,
            None => NextAction::Reconcile,
        }
    }

    /// Records that a reconcile has succeeded.
    pub(crate) fn succeeded(&mut self, requeue: Requeue) {
        self.requeue = Some(requeue);
    }
}

/// What the operator keeps of all pipelines, by UID.
#[derive(Debug, Default)]
pub(crate) struct ReconcileStates(Mutex<HashMap<String, Arc<Mutex<ReconcileState>>>>);

impl ReconcileStates {
    /// The state of a pipeline.
    pub(crate) fn of(&self, uid: &str) -> Arc<Mutex<ReconcileState>> {
        let new = || {
            let backoff = Backoff::seeded(uid);
            Arc::new(Mutex::new(ReconcileState { backoff, ..ReconcileState::default() }))
        };
        lock(&self.0).entry(uid.to_owned()).or_insert_with(new).clone()
    }

    /// Drops the state of a deleted pipeline.
    pub(crate) fn remove(&self, uid: &str) {
        lock(&self.0).remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn own_writes_trigger_no_reconcile_and_all_else_does() {
        let now = Timestamp::constant(1_800_000_000, 0);
        let observed = |version: &str| Trigger::Observed(ObjectKey::Pipeline, version.to_owned());
        let requeue = Requeue { at: Some(now + SignedDuration::from_secs(5)) };
        let after_reconcile = || {
            let mut state = ReconcileState::default();
            state.expectations.expect_accounted(ObjectKey::Pipeline, Some("7".to_owned()), now);
            state.succeeded(requeue);
            state
        };
        assert_eq!(after_reconcile().next_action(&[observed("7")], now), NextAction::Skip(requeue));
        for triggers in [
            vec![],
            vec![observed("8")],
            vec![observed("7"), observed("8")],
            vec![observed("7"), Trigger::Changed],
        ] {
            let next = after_reconcile().next_action(&triggers, now);
            assert_eq!(next, NextAction::Reconcile, "{triggers:?}");
        }
        let due = after_reconcile().next_action(&[observed("7")], requeue.at.unwrap());
        assert_eq!(due, NextAction::Reconcile, "its time has come");
        let mut state = after_reconcile();
        assert_eq!(state.next_action(&[Trigger::Changed], now), NextAction::AwaitCaches);
        assert_eq!(state.next_action(&[observed("6")], now), NextAction::AwaitCaches);
        assert_eq!(state.next_action(&[observed("7")], now), NextAction::Reconcile, "for the change before");
        assert_eq!(state.next_action(&[observed("7")], now), NextAction::Reconcile, "it has not succeeded");
    }
}
