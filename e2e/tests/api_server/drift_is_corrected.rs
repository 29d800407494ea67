use userstream_e2e::poll_until::await_until;

use crate::test_namespace::{Home, PATIENCE, name};

#[tokio::test]
async fn what_somebody_changes_or_deletes_comes_back() {
    let home = Home::new().await;
    let operator = home.operator().await;
    home.bring_up(&home.pipeline("users")).await;
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
        home.cluster
            .kubectl(&["patch", kind, "-n", &home.namespace, object, "--type=merge", "-p", patch])
            .await;
        await_until(&format!("{kind} {object} has its {place} again"), PATIENCE, async || {
            let found = home.cluster.get(kind, &home.namespace, object).await;
            let value = found.pointer(place).cloned().unwrap_or_default().to_string();
            if value == wanted { Ok(()) } else { Err(value) }
        })
        .await;
    }
    // Without this label the operator does not see it, and the other is somebody else's field now.
    let config_map = format!("configmap/{}", home.await_object("configmap", "users-config-").await);
    let own = "userstream.dev/pipeline=users,app.kubernetes.io/managed-by=userstream-operator";
    let change = ["app.kubernetes.io/managed-by-", "userstream.dev/pipeline=other", "--overwrite"];
    home.cluster
        .kubectl(&[&["label", "-n", &home.namespace, config_map.as_str()], &change[..]].concat())
        .await;
    await_until("the configuration has its labels again", PATIENCE, async || {
        let found =
            home.cluster.kubectl(&["get", "-n", &home.namespace, "configmap", "-l", own, "-o", "name"]).await;
        if found.trim() == config_map { Ok(()) } else { Err(found) }
    })
    .await;
    // The producer comes after processors that are all up to date.
    home.roll_out("users-processor").await;
    for kind in ["configmap", "job", "cronjob", "deployment", "poddisruptionbudget"] {
        let owned = home.cluster.list(kind, &home.namespace).await;
        let object = owned.iter().find(|it| name(it).starts_with("users-")).unwrap();
        let (object, uid) = (name(object), object["metadata"]["uid"].clone());
        home.cluster.kubectl(&["delete", kind, "-n", &home.namespace, &object]).await;
        await_until(&format!("{kind} {object} is there again"), PATIENCE, async || {
            let all = home.cluster.list(kind, &home.namespace).await;
            let again = all.iter().any(|it| name(it) == object && it["metadata"]["uid"] != uid);
            if again { Ok(()) } else { Err(format!("{:?}", all.iter().map(name).collect::<Vec<_>>())) }
        })
        .await;
        // A deleted provisioning Job runs again, and only then is it known that the rest may.
        home.complete_jobs().await;
    }
    let deployment = home.cluster.get("deployment", &home.namespace, "users-processor").await;
    assert_eq!(deployment.pointer("/spec/template/spec/containers/0/image").unwrap(), image);
    assert_eq!(operator.errors(), Vec::<String>::new());
}
