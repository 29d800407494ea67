//! The manifests of every example resource.

use std::fmt::Write;

use serde_json::Value;
use userstream_operator::model::settings::{KafkaTopicVersion, OptionalKinds};

use crate::cluster::{Cluster, example};

/// The manifests of a running pipeline, in the order in which they are applied.
fn manifests(mut cluster: Cluster) -> String {
    cluster.converge();
    cluster.desired().manifests.iter().fold(String::new(), |mut text, manifest| {
        let mut body = manifest.body.clone();
        // The document is one long line. The tests of the worker's configuration cover it.
        if let Some(data) = body.pointer_mut("/data/worker.json") {
            *data = Value::String("...".to_owned());
        }
        let _ = write!(text, "---\n{}", serde_saphyr::to_string(&body).unwrap());
        text
    })
}

fn check(name: &str, manifests: &str) {
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, manifests);
    });
}

#[test]
fn examples_are_rendered_as_recorded() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/examples");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            check(name, &manifests(Cluster::with(example(name))));
            count += 1;
        }
    }
    assert!(count >= 3, "{count} examples in {folder}");
}

#[test]
fn optional_kinds_are_rendered_as_recorded() {
    let mut resource = example("users-production");
    resource.spec.kafka.bootstrap_servers = "events-kafka-bootstrap:9093".to_owned();
    resource.spec.kafka.topic.management_policy = userstream_crds::kafka::TopicManagementPolicy::Strimzi;
    let mut cluster = Cluster::with(resource);
    cluster.settings.network_policies = true;
    cluster.settings.kinds = OptionalKinds { pod_monitor: true, kafka_topic: Some(KafkaTopicVersion::V1) };
    check("with-everything", &manifests(cluster));
}
