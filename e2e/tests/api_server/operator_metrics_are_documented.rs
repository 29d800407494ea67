//! The operator's metrics are those of `docs/operations.md`, from its first moment on.

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
    // A series that begins with the first failure shows none to whoever asks for the increase.
    for failures in ["controller_runtime_reconcile_errors_total", "controller_runtime_reconcile_panics_total"]
    {
        let line = format!("{failures}{{controller=\"userstreampipeline\"}} 0");
        assert!(page.lines().any(|one| one == line), "{line} is not in\n{page}");
    }
    test.bring_up(&test.pipeline("users")).await;
    let (_, page) = operator.get("/metrics").await.unwrap();
    assert_eq!(metrics_of(&page), documented, "after some work too");
}
