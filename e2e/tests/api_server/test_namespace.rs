//! The test namespace fixture: a namespace with pipelines and an operator.

use std::time::Duration;

use serde_json::{Value, json};
use userstream_e2e::cluster::{Cluster, condition};
use userstream_e2e::operator::Operator;
use userstream_e2e::poll_until::poll_until;
use uuid::Uuid;

pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// A namespace that only one test uses.
pub(crate) struct TestNamespace {
    pub(crate) cluster: &'static Cluster,
    pub(crate) namespace: String,
}

impl TestNamespace {
    pub(crate) async fn new() -> Self {
        Self::within(Cluster::api_server().await).await
    }

    /// A namespace in this cluster.
    pub(crate) async fn within(cluster: &'static Cluster) -> Self {
        let namespace = format!("test-{}", &Uuid::new_v4().simple().to_string()[..10]);
        cluster.kubectl(&["create", "namespace", &namespace]).await;
        Self { cluster, namespace }
    }

    /// A small pipeline with unique names of topic and keyspace.
    pub(crate) fn pipeline(&self, name: &str) -> Value {
        let unique = format!("{}_{name}", self.namespace).replace('-', "_");
        json!({
            "apiVersion": "userstream.dev/v1alpha1",
            "kind": "UserStreamPipeline",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "source": {"mode": "Scheduled", "schedule": {"cron": "0 0 1 1 *"}, "generator": {}},
                "schema": {"fields": [{"name": "id", "type": "uuid", "from": "login.uuid", "required": true}]},
                "kafka": {"bootstrapServers": "kafka:9092", "topic": {"name": unique}, "keyField": "id"},
                "sink": {"cassandra": {
                    "contactPoints": ["cassandra:9042"],
                    "keyspace": {"name": unique, "replication": {"class": "SimpleStrategy", "replication_factor": 1}},
                    "table": {"name": "users", "partitionKey": ["id"]},
                }},
            },
        })
    }

    pub(crate) async fn operator(&self) -> Operator {
        Operator::start(self.cluster, &self.namespace).await
    }

    /// Applies the pipeline, and completes each step of its rollout until the CronJob of its producer exists.
    pub(crate) async fn bring_up(&self, pipeline: &Value) {
        let name = pipeline["metadata"]["name"].as_str().unwrap().to_owned();
        self.cluster.apply(pipeline).await;
        self.await_object("job", &format!("{name}-provision-")).await;
        self.complete_jobs().await;
        let processor = self.await_object("deployment", &format!("{name}-processor")).await;
        self.roll_out(&processor).await;
        self.await_object("cronjob", &format!("{name}-producer")).await;
    }

    /// Patches the pipeline `users`.
    pub(crate) async fn patch(&self, patch: &Value) {
        let patch = patch.to_string();
        let arguments = ["patch", "usp", "-n", &self.namespace, "users", "--type=merge", "-p", &patch];
        self.cluster.kubectl(&arguments).await;
    }

    /// Sets an annotation of the pipeline `users` with `NAME=VALUE`, or removes it with `NAME-`.
    pub(crate) async fn annotate(&self, annotation: &str) {
        let arguments = ["annotate", "--overwrite", "usp", "-n", &self.namespace, "users", annotation];
        self.cluster.kubectl(&arguments).await;
    }

    /// Waits for an object whose name has this prefix, and returns the name.
    pub(crate) async fn await_object(&self, kind: &str, prefix: &str) -> String {
        poll_until(&format!("there is a {kind} {prefix}..."), TIMEOUT, async || {
            let names: Vec<String> =
                self.cluster.list(kind, &self.namespace).await.iter().map(name).collect();
            let found = names.iter().find(|name| name.starts_with(prefix)).cloned();
            found.ok_or_else(|| format!("{names:?}"))
        })
        .await
    }

    /// Marks every Job without conditions as complete.
    pub(crate) async fn complete_jobs(&self) {
        for job in self.cluster.list("jobs", &self.namespace).await {
            if !job["status"]["conditions"].is_null() {
                continue;
            }
            let now = "2026-01-01T00:00:00Z";
            let condition = |of: &str| json!({"type": of, "status": "True", "lastTransitionTime": now, "lastProbeTime": now});
            let status = json!({"startTime": now, "completionTime": now, "succeeded": 1,
                "conditions": [condition("SuccessCriteriaMet"), condition("Complete")]});
            self.cluster.write_status("job", &self.namespace, &name(&job), &status).await;
        }
    }

    /// Marks a Deployment as rolled out, with all replicas ready.
    pub(crate) async fn roll_out(&self, deployment: &str) {
        let body = self.cluster.get("deployment", &self.namespace, deployment).await;
        let replicas = &body["spec"]["replicas"];
        let status = json!({"observedGeneration": body["metadata"]["generation"], "replicas": replicas,
            "updatedReplicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas});
        self.cluster.write_status("deployment", &self.namespace, deployment, &status).await;
    }

    /// The pipelines and the objects that they own, each with its resource version.
    pub(crate) async fn versions(&self) -> Vec<(String, String)> {
        let kinds = "configmaps,jobs,cronjobs,deployments,poddisruptionbudgets,userstreampipelines";
        let all = self.cluster.list(kinds, &self.namespace).await;
        let version = |it: &Value| {
            (format!("{} {}", it["kind"], name(it)), it["metadata"]["resourceVersion"].to_string())
        };
        all.iter().filter(|it| name(it) != "kube-root-ca.crt").map(version).collect()
    }

    /// Applies a pipeline with an invalid `logLevel`, after removing its validation from the CustomResourceDefinition.
    pub(crate) async fn apply_unvalidated(&self, pipeline: &Value) {
        let place = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/observability/properties/logLevel/enum";
        let patch = json!([{"op": "remove", "path": place}]).to_string();
        let definition = "userstreampipelines.userstream.dev";
        self.cluster
            .kubectl(&["patch", "customresourcedefinition", definition, "--type=json", "-p", &patch])
            .await;
        poll_until("the API server accepts the pipeline", TIMEOUT, async || {
            self.cluster.try_apply(pipeline).await
        })
        .await;
    }

    /// The status of a pipeline.
    pub(crate) async fn status(&self, pipeline: &str) -> Value {
        self.cluster.pipeline(&self.namespace, pipeline).await["status"].clone()
    }

    /// A condition of a pipeline; null when there is none.
    pub(crate) async fn condition(&self, pipeline: &str, of: &str) -> Value {
        condition(&self.cluster.pipeline(&self.namespace, pipeline).await, of).clone()
    }

    /// Waits until the pipeline's `Ready` has this reason.
    pub(crate) async fn await_reason(&self, pipeline: &str, reason: &str) -> Value {
        poll_until(&format!("{pipeline} is {reason}"), TIMEOUT, async || {
            let ready = self.condition(pipeline, "Ready").await;
            if ready["reason"] == reason { Ok(ready) } else { Err(ready.to_string()) }
        })
        .await
    }
}

pub(crate) fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}
