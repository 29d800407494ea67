//! The test namespace fixture: a namespace with the `restricted` profile, and pipelines that generate users.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use userstream_e2e::cluster::{Cluster, SYSTEM};
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::{Rig, RigGuard};
use userstream_e2e::table::Cassandra;
use uuid::Uuid;

/// On a busy machine, a changed Secret takes more than a minute to reach a pod.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(240);
/// The label selector of all replicas of the operator.
const OPERATORS: &str = "app.kubernetes.io/name=userstream-operator";

/// A namespace that only one test uses, with a lock on the data rig.
pub(crate) struct TestNamespace {
    pub(crate) rig: RigGuard,
    pub(crate) cluster: &'static Cluster,
    pub(crate) cassandra: Cassandra,
    pub(crate) namespace: String,
    unique: String,
}

impl TestNamespace {
    /// A namespace for a test that runs in parallel with others.
    pub(crate) async fn new() -> Self {
        Self::with(Rig::shared().await).await
    }

    /// A namespace for a test that disturbs servers, the node or the operator: no other test runs at the same time.
    pub(crate) async fn exclusive() -> Self {
        Self::with(Rig::exclusive().await).await
    }

    async fn with(rig: RigGuard) -> Self {
        let cluster = Cluster::with_operator().await;
        let unique = Uuid::new_v4().simple().to_string();
        let namespace = format!("demo-{}", unique.get(..8).unwrap());
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": namespace, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        cluster.apply(&body).await;
        let cassandra = Cassandra::connect(&rig).await;
        Self { rig, cluster, cassandra, namespace, unique }
    }

    /// A pipeline of fifty users per second, continuously.
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

    /// A pipeline of one run with so many users.
    pub(crate) fn finite_pipeline(&self, records: i64) -> Value {
        let mut pipeline = self.pipeline();
        pipeline["spec"]["source"] = json!({
            "mode": "Scheduled",
            "schedule": {"cron": "@yearly"},
            "triggerNonce": 1,
            "generator": {"seed": 1, "recordsPerInterval": records},
        });
        pipeline
    }

    /// Waits until `Ready` is true for the current generation.
    pub(crate) async fn await_ready(&self) -> Value {
        self.cluster.await_condition(&self.namespace, "users", "Ready", "True", TIMEOUT).await
    }

    /// Waits until the table exists. `Ready` may become true only after all rows are written.
    pub(crate) async fn await_table(&self) {
        self.cluster.await_condition(&self.namespace, "users", "TableReady", "True", TIMEOUT).await;
    }

    /// Waits until `Ready` has this reason, and returns the pipeline.
    pub(crate) async fn await_reason(&self, reason: &str) -> Value {
        self.cluster.await_reason(&self.namespace, "users", "Ready", reason, TIMEOUT).await
    }

