//! A namespace of the `restricted` profile, and a pipeline in it that makes up users.

use std::time::Duration;

use serde_json::{Value, json};
use userstream_e2e::cluster::{Cluster, SYSTEM};
use userstream_e2e::rig::{Held, Rig};
use userstream_e2e::table::Cassandra;
use userstream_e2e::waiting::await_until;
use uuid::Uuid;

pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Home {
    pub(crate) rig: Held,
    pub(crate) cluster: &'static Cluster,
    pub(crate) cassandra: Cassandra,
    pub(crate) namespace: String,
    unique: String,
}

impl Home {
    pub(crate) async fn new() -> Self {
        let (rig, cluster) = (Rig::shared().await, Cluster::with_operator().await);
        let unique = Uuid::new_v4().simple().to_string();
        let namespace = format!("demo-{}", unique.get(..8).unwrap());
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": namespace, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        cluster.apply(&body).await;
        let cassandra = Cassandra::connect(&rig).await;
        Self { rig, cluster, cassandra, namespace, unique }
    }

    /// Fifty users a second, continuously.
    pub(crate) fn pipeline(&self) -> Value {
        let node = self.rig.cassandra.replace("127.0.0.1", "host.rig.local");
        let unique = format!("users_{}", self.unique);
        json!({
            "apiVersion": "userstream.dev/v1alpha1",
            "kind": "UserStreamPipeline",
            "metadata": {"name": "users", "namespace": self.namespace},
            "spec": {
                "source": {"mode": "Continuous", "generator": {"seed": 1, "recordsPerInterval": 50, "interval": "1s"}},
                "schema": {"fields": [
                    {"name": "id", "type": "uuid", "from": "login.uuid", "required": true},
                    {"name": "first_name", "type": "string", "from": "name.first"},
                    {"name": "fetched_at", "type": "timestamp", "from": "$fetchedAt", "required": true},
                ]},
                "kafka": {"bootstrapServers": self.rig.kafka_pods, "topic": {"name": unique}, "keyField": "id"},
                "sink": {"cassandra": {
                    "contactPoints": [node],
                    "localDatacenter": "datacenter1",
                    "keyspace": {"name": unique, "replication": {"class": "SimpleStrategy", "replication_factor": 1}},
                    "table": {"name": "created_users", "partitionKey": ["id"]},
                    "writetimeFrom": "fetched_at",
                }},
            },
        })
    }

    /// The condition `Ready` with this status, for the pipeline as it is now.
    pub(crate) async fn await_ready(&self) -> Value {
        self.cluster.await_condition(&self.namespace, "users", "Ready", "True", PATIENCE).await
    }

    /// Waits until `Ready` has this reason, and returns the pipeline.
    pub(crate) async fn await_reason(&self, reason: &str) -> Value {
        await_until(&format!("the pipeline is {reason}"), PATIENCE, async || {
            let pipeline = self.cluster.pipeline(&self.namespace, "users").await;
            let conditions = pipeline["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let is = |one: &Value| one["type"] == "Ready" && one["reason"] == reason;
            if conditions.iter().any(is) { Ok(pipeline) } else { Err(format!("{conditions:#?}")) }
        })
        .await
    }

    pub(crate) async fn patch(&self, patch: &Value) {
        let patch = patch.to_string();
        let arguments =
            ["patch", "userstreampipeline", "-n", &self.namespace, "users", "--type=merge", "-p", &patch];
        self.cluster.kubectl(&arguments).await;
    }

    /// How many rows the table has.
    pub(crate) async fn rows(&self) -> i64 {
        let count = format!("SELECT count(*) FROM users_{}.created_users", self.unique);
        self.cassandra.query(&count).await[0][0].as_ref().and_then(|value| value.as_bigint()).unwrap()
    }

    /// Waits until the table has at least so many rows.
    pub(crate) async fn await_rows(&self, at_least: i64) -> i64 {
        await_until(&format!("the table has {at_least} rows"), PATIENCE, async || {
            let rows = self.rows().await;
            if rows >= at_least { Ok(rows) } else { Err(format!("{rows} rows")) }
        })
        .await
    }

    /// Whether the table is there.
    pub(crate) async fn has_table(&self) -> bool {
        let statement = format!(
            "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'users_{}'",
            self.unique
        );
        let name = |row: &Vec<Option<_>>| format!("{:?}", row[0]).contains("created_users");
        self.cassandra.query(&statement).await.iter().any(name)
    }

    /// Waits until nothing of the pipeline is left in the namespace.
    pub(crate) async fn await_gone(&self) {
        await_until("every object of the pipeline is gone", PATIENCE, async || {
            let kinds = "deployments,cronjobs,jobs,configmaps,poddisruptionbudgets,pods";
            let arguments =
                ["get", kinds, "-n", &self.namespace, "-l", "userstream.dev/pipeline", "-o", "name"];
            let left = self.cluster.kubectl(&arguments).await;
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }

    /// No container was started again, and the operator has logged no error.
    pub(crate) async fn assert_calm(&self) {
        let pods = self.cluster.list("pods", &self.namespace).await;
        for pod in pods.iter().chain(&self.cluster.list("pods", SYSTEM).await) {
            let restarts = &pod["status"]["containerStatuses"][0]["restartCount"];
            assert_eq!(*restarts, 0, "{}", pod["metadata"]["name"]);
        }
        let log = self.cluster.kubectl(&["logs", "-n", SYSTEM, "deployment/userstream"]).await;
        let errors: Vec<&str> = log.lines().filter(|line| line.contains(r#""level":"ERROR""#)).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}
