use serde_json::json;

use crate::test_namespace::Home;

/// As after a downgrade: the definition in the cluster lets something through that this operator cannot read.
#[tokio::test]
async fn a_pipeline_that_cannot_be_read_is_told_so_and_stops_no_other() {
    let home = Home::new().await;
    let operator = home.operator().await;
    let mut odd = home.pipeline("odd");
    odd["spec"]["observability"] = json!({"logLevel": "deafening"});
    home.let_through(&odd).await;
    let ready = home.await_reason("odd", "Undecodable").await;
    assert!(ready["message"].as_str().unwrap().contains("deafening"), "{ready}");
    home.bring_up(&home.pipeline("users")).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
