use serde_json::json;

use crate::test_namespace::TestNamespace;

/// As after a downgrade: the installed CustomResourceDefinition admits a value that this operator cannot decode.
#[tokio::test]
async fn undecodable_pipeline_is_reported_and_blocks_no_other() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    let mut odd = test.pipeline("odd");
    odd["spec"]["observability"] = json!({"logLevel": "deafening"});
    test.apply_unvalidated(&odd).await;
    let ready = test.await_reason("odd", "Undecodable").await;
    assert!(ready["message"].as_str().unwrap().contains("deafening"), "{ready}");
    test.bring_up(&test.pipeline("users")).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
