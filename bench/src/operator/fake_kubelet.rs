//! A fake of the workload controllers and the kubelets: new Jobs complete and new Deployments become ready at once.

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::stream::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, PostParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{fake_workers, pods};

/// How many objects of a kind are processed concurrently.
const CONCURRENCY: usize = 16;

pub(super) struct FakeKubelet {
    client: Client,
    /// How many pods it has created.
    pods: AtomicU32,
}

impl FakeKubelet {
    pub(super) fn new(client: Client) -> Self {
        Self { client, pods: AtomicU32::new(0) }
    }

    /// Runs until the future is dropped.
    pub(super) async fn run(&self) {
        let jobs = self.new_objects::<Job>().for_each_concurrent(CONCURRENCY, |job| self.complete(job));
        let deployments =
            self.new_objects::<Deployment>().for_each_concurrent(CONCURRENCY, |it| self.roll_out(it));
        tokio::join!(jobs, deployments);
    }

    /// The operator's objects of a kind, each when it is created.
    fn new_objects<K>(&self) -> impl Stream<Item = K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug
            + Send
            + 'static,
    {
        let ours = Config::default().labels("app.kubernetes.io/managed-by=userstream-operator");
        let mut known = HashSet::new();
        let if_new = move |event: Result<Event<K>, _>| {
            let event = event.expect("the watch is not interrupted");
            let (Event::Apply(object) | Event::InitApply(object)) = event else {
                return std::future::ready(None);
            };
            let is_new = known.insert(object.uid());
            std::future::ready(is_new.then_some(object))
        };
        watcher(Api::<K>::all(self.client.clone()), ours).filter_map(if_new)
    }

    /// Creates the pod of a Job, and marks both as succeeded.
    async fn complete(&self, job: Job) {
        let template = &job.spec.as_ref().expect("a Job has a spec").template;
        let owner = job.controller_owner_ref(&()).expect("it has a UID");
        let report = report(&job.labels()["userstream.dev/pipeline"]);
        self.run_pod(&job, owner, template, |address| pods::succeeded(address, &report)).await;
        let now = Timestamp::now();
        let condition =
            |of: &str| json!({"type": of, "status": "True", "lastTransitionTime": now, "lastProbeTime": now});
        let conditions = [condition("SuccessCriteriaMet"), condition("Complete")];
        let status = json!({"startTime": now, "completionTime": now, "succeeded": 1, "ready": 0, "conditions": conditions});
        self.write_status(&job, status).await;
    }

    /// Creates the pods of a Deployment, and marks them as ready.
    async fn roll_out(&self, deployment: Deployment) {
        let spec = deployment.spec.as_ref().expect("a Deployment has a spec");
        // The operator does not read ReplicaSets, so none are created.
        let owner = OwnerReference {
            kind: "ReplicaSet".to_owned(),
            ..deployment.controller_owner_ref(&()).expect("it has a UID")
        };
        let replicas = spec.replicas.unwrap_or(1);
        for _ in 0..replicas {
            self.run_pod(&deployment, owner.clone(), &spec.template, pods::running).await;
        }
        let now = Timestamp::now();
        let condition = |of: &str, reason: &str| json!({"type": of, "status": "True", "reason": reason, "message": "", "lastTransitionTime": now, "lastUpdateTime": now});
        let conditions = [
            condition("Available", "MinimumReplicasAvailable"),
            condition("Progressing", "NewReplicaSetAvailable"),
        ];
        let status = json!({
            "observedGeneration": deployment.metadata.generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas, "conditions": conditions,
        });
        self.write_status(&deployment, status).await;
    }

    /// Creates a pod and writes its status.
    async fn run_pod<K: Resource>(
        &self,
        of: &K,
        owner: OwnerReference,
        template: &PodTemplateSpec,
        status: impl FnOnce(std::net::Ipv4Addr) -> Value,
    ) {
        let number = self.pods.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number:05}", of.name_any());
        let api: Api<Pod> =
            Api::namespaced(self.client.clone(), &of.namespace().expect("it has a namespace"));
        let pod = pods::pod(name, owner, template);
        let created = api.create(&PostParams::default(), &pod).await.expect("a pod can be created");
        self.write_status(&created, status(fake_workers::address(number))).await;
    }

    /// Replaces a status as controllers do, with the whole object and its resource version.
    async fn write_status<K>(&self, object: &K, status: Value)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Serialize
            + DeserializeOwned
            + Debug,
    {
        let api: Api<K> =
            Api::namespaced(self.client.clone(), &object.namespace().expect("it has a namespace"));
        let mut body = serde_json::to_value(object).expect("an object can be serialized");
        body["status"] = status;
        let updated = serde_json::from_value(body).expect("the object with its status can be deserialized");
        let written = api.replace_status(&object.name_any(), &PostParams::default(), &updated).await;
        written.expect("a status can be written");
    }
}

/// The termination message of a worker that has provisioned topic and table.
fn report(pipeline: &str) -> Value {
    let number = pipeline.rsplit('-').next().unwrap_or_default();
    let (topic, table) = (format!("users_created_{number}"), format!("created_users_{number}"));
    let ddl = format!(
        "CREATE TABLE spark_streams.{table} (id uuid PRIMARY KEY, first_name text, last_name text, ...)"
    );
    json!({
        "message": "topic and table match the spec",
        "changes": [{"text": format!("topic {topic}: create, 3 partitions")}, {"text": format!("table {table}: create")}],
        "drift": [],
        "refusals": [],
        "topic": {"name": topic, "topicId": "lTyAXcOZQlqXCuQ1EMXJnw", "partitions": 3, "replicas": 1},
        "table": {
            "keyspace": "spark_streams", "name": table, "tableId": "5a1c395e-b41f-11e5-9f22-ba0be0483c18", "lastDdl": ddl,
        },
    })
}
