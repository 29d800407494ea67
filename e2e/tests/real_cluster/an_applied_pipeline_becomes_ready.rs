//! `kubectl apply` brings a pipeline to `Ready`, and rows arrive; `kubectl delete` takes everything of it but the data.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use userstream_e2e::cluster::{Cluster, SYSTEM};
use userstream_e2e::rig::Rig;
use userstream_e2e::table::Cassandra;
use userstream_e2e::waiting::await_until;
use uuid::Uuid;

/// The namespace holds its pods to the strictest profile.
fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
}

fn pipeline(namespace: &str, rig: &Rig, unique: &str) -> Value {
    let node = rig.cassandra.replace("127.0.0.1", "host.rig.local");
    json!({
        "apiVersion": "userstream.dev/v1alpha1",
        "kind": "UserStreamPipeline",
        "metadata": {"name": "users", "namespace": namespace},
        "spec": {
            "source": {"mode": "Continuous", "generator": {"seed": 1, "recordsPerInterval": 50, "interval": "1s"}},
            "schema": {"fields": [
                {"name": "id", "type": "uuid", "from": "login.uuid", "required": true},
                {"name": "first_name", "type": "string", "from": "name.first"},
                {"name": "fetched_at", "type": "timestamp", "from": "$fetchedAt", "required": true},
            ]},
            "kafka": {"bootstrapServers": rig.kafka_pods, "topic": {"name": format!("users_{unique}")}, "keyField": "id"},
            "sink": {"cassandra": {
                "contactPoints": [node],
                "localDatacenter": "datacenter1",
                "keyspace": {"name": format!("users_{unique}"), "replication": {"class": "SimpleStrategy", "replication_factor": 1}},
                "table": {"name": "created_users", "partitionKey": ["id"]},
                "writetimeFrom": "fetched_at",
            }},
        },
    })
}

#[tokio::test]
async fn an_applied_pipeline_becomes_ready_and_its_rows_outlive_it() {
    let (rig, cluster) = (Rig::shared().await, Cluster::with_operator().await);
    let unique = Uuid::new_v4().simple().to_string();
    let home = format!("demo-{}", &unique[..8]);
    cluster.apply(&namespace(&home)).await;
    let began = Instant::now();
    cluster.apply(&pipeline(&home, &rig, &unique)).await;
    let ready = cluster.await_condition(&home, "users", "Ready", "True", Duration::from_secs(120)).await;
    println!("Ready {:?} after apply", began.elapsed());
    assert_eq!(ready["status"]["phase"], "Running");
    assert_eq!(ready["status"]["topic"]["partitions"], 3, "{:#}", ready["status"]);

    let cassandra = Cassandra::connect(&rig).await;
    let count = format!("SELECT count(*) FROM users_{unique}.created_users");
    let rows = await_until("a hundred users are in the table", Duration::from_secs(30), async || {
        let rows = cassandra.query(&count).await[0][0].as_ref().and_then(|value| value.as_bigint()).unwrap();
        if rows >= 100 { Ok(rows) } else { Err(format!("{rows} rows")) }
    })
    .await;

    for pod in cluster.list("pods", &home).await.into_iter().chain(cluster.list("pods", SYSTEM).await) {
        let restarts = &pod["status"]["containerStatuses"][0]["restartCount"];
        assert_eq!(*restarts, 0, "{}", pod["metadata"]["name"]);
    }
    let errors = cluster.kubectl(&["logs", "-n", SYSTEM, "deployment/userstream"]).await;
    let errors: Vec<&str> = errors.lines().filter(|line| line.contains(r#""level":"ERROR""#)).collect();
    assert!(errors.is_empty(), "{errors:#?}");

    cluster.kubectl(&["delete", "userstreampipeline", "-n", &home, "users", "--timeout=30s"]).await;
    await_until("every object of the pipeline is gone", Duration::from_secs(60), async || {
        let kinds = "deployments,cronjobs,jobs,configmaps,poddisruptionbudgets,pods";
        let left = cluster
            .kubectl(&["get", kinds, "-n", &home, "-l", "userstream.dev/pipeline", "-o", "name"])
            .await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    let left = cassandra.query(&count).await[0][0].as_ref().and_then(|value| value.as_bigint()).unwrap();
    assert!(left >= rows, "the data is kept: {left} of {rows} rows");
    cluster.kubectl(&["delete", "namespace", &home, "--wait=false"]).await;
}
