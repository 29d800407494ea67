//! The operator exports the metrics of `docs/operations.md`, from its start on.

use std::collections::BTreeMap;

use userstream_e2e::documented_tables::{metrics, metrics_of};
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace};

#[tokio::test]
async fn documented_metrics_equal_the_exported_ones() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    let is_of_operator =
        |name: &str| ["userstream_operator_", "userstream_pipeline_"].iter().any(|it| name.starts_with(it));
    let is_of_workers = |name: &str| name.starts_with("userstream_") && !is_of_operator(name);
    let documented: BTreeMap<String, String> =
        metrics().into_iter().filter(|(name, _)| !is_of_workers(name)).collect();
    let (_, page) = operator.get("/metrics").await.unwrap();
    assert_eq!(metrics_of(&page), documented);
    // `increase()` of a series that starts with its first failure does not count that failure.
    for failures in ["controller_runtime_reconcile_errors_total", "controller_runtime_reconcile_panics_total"]
    {
        let line = format!("{failures}{{controller=\"userstreampipeline\"}} 0");
        assert!(page.lines().any(|one| one == line), "{line} is not in\n{page}");
    }
    test.bring_up(&test.pipeline("users")).await;
    let (_, page) = operator.get("/metrics").await.unwrap();
    assert_eq!(metrics_of(&page), documented, "after some work too");
    let own = |page: &str| page.lines().filter(|line| line.contains("pipeline=\"users\"")).count();
    assert!(own(&page) >= 5, "{page}");
    test.cluster.kubectl(&["delete", "usp", "-n", &test.namespace, "users"]).await;
    poll_until("the series of the pipeline are removed", TIMEOUT, async || {
        let (_, page) = operator.get("/metrics").await.unwrap();
        if own(&page) == 0 { Ok(()) } else { Err(page) }
    })
    .await;
}
