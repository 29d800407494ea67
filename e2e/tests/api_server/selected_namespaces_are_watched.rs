use std::collections::BTreeSet;

use serde_json::json;
use userstream_crds::status::PipelineStatus;
use userstream_e2e::cluster::Cluster;

use crate::installation::Installed;
use crate::test_namespace::{Home, name};

#[tokio::test]
async fn roles_in_the_watched_namespaces_are_enough_and_others_are_not_looked_at() {
    // Its own: whoever looks for operators in the whole cluster finds this one.
    let cluster = Cluster::bare_api_server("some-namespaces").await;
    let own = Home::within(cluster).await;
    let (first, second) = (Home::within(cluster).await, Home::within(cluster).await);
    let foreign = Home::within(cluster).await;
    let watched = format!("watchNamespaces={{{},{}}}", first.namespace, second.namespace);
    let installed = Installed::by_helm(cluster, &own.namespace, &[&watched]).await;
    let operator = installed.operator(&[&first.namespace, &second.namespace]).await;
    foreign.cluster.apply(&foreign.pipeline("users")).await;
    for home in [&first, &second] {
        home.bring_up(&home.pipeline("users")).await;
        home.await_reason("users", "LagUnknown").await;
    }

    assert!(!installed.may(&foreign.namespace, "list", "userstreampipelines").await, "rights are enforced");
    assert_eq!(foreign.status("users").await, json!(PipelineStatus::pending()));
    let made = foreign.cluster.list("configmaps,jobs,deployments", &foreign.namespace).await;
    let made: Vec<String> = made.iter().map(name).filter(|name| name != "kube-root-ca.crt").collect();
    assert_eq!(made, Vec::<String>::new());
    let asked: BTreeSet<String> = installed.requests().into_iter().filter_map(|it| it.namespace).collect();
    assert_eq!(asked, [own.namespace.clone(), first.namespace.clone(), second.namespace.clone()].into());
    assert_eq!(installed.refused(), []);
    assert!(!operator.log().contains("orbidden"), "{}", operator.log());
    assert_eq!(operator.errors(), Vec::<String>::new());
    drop(operator);
    cluster.down().await;
}
