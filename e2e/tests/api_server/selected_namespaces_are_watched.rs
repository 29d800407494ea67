use std::collections::BTreeSet;

use serde_json::json;
use userstream_crds::status::PipelineStatus;
use userstream_e2e::cluster::Cluster;

use crate::installation::Installation;
use crate::test_namespace::{TestNamespace, name};

#[tokio::test]
async fn operator_of_selected_namespaces_reads_no_other() {
    // A separate cluster: `usp check` in another test would find this operator.
    let cluster = Cluster::bare_api_server("some-namespaces").await;
    let own = TestNamespace::within(cluster).await;
    let (first, second) = (TestNamespace::within(cluster).await, TestNamespace::within(cluster).await);
    let foreign = TestNamespace::within(cluster).await;
    let watched = format!("watchNamespaces={{{},{}}}", first.namespace, second.namespace);
    let installation = Installation::by_helm(cluster, &own.namespace, &[&watched]).await;
    let operator = installation.operator(&[&first.namespace, &second.namespace]).await;
    foreign.cluster.apply(&foreign.pipeline("users")).await;
    for test in [&first, &second] {
        test.bring_up(&test.pipeline("users")).await;
        test.await_reason("users", "LagUnknown").await;
    }

    assert!(
        !installation.may(&foreign.namespace, "list", "userstreampipelines").await,
        "rights are enforced"
    );
    assert_eq!(foreign.status("users").await, json!(PipelineStatus::pending()));
    let created = foreign.cluster.list("configmaps,jobs,deployments", &foreign.namespace).await;
    let created: Vec<String> = created.iter().map(name).filter(|name| name != "kube-root-ca.crt").collect();
    assert_eq!(created, Vec::<String>::new());
    let requested: BTreeSet<String> =
        installation.requests().into_iter().filter_map(|it| it.namespace).collect();
    assert_eq!(requested, [own.namespace.clone(), first.namespace.clone(), second.namespace.clone()].into());
    assert_eq!(installation.forbidden_requests(), []);
    assert!(!operator.log().contains("orbidden"), "{}", operator.log());
    assert_eq!(operator.errors(), Vec::<String>::new());
    drop(operator);
    cluster.down().await;
}
