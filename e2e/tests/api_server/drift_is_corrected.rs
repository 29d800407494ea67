use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace, name};

#[tokio::test]
async fn changed_or_deleted_objects_are_restored() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    test.bring_up(&test.pipeline("users")).await;
    let image = "example.org/worker:1";
    let changes = [
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
    for (kind, object, patch, place, wanted) in changes {
        test.cluster
            .kubectl(&["patch", kind, "-n", &test.namespace, object, "--type=merge", "-p", patch])
            .await;
        poll_until(&format!("{kind} {object} has its {place} again"), TIMEOUT, async || {
            let found = test.cluster.get(kind, &test.namespace, object).await;
            let value = found.pointer(place).cloned().unwrap_or_default().to_string();
            if value == wanted { Ok(()) } else { Err(value) }
        })
        .await;
    }
    // Without this label the operator does not see it, and the other is somebody else's field now.
    let config_map = format!("configmap/{}", test.await_object("configmap", "users-config-").await);
    let own = "userstream.dev/pipeline=users,app.kubernetes.io/managed-by=userstream-operator";
    let change = ["app.kubernetes.io/managed-by-", "userstream.dev/pipeline=other", "--overwrite"];
    test.cluster
        .kubectl(&[&["label", "-n", &test.namespace, config_map.as_str()], &change[..]].concat())
        .await;
    poll_until("the configuration has its labels again", TIMEOUT, async || {
        let found =
            test.cluster.kubectl(&["get", "-n", &test.namespace, "configmap", "-l", own, "-o", "name"]).await;
        if found.trim() == config_map { Ok(()) } else { Err(found) }
    })
    .await;
    // The producer comes after processors that are all up to date.
    test.roll_out("users-processor").await;
    for kind in ["configmap", "job", "cronjob", "deployment", "poddisruptionbudget"] {
        let owned = test.cluster.list(kind, &test.namespace).await;
        let object = owned.iter().find(|it| name(it).starts_with("users-")).unwrap();
        let (object, uid) = (name(object), object["metadata"]["uid"].clone());
        test.cluster.kubectl(&["delete", kind, "-n", &test.namespace, &object]).await;
        poll_until(&format!("{kind} {object} is there again"), TIMEOUT, async || {
            let all = test.cluster.list(kind, &test.namespace).await;
            let again = all.iter().any(|it| name(it) == object && it["metadata"]["uid"] != uid);
            if again { Ok(()) } else { Err(format!("{:?}", all.iter().map(name).collect::<Vec<_>>())) }
        })
        .await;
        // A deleted provisioning Job runs again, and only then is it known that the rest may.
        test.complete_jobs().await;
    }
    let deployment = test.cluster.get("deployment", &test.namespace, "users-processor").await;
    assert_eq!(deployment.pointer("/spec/template/spec/containers/0/image").unwrap(), image);
    assert_eq!(operator.errors(), Vec::<String>::new());
}
