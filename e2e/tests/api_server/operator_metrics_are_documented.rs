//! The operator exports the metrics of `docs/operations.md`, from its start on.

use std::collections::BTreeMap;

use userstream_e2e::documented_tables::{metrics, metrics_of};

use crate::test_namespace::TestNamespace;

#[tokio::test]
async fn documented_metrics_equal_the_exported_ones() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    let is_of_workers =
        |name: &str| name.starts_with("userstream_") && !name.starts_with("userstream_operator_");
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
}
