use serde_json::json;
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace, name};

/// A change of an object: its kind, its name, a merge patch, and a field of it with the value that the operator restores.
const CHANGES: [(&str, &str, &str, &str, &str); 3] = [
    ("deployment", "users-processor", r#"{"spec":{"replicas":7}}"#, "/spec/replicas", "1"),
    (
        "cronjob",
        "users-producer",
        r#"{"spec":{"suspend":true,"schedule":"* * * * *"}}"#,
        "/spec/schedule",
        "\"0 0 1 1 *\"",
    ),
    (
        "poddisruptionbudget",
        "users-processor",
        r#"{"spec":{"maxUnavailable":0}}"#,
        "/spec/maxUnavailable",
        "1",
    ),
];

async fn patch_and_await_restored(test: &TestNamespace) {
    for (kind, object, patch, field, expected) in CHANGES {
        test.cluster
            .kubectl(&["patch", kind, "-n", &test.namespace, object, "--type=merge", "-p", patch])
            .await;
        poll_until(&format!("{field} of {kind} {object} is restored"), TIMEOUT, async || {
            let found = test.cluster.get(kind, &test.namespace, object).await;
            let value = found.pointer(field).cloned().unwrap_or_default().to_string();
            if value == expected { Ok(()) } else { Err(value) }
        })
        .await;
    }
}

/// Removes the label that the operator's watch selects by, and changes another, which `kubectl label` then owns.
async fn relabel_and_await_restored(test: &TestNamespace) {
    let config_map = format!("configmap/{}", test.await_object("configmap", "users-config-").await);
    let own = "userstream.dev/pipeline=users,app.kubernetes.io/managed-by=userstream-operator";
    let change = ["app.kubernetes.io/managed-by-", "userstream.dev/pipeline=other", "--overwrite"];
    test.cluster
        .kubectl(&[&["label", "-n", &test.namespace, config_map.as_str()], &change[..]].concat())
        .await;
    poll_until("the labels of the configuration are restored", TIMEOUT, async || {
        let found =
            test.cluster.kubectl(&["get", "-n", &test.namespace, "configmap", "-l", own, "-o", "name"]).await;
        if found.trim() == config_map { Ok(()) } else { Err(found) }
    })
    .await;
}

async fn delete_and_await_restored(test: &TestNamespace) {
    for kind in ["configmap", "job", "cronjob", "deployment", "poddisruptionbudget"] {
        let owned = test.cluster.list(kind, &test.namespace).await;
        let object = owned.iter().find(|it| name(it).starts_with("users-")).unwrap();
        let (object, uid) = (name(object), object["metadata"]["uid"].clone());
        test.cluster.kubectl(&["delete", kind, "-n", &test.namespace, &object]).await;
        poll_until(&format!("{kind} {object} is recreated"), TIMEOUT, async || {
            let all = test.cluster.list(kind, &test.namespace).await;
            let is_recreated = all.iter().any(|it| name(it) == object && it["metadata"]["uid"] != uid);
            if is_recreated { Ok(()) } else { Err(format!("{:?}", all.iter().map(name).collect::<Vec<_>>())) }
        })
        .await;
        // The recreated provisioning Job must complete before the rollout continues.
        test.complete_jobs().await;
    }
}

#[tokio::test]
async fn changed_or_deleted_objects_are_restored() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    test.bring_up(&test.pipeline("users")).await;
    patch_and_await_restored(&test).await;
    relabel_and_await_restored(&test).await;
    // The producer is applied only after the processors are rolled out.
    test.roll_out("users-processor").await;
    delete_and_await_restored(&test).await;
    let deployment = test.cluster.get("deployment", &test.namespace, "users-processor").await;
    let image = deployment.pointer("/spec/template/spec/containers/0/image").unwrap();
    assert_eq!(image, "example.org/worker:1");
    assert_eq!(operator.errors(), Vec::<String>::new());
}

/// Deletes the configuration and creates another under its name, with the same metadata.
async fn replace_configuration_and_await_restored(test: &TestNamespace) {
    let config_map = test.await_object("configmap", "users-config-").await;
    let original = test.cluster.get("configmap", &test.namespace, &config_map).await;
    let mut replaced = original.clone();
    let metadata = replaced["metadata"].as_object_mut().unwrap();
    metadata.retain(|field, _| {
        ["name", "namespace", "labels", "annotations", "ownerReferences"].contains(&field.as_str())
    });
    let (file, _) = original["data"].as_object().unwrap().iter().next().unwrap();
    replaced["data"] = json!({file: "{}"});
    let path = std::env::temp_dir().join(format!("{}-replaced.json", test.namespace));
    std::fs::write(&path, replaced.to_string()).unwrap();
    // Otherwise the operator creates the configuration again before the other client does.
    test.annotate("userstream.dev/pause-reconciliation=true").await;
    poll_until("reconciliation is paused", TIMEOUT, async || {
        let paused = test.condition("users", "ReconciliationPaused").await;
        if paused["status"] == "True" { Ok(()) } else { Err(paused.to_string()) }
    })
    .await;
    test.cluster.kubectl(&["replace", "--force", "-f", path.to_str().unwrap()]).await;
    test.annotate("userstream.dev/pause-reconciliation=false").await;
    poll_until("the data of the configuration are restored", TIMEOUT, async || {
        let all = test.cluster.list("configmap", &test.namespace).await;
        let found = all.iter().find(|it| name(it) == config_map).map(|it| it["data"].clone());
        if found.as_ref() == Some(&original["data"]) { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
    std::fs::remove_file(&path).unwrap();
}

/// Removes the owner references of objects.
async fn disown_and_await_restored(test: &TestNamespace) {
    for kind in ["configmap", "job", "deployment", "poddisruptionbudget"] {
        let owned = test.cluster.list(kind, &test.namespace).await;
        let object = owned.iter().find(|it| name(it).starts_with("users-")).unwrap();
        let (object, owners) = (name(object), object["metadata"]["ownerReferences"].clone());
        let patch = r#"{"metadata":{"ownerReferences":null}}"#;
        test.cluster
            .kubectl(&["patch", kind, "-n", &test.namespace, &object, "--type=merge", "-p", patch])
            .await;
        poll_until(&format!("{kind} {object} has its owner again"), TIMEOUT, async || {
            let found =
                test.cluster.get(kind, &test.namespace, &object).await["metadata"]["ownerReferences"].clone();
            if found == owners { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
    }
}

#[tokio::test]
async fn replaced_or_disowned_objects_are_restored() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    test.bring_up(&test.pipeline("users")).await;
    replace_configuration_and_await_restored(&test).await;
    disown_and_await_restored(&test).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
