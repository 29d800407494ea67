//! Kafka and Cassandra fail and recover: the pipeline reports the failure, and resumes without intervention.

use userstream_e2e::rig::Server;

use crate::test_namespace::{TIMEOUT, TestNamespace};

#[tokio::test]
async fn pipeline_reports_the_failed_server_and_recovers() {
    let test = TestNamespace::exclusive().await;
    test.cluster.apply(&test.pipeline()).await;
    test.await_ready().await;
    test.await_more_rows(50).await;
    let workers = test.workers().await;
    for server in [Server::Cassandra, Server::Kafka] {
        test.rig.kill(server).await;
        let broken = test.cluster.await_condition(&test.namespace, "users", "Ready", "False", TIMEOUT).await;
        println!("{server:?} is down: {}", broken["status"]["conditions"][0]["message"]);
        test.rig.start(server).await;
        test.await_ready().await;
        test.await_more_rows(100).await;
    }
    assert_eq!(test.workers().await, workers, "no worker was replaced");
    test.assert_healthy_despite_faults().await;
    test.tear_down().await;
}
