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

/// The pipeline of the example, created in this year.
fn named(name: &str, year: u16) -> Value {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/examples/users.yaml"));
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
fn restart_restores_claims_of_the_last_good_configuration() {
    let good = named("older", 2020);
    let (mut invalid, mut undecodable) = (good.clone(), good.clone());
    invalid["spec"]["processor"]["filter"] = json!("this is no expression (");
    undecodable["spec"]["processor"] = json!("this is no object");
    for refused in [invalid, undecodable] {
        let config_maps = Arc::new(Store::default());
        let (states, deployments, pods) = Default::default();
        let sources = ClaimSources {
            namespace: None,
            states: &states,
            config_maps: &config_maps,
            deployments: &deployments,
            pods: &pods,
        };
        let mut reservations = Reservations::default();
        let pipelines: Vec<StoredPipeline> =
            [refused, named("younger", 2021)].map(|it| serde_json::from_value(it).unwrap()).into();
        for pipeline in &pipelines {
            sources.declare(&mut reservations, pipeline);
        }
        assert_eq!(reservations.conflict("younger"), None, "the stores have not synced yet");
        StoreWriter::new(config_maps.clone()).apply(Event::Apply(config_map_of(&good)));
        sources.declare_all(&mut reservations, &pipelines);
        let holder = reservations.conflict("younger").map(|conflict| conflict.holder.name);
        assert_eq!(holder.as_deref(), Some("older"), "{pipelines:?}");
    }
}

/// The sources of claims, with stores of which only that of pods is used.
#[derive(Default)]
struct Sources {
    config_maps: Store<ConfigMap>,
    deployments: Store<Deployment>,
    pods: Arc<Store<Pod>>,
    states: ReconcileStates,
}

impl Sources {
    fn of<'a>(&'a self, namespace: Option<&'a str>) -> ClaimSources<'a> {
        ClaimSources {
            namespace,
            states: &self.states,
            config_maps: &self.config_maps,
            deployments: &self.deployments,
            pods: &self.pods,
        }
    }

    /// An older pipeline that has reserved the claims of a younger one.
    fn reserved(&self) -> Reservations {
        let mut reservations = Reservations::default();
        for pipeline in [named("older", 2020), named("younger", 2021)] {
            self.of(None).declare(&mut reservations, &serde_json::from_value(pipeline).unwrap());
        }
        assert_eq!(reservations.reserve("older").conflict, None);
        reservations
    }
}

fn pod(phase: &str) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": "older-processor-1", "namespace": "demo", "labels": {PIPELINE: "older"}},
        "status": {"phase": phase},
    }))
    .unwrap()
}

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

#[test]
fn claims_of_a_deleted_pipeline_are_free_after_its_pods() {
    let sources = Sources::default();
    for (is_deleted, waited, is_free) in [
        (false, SignedDuration::ZERO, false),
        (false, LONGEST_TERMINATION, true),
        (true, SignedDuration::ZERO, true),
    ] {
        let mut writer = StoreWriter::new(sources.pods.clone());
        let mut reservations = sources.reserved();
        writer.apply(Event::Apply(pod("Running")));
        assert_eq!(sources.of(None).deleted(&mut reservations, "older", NOW).len(), 1, "it waits");
        assert!(reservations.reserve("younger").conflict.is_some());
        if is_deleted {
            writer.apply(Event::Delete(pod("Running")));
        }
        let later = NOW + waited;
        let elsewhere = sources.of(Some("elsewhere")).remove_terminated(&mut reservations, later);
        assert_eq!(elsewhere, BTreeSet::new(), "another namespace");
        let affected = sources.of(Some("demo")).remove_terminated(&mut reservations, later);
        let affected: Vec<&str> = affected.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(affected, if is_free { vec!["younger"] } else { vec![] });
        assert_eq!(reservations.reserve("younger").conflict.is_none(), is_free);
    }
}

#[test]
fn claims_of_a_deleted_pipeline_without_pods_are_free_at_once() {
    let sources = Sources::default();
    let mut reservations = sources.reserved();
    StoreWriter::new(sources.pods.clone()).apply(Event::Apply(pod("Succeeded")));
    assert_eq!(sources.of(None).deleted(&mut reservations, "older", NOW).len(), 1);
    assert_eq!(reservations.reserve("younger").conflict, None);
}
