//! While records flow, workers are scaled, killed and given other partitions; in the end the table has every record.

use serde_json::json;
use userstream_e2e::poll_until::await_until;

use crate::test_namespace::{Home, PATIENCE};

const RECORDS: i64 = 20_000;
/// How many users the generator gives at once.
const USERS_OF_A_PAGE: i64 = 1_000;

async fn scale(home: &Home, replicas: u32) {
    let replicas = format!("--replicas={replicas}");
    home.cluster.kubectl(&["scale", "userstreampipeline/users", "-n", &home.namespace, &replicas]).await;
}

#[tokio::test]
async fn processors_are_scaled_up_and_down_and_the_topic_grows_meanwhile() {
    let home = Home::new().await;
    home.cluster.apply(&home.finite_pipeline(RECORDS)).await;
    home.await_table().await;
    home.await_rows(500).await;
    scale(&home, 3).await;
    home.patch(&json!({"spec": {"kafka": {"topic": {"partitions": 6}}}})).await;
    home.await_more_rows(500).await;
    scale(&home, 1).await;
    home.await_rows(RECORDS).await;
    let ready = home.await_ready().await;
    assert_eq!(ready["status"]["topic"]["partitions"], 6, "{:#}", ready["status"]);
    assert_eq!(ready["status"]["processor"]["readyReplicas"], 1, "{:#}", ready["status"]);
    assert_eq!(home.rows().await, RECORDS);
    home.assert_calm().await;
    home.leave().await;
}

#[tokio::test]
async fn a_processor_and_a_producer_are_killed_on_their_way() {
    let home = Home::new().await;
    home.cluster.apply(&home.finite_pipeline(RECORDS)).await;
    home.await_table().await;
    home.await_rows(200).await;
    home.kill_pods("run").await;
    home.kill_pods("processor").await;
    home.await_more_rows(200).await;
    home.kill_pods("processor").await;
    await_until("the run has ended well", PATIENCE, async || {
        let run = home.cluster.get("job", &home.namespace, "users-run-1").await;
        if run["status"]["succeeded"] == 1 { Ok(()) } else { Err(run["status"].to_string()) }
    })
    .await;
    home.await_ready().await;
    // The attempt that ended well went on behind the last page of the one that was killed. A page that was appended twice makes
    // up the same users, and of none a user is missing.
    await_until("the table has every page, and whole", PATIENCE, async || {
        let rows = home.rows().await;
        let pages_are_whole = rows >= RECORDS && rows % USERS_OF_A_PAGE == 0;
        let lag = home.cluster.pipeline(&home.namespace, "users").await["status"]["processor"]["lag"].take();
        if pages_are_whole && lag == 0 { Ok(()) } else { Err(format!("{rows} rows, lag {lag}")) }
    })
    .await;
    home.assert_calm_in_spite_of_faults().await;
    home.leave().await;
}
