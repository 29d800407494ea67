//! Kafka and Cassandra are away for a while: the pipeline says so, and goes on by itself when they are back.

use userstream_e2e::rig::Server;

use crate::test_namespace::{Home, PATIENCE};

#[tokio::test]
async fn a_pipeline_says_what_is_away_and_goes_on_when_it_is_back() {
    let home = Home::alone().await;
    home.cluster.apply(&home.pipeline()).await;
    home.await_ready().await;
    home.await_more_rows(50).await;
    let workers = home.workers().await;
    for server in [Server::Cassandra, Server::Kafka] {
        home.rig.kill(server).await;
        let broken = home.cluster.await_condition(&home.namespace, "users", "Ready", "False", PATIENCE).await;
        println!("{server:?} is away: {}", broken["status"]["conditions"][0]["message"]);
        home.rig.start(server).await;
        home.await_ready().await;
        home.await_more_rows(100).await;
    }
    assert_eq!(home.workers().await, workers, "no worker had to be replaced");
    home.assert_calm_in_spite_of_faults().await;
    home.leave().await;
}
