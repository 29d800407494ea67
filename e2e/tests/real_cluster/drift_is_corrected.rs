//! Changed or deleted objects of a running pipeline are restored, and records keep flowing.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace};

const KINDS: &str = "deployments,poddisruptionbudgets,configmaps,jobs";

/// The fields that the operator applies to each object of the pipeline, and the object's UID.
async fn objects(test: &TestNamespace) -> BTreeMap<String, (Value, Value)> {
    let all = test.cluster.list(KINDS, &test.namespace).await;
    let own = all.iter().filter(|object| object["metadata"]["name"] != "kube-root-ca.crt");
    let objects = own.map(|object| {
        let metadata = &object["metadata"];
        let spec = if object["kind"] == "Job" { "/spec/template/spec" } else { "/spec" };
        let desired = json!({"labels": metadata["labels"], "owners": metadata["ownerReferences"],
            "spec": object.pointer(spec), "data": object["data"]});
        (format!("{} {}", object["kind"], metadata["name"]), (desired, metadata["uid"].clone()))
    });
    objects.collect()
}

/// Waits until the objects equal those before: the same ones, or recreated ones with other UIDs.
async fn await_restored(test: &TestNamespace, before: &BTreeMap<String, (Value, Value)>, same: bool) {
    poll_until("every object is restored", TIMEOUT, async || {
        let now = objects(test).await;
        let is_restored = |(name, (desired, uid)): &(&String, &(Value, Value))| {
            now.get(*name).is_some_and(|(is, its)| is == desired && (its == uid) == same)
        };
        let broken: Vec<_> = before.iter().filter(|it| !is_restored(it)).collect();
        let added: Vec<_> = now.keys().filter(|name| !before.contains_key(*name)).collect();
        if broken.is_empty() && added.is_empty() {
            return Ok(());
        }
        let found: Vec<_> = broken.iter().map(|(name, _)| (name, now.get(*name))).collect();
        Err(format!("instead of {broken:#?} there is {found:#?}, and {added:?} too"))
    })
    .await;
}

#[tokio::test]
async fn changed_or_deleted_objects_return_while_records_flow() {
    let test = TestNamespace::new().await;
    test.cluster.apply(&test.pipeline()).await;
    test.await_ready().await;
    let before = objects(&test).await;
    assert_eq!(before.len(), 5, "two Deployments, a budget, a configuration and a Job: {before:#?}");
    let named = |kind: &str| before.keys().find_map(|it| it.strip_prefix(&format!("\"{kind}\" "))).unwrap();
    let config_map = format!("configmap/{}", named("ConfigMap").trim_matches('"'));

    let namespace = ["-n", &test.namespace];
    for change in [
        &["scale", "deployment/users-processor", "--replicas=0"][..],
        &["set", "image", "deployment/users-producer", "worker=nowhere.example/other:1"],
        &["patch", "poddisruptionbudget/users-processor", "-p", r#"{"spec":{"maxUnavailable":0}}"#],
        &[
            "label",
            &config_map,
            "app.kubernetes.io/managed-by-",
            "userstream.dev/pipeline=other",
            "--overwrite",
        ],
    ] {
        test.cluster.kubectl(&[change, &namespace].concat()).await;
    }
    await_restored(&test, &before, true).await;
    test.await_ready().await;
    test.await_more_rows(100).await;

    test.cluster
        .kubectl(&[&["delete", KINDS, "-l", "userstream.dev/pipeline=users"], &namespace[..]].concat())
        .await;
    await_restored(&test, &before, false).await;
    test.await_ready().await;
    test.await_more_rows(100).await;
    test.assert_healthy_despite_faults().await;
    test.tear_down().await;
}
