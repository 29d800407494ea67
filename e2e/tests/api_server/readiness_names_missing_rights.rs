use std::time::Duration;

use userstream_e2e::operator::Operator;
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::TestNamespace;

#[tokio::test]
async fn readiness_names_the_forbidden_watch() {
    let test = TestNamespace::new().await;
    let cluster = test.cluster;
    cluster.kubectl(&["create", "serviceaccount", "-n", &test.namespace, "without-rights"]).await;
    let token = cluster.kubectl(&["create", "token", "-n", &test.namespace, "without-rights"]).await;
    let operator = Operator::spawn_with_token(cluster, &test.namespace, token.trim());
    let named = poll_until("readiness names a forbidden watch", Duration::from_secs(20), async || {
        match operator.get("/readyz").await {
            Ok((503, missing)) if missing.contains("forbidden") => Ok(missing),
            other => Err(format!("{other:?}\n{}", operator.log())),
        }
    })
    .await;
    assert!(named.contains("watch of userstreampipelines"), "{named}");
    assert_eq!(operator.get("/livez").await.unwrap().0, 200, "restarting it would not help");
    assert_eq!(operator.writes().await, 0);
}
