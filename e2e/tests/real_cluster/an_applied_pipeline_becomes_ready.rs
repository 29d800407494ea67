//! `kubectl apply` brings a pipeline to `Ready`, and rows arrive; `kubectl delete` takes everything of it but the data.

use std::time::Instant;

use crate::home::Home;

#[tokio::test]
async fn an_applied_pipeline_becomes_ready_and_its_rows_outlive_it() {
    let home = Home::new().await;
    let began = Instant::now();
    home.cluster.apply(&home.pipeline()).await;
    let ready = home.await_ready().await;
    println!("Ready {:?} after apply", began.elapsed());
    assert_eq!(ready["status"]["phase"], "Running");
    assert_eq!(ready["status"]["topic"]["partitions"], 3, "{:#}", ready["status"]);
    let rows = home.await_rows(100).await;
    home.assert_calm().await;

    home.cluster
        .kubectl(&["delete", "userstreampipeline", "-n", &home.namespace, "users", "--timeout=30s"])
        .await;
    home.await_gone().await;
    let left = home.rows().await;
    assert!(left >= rows, "the data is kept: {left} of {rows} rows");
    home.cluster.kubectl(&["delete", "namespace", &home.namespace, "--wait=false"]).await;
}
