//! What people change or delete of a running pipeline comes back as it was, and records flow on.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use userstream_e2e::poll_until::await_until;

use crate::test_namespace::{Home, PATIENCE};

const KINDS: &str = "deployments,poddisruptionbudgets,configmaps,jobs";

/// What the operator says of each object of the pipeline, without what others keep in it; and the object's UID.
async fn objects(home: &Home) -> BTreeMap<String, (Value, Value)> {
    let all = home.cluster.list(KINDS, &home.namespace).await;
    let own = all.iter().filter(|object| object["metadata"]["name"] != "kube-root-ca.crt");
    let told = own.map(|object| {
        let metadata = &object["metadata"];
        let spec = if object["kind"] == "Job" { "/spec/template/spec" } else { "/spec" };
        let said = json!({"labels": metadata["labels"], "owners": metadata["ownerReferences"],
            "spec": object.pointer(spec), "data": object["data"]});
        (format!("{} {}", object["kind"], metadata["name"]), (said, metadata["uid"].clone()))
    });
    told.collect()
}

/// Waits until the objects are as they were: the same ones, or others in their places.
async fn await_repaired(home: &Home, before: &BTreeMap<String, (Value, Value)>, same: bool) {
    await_until("every object is as it was", PATIENCE, async || {
        let now = objects(home).await;
        let is_repaired = |(name, (said, uid)): &(&String, &(Value, Value))| {
            now.get(*name).is_some_and(|(is, its)| is == said && (its == uid) == same)
        };
        let broken: Vec<_> = before.iter().filter(|it| !is_repaired(it)).collect();
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
async fn everything_that_people_change_or_delete_comes_back_and_records_flow_on() {
    let home = Home::new().await;
    home.cluster.apply(&home.pipeline()).await;
    home.await_ready().await;
    let before = objects(&home).await;
    assert_eq!(before.len(), 5, "two Deployments, a budget, a configuration and a Job: {before:#?}");
    let named = |kind: &str| before.keys().find_map(|it| it.strip_prefix(&format!("\"{kind}\" "))).unwrap();
    let config_map = format!("configmap/{}", named("ConfigMap").trim_matches('"'));

    let namespace = ["-n", &home.namespace];
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
        home.cluster.kubectl(&[change, &namespace].concat()).await;
    }
    await_repaired(&home, &before, true).await;
    home.await_ready().await;
    home.await_more_rows(100).await;

    home.cluster
        .kubectl(&[&["delete", KINDS, "-l", "userstream.dev/pipeline=users"], &namespace[..]].concat())
        .await;
    await_repaired(&home, &before, false).await;
    home.await_ready().await;
    home.await_more_rows(100).await;
    home.assert_calm_in_spite_of_faults().await;
    home.leave().await;
}