    /// Patches the pipeline.
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
        poll_until(&format!("the table has {at_least} rows"), TIMEOUT, async || {
            let rows = self.rows().await;
            if rows >= at_least { Ok(rows) } else { Err(format!("{rows} rows")) }
        })
        .await
    }

    /// Waits until the table has so many more rows than now.
    pub(crate) async fn await_more_rows(&self, more: i64) {
        let rows = self.rows().await;
        self.await_rows(rows + more).await;
    }

    /// The objects in the namespace, without pods, ReplicaSets, and the objects that Kubernetes creates in each namespace.
    pub(crate) async fn objects(&self) -> BTreeSet<String> {
        let kinds = "deployments,statefulsets,daemonsets,cronjobs,jobs,configmaps,secrets,services,serviceaccounts,\
                     poddisruptionbudgets,networkpolicies,roles,rolebindings,persistentvolumeclaims";
        let all = self.cluster.kubectl(&["get", kinds, "-n", &self.namespace, "-o", "name"]).await;
        let own = |name: &&str| !["configmap/kube-root-ca.crt", "serviceaccount/default"].contains(name);
        all.lines().filter(own).map(str::to_owned).collect()
    }

    /// The UIDs of the pods that run and are not terminating.
    pub(crate) async fn workers(&self) -> BTreeSet<String> {
        let pods = self.cluster.list("pods", &self.namespace).await;
        let is_running = |pod: &&Value| {
            pod["status"]["phase"] == "Running" && pod["metadata"]["deletionTimestamp"].is_null()
        };
        pods.iter().filter(is_running).map(|pod| pod["metadata"]["uid"].to_string()).collect()
    }

    /// Deletes the pods of a component without a grace period.
    pub(crate) async fn kill_pods(&self, component: &str) {
        let selector = format!("userstream.dev/pipeline=users,app.kubernetes.io/component={component}");
        let how = ["--grace-period=0", "--force", "--wait=true"];
        let arguments = [&["delete", "pods", "-n", &self.namespace, "-l", &selector], &how[..]].concat();
        self.cluster.kubectl(&arguments).await;
    }

    /// Deletes the namespace without waiting.
    pub(crate) async fn tear_down(&self) {
        self.cluster.kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]).await;
    }

    /// Whether the table exists.
    pub(crate) async fn has_table(&self) -> bool {
        let statement = format!(
            "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'users_{}'",
            self.unique
        );
        let name = |row: &Vec<Option<_>>| format!("{:?}", row[0]).contains("created_users");
        self.cassandra.query(&statement).await.iter().any(name)
    }

    /// Waits until the namespace has no object of the pipeline.
    pub(crate) async fn await_gone(&self) {
        poll_until("every object of the pipeline is gone", TIMEOUT, async || {
            let kinds = "deployments,cronjobs,jobs,configmaps,poddisruptionbudgets,pods";
            let arguments =
                ["get", kinds, "-n", &self.namespace, "-l", "userstream.dev/pipeline", "-o", "name"];
            let left = self.cluster.kubectl(&arguments).await;
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }

    /// The logs of the operator and of the workers.
    pub(crate) async fn logs(&self) -> String {
        self.logs_of(SYSTEM, OPERATORS).await
            + &self.logs_of(&self.namespace, "userstream.dev/pipeline").await
    }

    /// Asserts that no container has restarted, and that neither the operator nor a worker has logged an error.
    pub(crate) async fn assert_healthy(&self) {
        self.assert_healthy_despite_faults().await;
        self.assert_no_error(&self.namespace, "userstream.dev/pipeline").await;
    }

    /// Asserts that no container has restarted, and that the operator has logged no error. Workers may have, for a test that
    /// injects faults.
    pub(crate) async fn assert_healthy_despite_faults(&self) {
        // The status of a new pod has no container status at first.
        let pods = poll_until("every pod has a container status", TIMEOUT, async || {
            let mut pods = self.cluster.list("pods", &self.namespace).await;
            pods.extend(self.cluster.list("pods", SYSTEM).await);
            let is_unreported =
                |pod: &&Value| pod["status"]["containerStatuses"][0]["restartCount"].is_null();
            match pods.iter().find(is_unreported).map(|pod| pod["metadata"]["name"].to_string()) {
                Some(unreported) => Err(unreported),
                None => Ok(pods),
            }
        })
        .await;
        for pod in &pods {
            let container = &pod["status"]["containerStatuses"][0];
            assert_eq!(container["restartCount"], 0, "{}: {container:#}", pod["metadata"]["name"]);
        }
        self.assert_no_error(SYSTEM, OPERATORS).await;
    }

    /// Asserts that no pod of a selector has logged an error.
    async fn assert_no_error(&self, namespace: &str, selector: &str) {
        let log = self.logs_of(namespace, selector).await;
        let errors: Vec<&str> = log.lines().filter(|line| line.contains(r#""level":"ERROR""#)).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }

    async fn logs_of(&self, namespace: &str, selector: &str) -> String {
        let all = ["--tail=-1", "--prefix", "--max-log-requests=20"];
        self.cluster.kubectl(&[&["logs", "-n", namespace, "-l", selector], &all[..]].concat()).await
    }
}
