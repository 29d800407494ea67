//! The operator uses exactly the rights that it has, by the audit log of a pipeline's whole life.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use userstream_e2e::audit_log::Request;
use userstream_e2e::cluster::Cluster;
use userstream_e2e::poll_until::poll_until;

use crate::installation::{Installation, RELEASE};
use crate::test_namespace::{TIMEOUT, TestNamespace, name};

/// A verb on a resource of a group.
type Right = (String, String, String);

/// The rights that are granted and that this test does not use.
const UNUSED: [(&str, &str, &str); 0] = [];

fn granted(role: &Value) -> BTreeSet<Right> {
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut all = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                all.extend(
                    texts(&rule["verbs"]).into_iter().map(|verb| (group.clone(), resource.clone(), verb)),
                );
            }
        }
    }
    all
}

/// The rights that requests used. A server-side apply that creates its object requires `create` too, and returns 201.
fn used(requests: &[Request]) -> BTreeSet<Right> {
    let resources = requests.iter().filter(|request| request.is_for_a_resource());
    resources
        .flat_map(|request| {
            let right = |verb: &str| (request.group.clone(), request.resource.clone(), verb.to_owned());
            let creates = request.verb == "patch" && request.code == 201;
            [Some(right(&request.verb)), creates.then(|| right("create"))]
        })
        .flatten()
        .collect()
}

/// The kinds of objects that the operator creates for a pipeline, in the plural.
const KINDS: [&str; 8] = [
    "configmaps",
    "jobs",
    "cronjobs",
    "deployments",
    "poddisruptionbudgets",
    "networkpolicies",
    "podmonitors",
    "kafkatopics",
];

impl TestNamespace {
    /// Completes each step of a rollout until the former ConfigMap is deleted.
    async fn complete_rollout(&self, former: &str) {
        poll_until("the former configuration is gone", TIMEOUT, async || {
            self.complete_jobs().await;
            self.roll_out("users-processor").await;
            let all: Vec<String> =
                self.cluster.list("configmaps", &self.namespace).await.iter().map(name).collect();
            if all.iter().any(|name| name == former) { Err(format!("{all:?}")) } else { Ok(()) }
        })
        .await;
    }

    /// Removes from all objects the label that the operator selects them by, and waits until it is restored.
    async fn remove_labels(&self) {
        let of_the_operator = "app.kubernetes.io/managed-by=userstream-operator";
        let namespace = self.namespace.as_str();
        for kind in KINDS {
            let all = ["get", kind, "-n", namespace, "-o", "name", "-l", of_the_operator];
            let before = self.cluster.kubectl(&all).await;
            assert_ne!(before.trim(), "", "{kind}");
            let remove =
                ["label", kind, "-n", namespace, "-l", of_the_operator, "app.kubernetes.io/managed-by-"];
            self.cluster.kubectl(&remove).await;
            poll_until(&format!("{kind} have their labels again"), TIMEOUT, async || {
                let found = self.cluster.kubectl(&all).await;
                if found == before { Ok(()) } else { Err(format!("{found} of {before}")) }
            })
            .await;
        }
    }

    async fn await_deletion(&self) {
        poll_until("the pipeline is gone", TIMEOUT, async || {
            self.complete_jobs().await;
            let left = self.cluster.list("userstreampipelines", &self.namespace).await;
            left.first().map_or(Ok(()), |left| Err(left["status"]["conditions"].to_string()))
        })
        .await;
    }
}

#[tokio::test]
async fn operator_uses_exactly_the_rights_that_the_chart_grants() {
    let cluster = Cluster::bare_api_server("rights").await;
    let test = TestNamespace::within(cluster).await;
    test.install_third_party_kinds().await;
    let installation = Installation::by_helm(cluster, "userstream-system", &["networkPolicies=true"]).await;
    let operator = installation.operator(&["default"]).await;

    // One of every kind is created; foreign changes are corrected; Events repeat; an edit is rolled out; all is deleted.
    let mut pipeline = test.pipeline_with_third_party_kinds("users");
    pipeline["spec"]["kafka"]["topic"]["deletionPolicy"] = json!("Delete");
    test.bring_up(&pipeline).await;
    test.remove_labels().await;
    for suspend in [true, false, true, false] {
        test.patch(&json!({"spec": {"suspend": suspend}})).await;
        test.await_reason("users", if suspend { "Suspended" } else { "RollingOut" }).await;
    }
    let before = test.await_object("configmap", "users-config-").await;
    test.patch(&json!({"spec": {"processor": {"filter": "true"}}})).await;
    test.complete_rollout(&before).await;
    test.cluster.kubectl(&["delete", "usp", "-n", &test.namespace, "users", "--wait=false"]).await;
    test.await_deletion().await;

    let requests = installation.requests();
    let used = used(&requests);
    let mut granted = granted(&cluster.get("clusterrole", "default", RELEASE).await);
    granted.extend(self::granted(
        &cluster.get("role", &installation.namespace, &format!("{RELEASE}-leader")).await,
    ));
    assert_eq!(installation.forbidden_requests(), [], "{}", operator.log());
    let ungranted: Vec<&Right> = used.difference(&granted).collect();
    assert_eq!(ungranted, Vec::<&Right>::new(), "used without the chart granting it");
    let unused: BTreeSet<(&str, &str, &str)> = granted
        .difference(&used)
        .map(|(group, resource, verb)| (group.as_str(), resource.as_str(), verb.as_str()))
        .collect();
    assert_eq!(unused, UNUSED.into(), "granted, and used by nothing of {} requests", requests.len());
    assert_eq!(operator.errors(), Vec::<String>::new());
    drop(operator);
    cluster.down().await;
}
