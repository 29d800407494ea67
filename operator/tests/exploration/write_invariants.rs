//! What an operator must never create or delete.

use serde_json::json;
use userstream_operator::diff::object_write::ObjectWrite;
use userstream_operator::manifest::Manifest;
use userstream_operator::model::kind::Kind;

use crate::model::{Model, Reconcile};
use crate::objects::{CONFIG_MAPS, CRON_JOBS, DEPLOYMENTS, JobPhase, Object, PODS};
use crate::specs::uid;
use crate::state::{Operator, State};

impl Model {
    pub(crate) fn check_creation(
        &self,
        state: &State,
        reconcile: &Reconcile,
        manifest: &Manifest,
        operator: &Operator,
    ) -> Result<(), String> {
        let component = manifest.body["metadata"]["labels"]["app.kubernetes.io/component"].as_str();
        let name = &manifest.name;
        let incarnation = reconcile.pipeline.incarnation;
        if manifest.kind == Kind::Job && component == Some("cleanup") {
            let pipeline = self.pipeline(state);
            let is_to_be_deleted = pipeline.as_ref().is_some_and(|pipeline| {
                pipeline.incarnation == incarnation && pipeline.deleting && pipeline.spec.deletes
            });
            if !is_to_be_deleted {
                return Err(format!("{name} deletes data that is to stay: {pipeline:?}"));
            }
            if self.creating_pods_run(state) {
                return Err(format!("{name} deletes what pods still use"));
            }
        }
        let watches = 1 << PODS | 1 << DEPLOYMENTS | 1 << CRON_JOBS;
        if component == Some("producer") && operator.stalled & watches == 0 && state.former.is_none() {
            let has_runs = manifest.kind == Kind::CronJob;
            let other = self.pods(state).find(|pod| {
                pod.component == "producer"
                    && pod.is_well
                    && (pod.body["metadata"]["ownerReferences"][0]["kind"] == "Job") != has_runs
                    && pod.body["metadata"]["annotations"]["incarnation"] == json!(incarnation.to_string())
            });
            if let Some(other) = other {
                return Err(format!("{name} starts while {} still produces", other.name));
            }
        }
        Ok(())
    }

    pub(crate) fn check_deletion(
        &self,
        state: &State,
        reconcile: &Reconcile,
        operator: &Operator,
        object: &Object,
    ) -> Result<(), String> {
        let incarnation = reconcile.pipeline.incarnation;
        if object.owner.as_deref() != Some(&uid(incarnation)) {
            return Err(format!("{} is deleted, which does not belong to this pipeline", object.name));
        }
        let pipeline = self.pipeline(state).filter(|pipeline| pipeline.incarnation == incarnation);
        let Some(pipeline) = pipeline.filter(|pipeline| !pipeline.deleting) else { return Ok(()) };
        if object.watch == DEPLOYMENTS && object.component == "processor" {
            return Err(format!("{} is deleted although the pipeline stays: {pipeline:?}", object.name));
        }
        let is_blind = operator.is_stalled(PODS) || state.former.is_some();
        if object.watch != CONFIG_MAPS || is_blind {
            return Ok(());
        }
        let is_deleted = |user: &Object| {
            let writes = reconcile.plan.iter().flat_map(|plan| &plan.writes);
            writes
                .into_iter()
                .any(|write| matches!(write, ObjectWrite::Delete { .. }) && write.name() == user.name)
        };
        let workloads = (1..=DEPLOYMENTS).flat_map(|watch| self.ids(state, watch));
        let user = workloads.map(|id| self.objects.get(id)).find(|user| {
            user.job == JobPhase::Open
                && user.owner == object.owner
                && reconcile.view[user.watch] == state.actual[user.watch]
                && user.config_map.as_ref() == Some(&object.name)
                && !is_deleted(user)
        });
        match user {
            Some(user) => Err(format!("{} is deleted, which {} still needs", object.name, user.name)),
            None => Ok(()),
        }
    }
}
