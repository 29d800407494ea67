//! Whose field is whose: the operator takes back what it says, and leaves everything else to others.

use serde_json::{Value, json};
use userstream_e2e::poll_until::await_until;

use crate::test_namespace::{Home, PATIENCE};

/// The managers that own something in an object, apart from those of its status, and what each owns.
fn owners(object: &Value) -> Vec<(String, Value)> {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let of = |entry: &Value| (entry["manager"].as_str().unwrap().to_owned(), entry["fieldsV1"].clone());
    entries.iter().filter(|entry| entry["subresource"].is_null()).map(of).collect()
}

impl Home {
    async fn with_managers(&self, kind: &str, name: &str) -> Value {
        let arguments = ["get", kind, "-n", &self.namespace, name, "-o", "json", "--show-managed-fields"];
        serde_json::from_str(&self.cluster.kubectl(&arguments).await).unwrap()
    }
}

#[tokio::test]
async fn a_field_of_somebody_else_stays_and_one_of_ours_is_taken_back() {
    let home = Home::new().await;
    let operator = home.operator().await;
    home.bring_up(&home.pipeline("users")).await;
    let foreign = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "users-processor", "namespace": home.namespace, "annotations": {"cost-centre": "42"}},
        "spec": {"replicas": 5},
    });
    let refusal = home.cluster.try_apply_as("platform-team", &foreign, false).await.unwrap_err();
    assert!(refusal.contains("conflict with \"userstream-operator\""), "{refusal}");
    assert!(refusal.contains(".spec.replicas"), "{refusal}");
    home.cluster.try_apply_as("platform-team", &foreign, true).await.unwrap();

    let settled = await_until("the operator has its replicas again", PATIENCE, async || {
        let found = home.with_managers("deployment", "users-processor").await;
        if found["spec"]["replicas"] == 1 { Ok(found) } else { Err(found["spec"]["replicas"].to_string()) }
    })
    .await;
    assert_eq!(settled["metadata"]["annotations"]["cost-centre"], "42", "what we do not say is not ours");
    let owners = owners(&settled);
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
async fn a_field_that_is_no_longer_wanted_goes_also_from_what_was_only_created() {
    let home = Home::new().await;
    let operator = home.operator().await;
    let mut pipeline = home.pipeline("users");
    pipeline["spec"]["template"] = json!({"nodeSelector": {"disk": "ssd", "zone": "a"}});
    home.bring_up(&pipeline).await;
    let selector = async |wanted: Value| {
        await_until(&format!("the processors' node selector is {wanted}"), PATIENCE, async || {
            let found = home.with_managers("deployment", "users-processor").await;
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
        home.patch(&json!({"spec": {"template": {"nodeSelector": patch}}})).await;
        home.complete_jobs().await;
        let found = selector(wanted).await;
        let ours = owners(&found).into_iter().filter(|(manager, _)| manager == "userstream-operator").count();
        assert_eq!(ours, 1, "{}", found["metadata"]["managedFields"]);
    }
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_applies_a_pipeline_never_meets_the_operator_in_its_spec() {
    let home = Home::new().await;
    let operator = home.operator().await;
    let mut pipeline = home.pipeline("users");
    home.cluster.try_apply_as("gitops", &pipeline, false).await.unwrap();
    home.await_object("job", "users-provision-").await;
    home.complete_jobs().await;
    home.await_reason("users", "RollingOut").await;
    let found = home.with_managers("userstreampipeline", "users").await;
    let managers: Vec<String> = owners(&found).into_iter().map(|(manager, _)| manager).collect();
    assert_eq!(managers, ["gitops"], "the operator writes the status alone");

    pipeline["spec"]["processor"] = json!({"replicas": 2});
    home.cluster.try_apply_as("gitops", &pipeline, false).await.unwrap();
    await_until("the processors follow", PATIENCE, async || {
        let found = home.cluster.get("deployment", &home.namespace, "users-processor").await;
        if found["spec"]["replicas"] == 2 { Ok(()) } else { Err(found["spec"]["replicas"].to_string()) }
    })
    .await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
