//! Keeps the index of claims as the watches see pipelines.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Resource, ResourceExt};
use userstream_crds::claims::{Claim, claims};

use super::cache::{Cache, PipelineKey};
use super::guarded::Guarded;
use super::memory::{Memories, lock};
use super::scope::key_of;
use crate::claim_index::{ClaimIndex, Holder};
use crate::configuration::Configuration;
use crate::observed::is_owned_by;

/// What there is to find out what a pipeline claims.
pub(super) struct Claiming<'a> {
    pub(super) memories: &'a Memories,
    pub(super) config_maps: &'a Cache<ConfigMap>,
    pub(super) deployments: &'a Cache<Deployment>,
}

impl Claiming<'_> {
    /// Notes what a pipeline claims: by its spec, or by the configuration it goes on with when the spec is refused.
    /// Tells whom else that concerns.
    pub(super) fn note(&self, index: &mut ClaimIndex, pipeline: &Guarded) -> Vec<PipelineKey> {
        let claimed = self.by_spec(pipeline).or_else(|| {
            let known = index.knows(&pipeline.uid().unwrap_or_default());
            if known { None } else { self.by_last_good(pipeline) }
        });
        keys(index.insert(pipeline.meta(), claimed))
    }

    /// Notes what all pipelines claim, once their configurations have been read. Those whose spec is refused were seen
    /// before that, and what they go on with was not known, or not which.
    pub(super) fn note_all<'a>(
        &self,
        index: &mut ClaimIndex,
        pipelines: impl IntoIterator<Item = &'a Guarded>,
    ) {
        for pipeline in pipelines {
            let claimed = self.by_spec(pipeline).or_else(|| self.by_last_good(pipeline));
            index.insert(pipeline.meta(), claimed);
            let uid = pipeline.uid().unwrap_or_default();
            let mut own = self.config_maps.of(&key_of(pipeline));
            own.retain(|it| is_owned_by(it.as_ref(), Some(&uid)));
            if let Some(used) = lock(&self.memories.of(&uid)).used(&own) {
                index.works_with(&uid, used);
            }
        }
    }

    fn by_spec(&self, pipeline: &Guarded) -> Option<Vec<Claim>> {
        let memory = self.memories.of(&pipeline.uid().unwrap_or_default());
        // Most events are not about the spec, and reading a resource costs more than all the rest.
        let known = lock(&memory).validated(pipeline.meta().generation);
        let validated = match known {
            Some(known) => known,
            None => lock(&memory).validate(&*pipeline.read().ok()?),
        };
        validated.as_ref().as_ref().ok().map(claims)
    }

    fn by_last_good(&self, pipeline: &Guarded) -> Option<Vec<Claim>> {
        let key = key_of(pipeline);
        let last = Configuration::last_good(&self.config_maps.of(&key), &self.deployments.of(&key));
        last.map(|last| claims(&last.pipeline))
    }
}

/// Those whom a change of the index concerns.
pub(super) fn keys(concerned: BTreeSet<Holder>) -> Vec<PipelineKey> {
    concerned.into_iter().map(|it| PipelineKey { namespace: it.namespace, name: it.name }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::watcher::Event;
    use serde_json::{Value, json};
    use userstream_crds::{UserStreamPipeline, validate};

    use super::super::cache::Feed;
    use super::*;
    use crate::configuration::Purpose;
    use crate::settings::Settings;

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
            let (memories, deployments) = Default::default();
            let claiming =
                Claiming { memories: &memories, config_maps: &config_maps, deployments: &deployments };
            let mut index = ClaimIndex::default();
            let pipelines: Vec<Guarded> =
                [refused, named("younger", 2021)].map(|it| serde_json::from_value(it).unwrap()).into();
            for pipeline in &pipelines {
                claiming.note(&mut index, pipeline);
            }
            assert_eq!(index.conflict("younger"), None, "no configuration has been read yet");
            Feed::new(config_maps.clone()).take(Event::Apply(config_map_of(&good)));
            claiming.note_all(&mut index, &pipelines);
            let holder = index.conflict("younger").map(|conflict| conflict.holder.name);
            assert_eq!(holder.as_deref(), Some("older"), "{pipelines:?}");
        }
    }
}
