//! Keeps the index of claims as the watches see pipelines.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{Resource, ResourceExt};
use userstream_crds::claims::{Claim, claims};
use userstream_crds::worker_pod::has_ended;

use crate::model::configuration::Configuration;
use crate::model::observed::is_owned_by;
use crate::model::pipeline_key::PipelineKey;
use crate::plan::reservations::Reservations;
use crate::runtime::reconcile_state::{ReconcileStates, lock};
use crate::runtime::watch::store::Cache;
use crate::runtime::watch::stored_pipeline::StoredPipeline;
use crate::runtime::watch::watches::key_of;

/// How long the workers of a deleted pipeline may take to end before nobody waits for them any more: the garbage collector's
/// time, and their grace period. Those of one that was deleted without them (`--cascade=orphan`) never do.
const END: SignedDuration = SignedDuration::from_mins(2);

/// What there is to find out what a pipeline claims.
pub(crate) struct Claiming<'a> {
    /// Where the pipelines are; None: in all namespaces.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) memories: &'a ReconcileStates,
    pub(crate) config_maps: &'a Cache<ConfigMap>,
    pub(crate) deployments: &'a Cache<Deployment>,
    pub(crate) pods: &'a Cache<Pod>,
}

impl Claiming<'_> {
    /// Notes what a pipeline claims: by its spec, or by the configuration it goes on with when the spec is refused.
    /// Tells whom else that concerns.
    pub(crate) fn note(&self, index: &mut Reservations, pipeline: &StoredPipeline) -> BTreeSet<PipelineKey> {
        let claimed = self.by_spec(pipeline).or_else(|| {
            let known = index.knows(&pipeline.uid().unwrap_or_default());
            if known { None } else { self.by_last_good(pipeline) }
        });
        index.insert(pipeline.meta(), claimed)
    }

    /// Notes what all pipelines claim, once their configurations have been read. Those whose spec is refused were seen
    /// before that, and what they go on with was not known, or not which.
    pub(crate) fn note_all<'a>(
        &self,
        index: &mut Reservations,
        pipelines: impl IntoIterator<Item = &'a StoredPipeline>,
    ) {
        for pipeline in pipelines {
            let claimed = self.by_spec(pipeline).or_else(|| self.by_last_good(pipeline));
            index.insert(pipeline.meta(), claimed);
            let uid = pipeline.uid().unwrap_or_default();
            let mut own = self.config_maps.of(&key_of(pipeline));
            own.retain(|it| is_owned_by(it.as_ref(), Some(&uid)));
            let used = lock(&self.memories.of(&uid)).used(&own);
            index.works_with(&uid, used);
        }
    }

    /// Notes that a pipeline is gone: what it worked with is free once its workers have ended. Tells whom that concerns. An
    /// operator that starts while they end does not know of it.
    pub(crate) fn gone(&self, index: &mut Reservations, uid: &str, now: Timestamp) -> BTreeSet<PipelineKey> {
        let has_workers = index.holder(uid).is_some_and(|holder| self.has_workers(holder));
        if has_workers { index.leave(uid, now) } else { index.remove(uid) }
    }

    /// Frees what the workers of deleted pipelines worked with that have ended meanwhile. Tells whom that concerns.
    pub(crate) fn free_ended(&self, index: &mut Reservations, now: Timestamp) -> BTreeSet<PipelineKey> {
        let is_own =
            |holder: &PipelineKey| self.namespace.is_none_or(|namespace| namespace == holder.namespace);
        let has_ended = |holder: &PipelineKey, left: Timestamp| {
            is_own(holder) && (now.duration_since(left) >= END || !self.has_workers(holder))
        };
        let ended = index.leaving().filter(|(_, holder, left)| has_ended(holder, *left));
        let ended: Vec<String> = ended.map(|(uid, ..)| uid.to_owned()).collect();
        ended.iter().flat_map(|uid| index.remove(uid)).collect()
    }

    fn has_workers(&self, holder: &PipelineKey) -> bool {
        self.pods.of(holder).iter().any(|pod| !has_ended(pod))
    }

    fn by_spec(&self, pipeline: &StoredPipeline) -> Option<Vec<Claim>> {
        let memory = self.memories.of(&pipeline.uid().unwrap_or_default());
        // Most events are not about the spec, and reading a resource costs more than all the rest.
        let known = lock(&memory).validated(pipeline.meta().generation);
        let validated = match known {
            Some(known) => known,
            None => lock(&memory).validate(&*pipeline.read().ok()?),
        };
        validated.as_ref().as_ref().ok().map(claims)
    }

    fn by_last_good(&self, pipeline: &StoredPipeline) -> Option<Vec<Claim>> {
        let key = key_of(pipeline);
        let last = Configuration::last_good(&self.config_maps.of(&key), &self.deployments.of(&key));
        last.map(|last| claims(&last.pipeline))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::watcher::Event;
    use serde_json::{Value, json};
    use userstream_crds::names::PIPELINE;
    use userstream_crds::{UserStreamPipeline, validate};

    use super::*;
    use crate::model::configuration::Purpose;
    use crate::model::settings::Settings;
    use crate::runtime::watch::store::StoreWriter;

    /// A pipeline of the example, the older the smaller its year.
    fn named(name: &str, year: u16) -> Value {
        let text =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/examples/users.yaml"));
        let mut pipeline: Value = serde_saphyr::from_str(&text.unwrap()).unwrap();
        pipeline["metadata"] = json!({
            "name": name, "namespace": "demo", "uid": name, "creationTimestamp": format!("{year}-01-01T00:00:00Z"),
        });
        pipeline
    }

    fn config_map_of(pipeline: &Value) -> ConfigMap {
        let resource: UserStreamPipeline = serde_json::from_value(pipeline.clone()).unwrap();
        let model = validate(&resource).unwrap();
        let settings = Settings::with_worker_image("example.org/userstream-worker:1");
        let mut config_map = Configuration::of(&resource, &model, Purpose::Work, &settings).config_map();
        config_map.metadata.namespace = Some("demo".to_owned());
        config_map
    }

    #[test]
    fn after_a_restart_a_pipeline_claims_what_it_goes_on_with_however_its_spec_is_refused() {
        let good = named("older", 2020);
        let (mut invalid, mut undecodable) = (good.clone(), good.clone());
        invalid["spec"]["processor"]["filter"] = json!("this is no expression (");
        undecodable["spec"]["processor"] = json!("this is no object");
        for refused in [invalid, undecodable] {
            let config_maps = Arc::new(Cache::default());
            let (memories, deployments, pods) = Default::default();
            let claiming = Claiming {
                namespace: None,
                memories: &memories,
                config_maps: &config_maps,
                deployments: &deployments,
                pods: &pods,
            };
            let mut index = Reservations::default();
            let pipelines: Vec<StoredPipeline> =
                [refused, named("younger", 2021)].map(|it| serde_json::from_value(it).unwrap()).into();
            for pipeline in &pipelines {
                claiming.note(&mut index, pipeline);
            }
            assert_eq!(index.conflict("younger"), None, "no configuration has been read yet");
            StoreWriter::new(config_maps.clone()).take(Event::Apply(config_map_of(&good)));
            claiming.note_all(&mut index, &pipelines);
            let holder = index.conflict("younger").map(|conflict| conflict.holder.name);
            assert_eq!(holder.as_deref(), Some("older"), "{pipelines:?}");
        }
    }

    #[test]
    fn what_a_deleted_pipeline_worked_with_is_free_when_its_pods_have_ended_or_should_have() {
        let (config_maps, deployments, memories) = Default::default();
        let pods = Arc::new(Cache::default());
        let claiming = |namespace| Claiming {
            namespace,
            memories: &memories,
            config_maps: &config_maps,
            deployments: &deployments,
            pods: &pods,
        };
        let pod = |phase: &str| -> Pod {
            serde_json::from_value(json!({
                "metadata": {"name": "older-processor-1", "namespace": "demo", "labels": {PIPELINE: "older"}},
                "status": {"phase": phase},
            }))
            .unwrap()
        };
        let noted = || {
            let mut index = Reservations::default();
            for pipeline in [named("older", 2020), named("younger", 2021)] {
                claiming(None).note(&mut index, &serde_json::from_value(pipeline).unwrap());
            }
            index
        };
        let now = Timestamp::constant(1_800_000_000, 0);
        for (is_deleted, waited, is_free) in
            [(false, SignedDuration::ZERO, false), (false, END, true), (true, SignedDuration::ZERO, true)]
        {
            let mut feed = StoreWriter::new(pods.clone());
            let mut index = noted();
            feed.take(Event::Apply(pod("Running")));
            assert_eq!(index.admit("older").conflict, None);
            assert_eq!(claiming(None).gone(&mut index, "older", now).len(), 1, "it is to be told");
            assert!(index.admit("younger").conflict.is_some());
            if is_deleted {
                feed.take(Event::Delete(pod("Running")));
            }
            let later = now + waited;
            assert_eq!(
                claiming(Some("elsewhere")).free_ended(&mut index, later),
                BTreeSet::new(),
                "another scope's"
            );
            let concerned = claiming(Some("demo")).free_ended(&mut index, later);
            assert_eq!(
                concerned.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
                if is_free { vec!["younger"] } else { vec![] }
            );
            assert_eq!(index.admit("younger").conflict.is_none(), is_free);
        }
        let mut index = noted();
        index.admit("older");
        StoreWriter::new(pods.clone()).take(Event::Apply(pod("Succeeded")));
        assert_eq!(claiming(None).gone(&mut index, "older", now).len(), 1, "nothing of it works");
    }
}
