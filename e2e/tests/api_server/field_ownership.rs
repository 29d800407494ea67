//! Field ownership: the operator reclaims the fields that it applies, and keeps those of other field managers.

use serde_json::{Value, json};
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace};

/// The field managers of an object without those of its status, and the fields of each.
fn owners(object: &Value) -> Vec<(String, Value)> {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let of = |entry: &Value| (entry["manager"].as_str().unwrap().to_owned(), entry["fieldsV1"].clone());
    entries.iter().filter(|entry| entry["subresource"].is_null()).map(of).collect()
}

impl TestNamespace {
    async fn with_managers(&self, kind: &str, name: &str) -> Value {
        let arguments = ["get", kind, "-n", &self.namespace, name, "-o", "json", "--show-managed-fields"];
        serde_json::from_str(&self.cluster.kubectl(&arguments).await).unwrap()
    }
}

#[tokio::test]
async fn foreign_field_is_kept_and_own_field_is_reclaimed() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    test.bring_up(&test.pipeline("users")).await;
    let foreign = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "users-processor", "namespace": test.namespace, "annotations": {"cost-centre": "42"}},
        "spec": {"replicas": 5},
    });
    let refusal = test.cluster.try_apply_as("platform-team", &foreign, false).await.unwrap_err();
    assert!(refusal.contains("conflict with \"userstream-operator\""), "{refusal}");
    assert!(refusal.contains(".spec.replicas"), "{refusal}");
    test.cluster.try_apply_as("platform-team", &foreign, true).await.unwrap();

    let reclaimed = poll_until("the replicas are reclaimed", TIMEOUT, async || {
        let found = test.with_managers("deployment", "users-processor").await;
        if found["spec"]["replicas"] == 1 { Ok(found) } else { Err(found["spec"]["replicas"].to_string()) }
    })
    .await;
    assert_eq!(
        reclaimed["metadata"]["annotations"]["cost-centre"], "42",
        "a field that the operator does not apply is kept"
    );
    let owners = owners(&reclaimed);
    let of = |manager: &str| owners.iter().find(|(name, _)| name == manager).map(|(_, fields)| fields);
    let theirs = of("platform-team").unwrap();
    assert!(theirs.pointer("/f:metadata/f:annotations/f:cost-centre").is_some(), "{theirs}");
    assert!(theirs.get("f:spec").is_none(), "{theirs}");
    let ours = of("userstream-operator").unwrap();
    assert!(ours.pointer("/f:spec/f:replicas").is_some(), "{ours}");
    assert!(ours.pointer("/f:metadata/f:annotations/f:cost-centre").is_none(), "{ours}");
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn dropped_field_is_pruned_from_a_created_object() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    let mut pipeline = test.pipeline("users");
    pipeline["spec"]["template"] = json!({"nodeSelector": {"disk": "ssd", "zone": "a"}});
    test.bring_up(&pipeline).await;
    let selector = async |wanted: Value| {
        poll_until(&format!("the processors' node selector is {wanted}"), TIMEOUT, async || {
            let found = test.with_managers("deployment", "users-processor").await;
            let selector = &found["spec"]["template"]["spec"]["nodeSelector"];
            if *selector == wanted { Ok(found) } else { Err(selector.to_string()) }
        })
        .await
    };
    selector(json!({"disk": "ssd", "zone": "a"})).await;
    for (patch, wanted) in [
        (json!({"zone": null}), json!({"disk": "ssd"})),
        (json!({"disk": null, "zone": "b"}), json!({"zone": "b"})),
        (json!({"zone": null}), json!(null)),
    ] {
        test.patch(&json!({"spec": {"template": {"nodeSelector": patch}}})).await;
        test.complete_jobs().await;
        let found = selector(wanted).await;
        let ours = owners(&found).into_iter().filter(|(manager, _)| manager == "userstream-operator").count();
        assert_eq!(ours, 1, "{}", found["metadata"]["managedFields"]);
    }
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn operator_owns_no_field_of_the_spec() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    let mut pipeline = test.pipeline("users");
    test.cluster.try_apply_as("gitops", &pipeline, false).await.unwrap();
    test.await_object("job", "users-provision-").await;
    test.complete_jobs().await;
    test.await_reason("users", "RollingOut").await;
    let found = test.with_managers("userstreampipeline", "users").await;
    let managers: Vec<String> = owners(&found).into_iter().map(|(manager, _)| manager).collect();
    assert_eq!(managers, ["gitops"], "the operator writes only the status");

    pipeline["spec"]["processor"] = json!({"replicas": 2});
    test.cluster.try_apply_as("gitops", &pipeline, false).await.unwrap();
    poll_until("the processors follow", TIMEOUT, async || {
        let found = test.cluster.get("deployment", &test.namespace, "users-processor").await;
        if found["spec"]["replicas"] == 2 { Ok(()) } else { Err(found["spec"]["replicas"].to_string()) }
    })
    .await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
