//! The measured pipelines: copies of an ordinary one with unique names.

use std::fmt;
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::core::{GroupVersionKind, NotUsed, Object, ObjectMeta};
use kube::runtime::watcher::{self, Event, watcher};
use serde::Deserialize;
use serde_json::{Value, json};

const NAMESPACES: usize = 10;
/// Creations in flight: faster than the operator, and without a queue in the API server.
const CONCURRENCY: usize = 8;

pub(super) struct Pipelines {
    client: Client,
    count: usize,
}

/// How long the pipelines took to converge.
pub(super) struct Convergence {
    /// From the first creation until the last pipeline is ready.
    pub(super) took: Duration,
    created: Duration,
    /// From the creation of each pipeline until it is ready, sorted.
    each: Vec<Duration>,
}

/// The part of a pipeline's status that the benchmark reads.
#[derive(Clone, Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Deserialize)]
struct Condition {
    r#type: String,
    status: String,
}

impl Pipelines {
    pub(super) fn new(client: Client, count: usize) -> Self {
        Self { client, count }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Creates the namespaces and, in place of a controller, their default ServiceAccounts.
    pub(super) async fn create_namespaces(&self) {
        for index in 0..NAMESPACES {
            let named = |name: String| ObjectMeta { name: Some(name), ..ObjectMeta::default() };
            let own = Namespace { metadata: named(namespace(index)), ..Namespace::default() };
            let account =
                ServiceAccount { metadata: named("default".to_owned()), ..ServiceAccount::default() };
            let namespaces: Api<Namespace> = Api::all(self.client.clone());
            namespaces.create(&PostParams::default(), &own).await.expect("a namespace can be created");
            let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &namespace(index));
            accounts.create(&PostParams::default(), &account).await.expect("an account can be created");
        }
    }

    /// Creates all pipelines, and returns when all are ready.
    pub(super) async fn converge(&self) -> Convergence {
        let began = Instant::now();
        let (created, ready) = tokio::join!(self.create(began), self.await_ready(began));
        let mut each: Vec<Duration> = ready
            .iter()
            .map(|(name, at)| {
                let index: usize = name
                    .rsplit('-')
                    .next()
                    .and_then(|text| text.parse().ok())
                    .expect("the name ends with its index");
                at.saturating_sub(created[index])
            })
            .collect();
        each.sort();
        Convergence {
            took: ready.iter().map(|(_, at)| *at).max().unwrap_or_default(),
            created: created.into_iter().max().unwrap_or_default(),
            each,
        }
    }

    /// Creates the pipelines, and returns when each was created.
    async fn create(&self, began: Instant) -> Vec<Duration> {
        let create = |index: usize| async move {
            let api: Api<DynamicObject> =
                Api::namespaced_with(self.client.clone(), &namespace(index), &resource());
            let pipeline = serde_json::from_value(pipeline(index)).expect("it is an object");
            api.create(&PostParams::default(), &pipeline).await.expect("a pipeline can be created");
            (index, began.elapsed())
        };
        let mut created: Vec<_> =
            futures::stream::iter(0..self.count).map(create).buffer_unordered(CONCURRENCY).collect().await;
        created.sort_unstable();
        created.into_iter().map(|(_, at)| at).collect()
    }

    /// Waits until all pipelines are ready, and returns when each became ready.
    async fn await_ready(&self, began: Instant) -> Vec<(String, Duration)> {
        let api: Api<Object<NotUsed, Status>> = Api::all_with(self.client.clone(), &resource());
        let mut events = watcher(api, watcher::Config::default()).boxed();
        let mut ready = std::collections::HashMap::new();
        while ready.len() < self.count {
            let event =
                events.next().await.expect("a watch does not end").expect("the watch is not interrupted");
            let (Event::Apply(pipeline) | Event::InitApply(pipeline)) = event else { continue };
            let conditions = pipeline.status.map(|status| status.conditions).unwrap_or_default();
            if conditions.iter().any(|condition| condition.r#type == "Ready" && condition.status == "True") {
                let name = pipeline.metadata.name.expect("it has a name");
                ready.entry(name).or_insert_with(|| began.elapsed());
            }
        }
        ready.into_iter().collect()
    }
}

impl fmt::Display for Convergence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |percent: usize| self.each[(self.each.len() - 1) * percent / 100];
        write!(
            formatter,
            "{} pipelines were created within {:.1?}; from creation to ready: {:.1?} (median), {:.1?} (p99)",
            self.each.len(),
            self.created,
            at(50),
            at(99),
        )
    }
}

fn resource() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("userstream.dev", "v1alpha1", "UserStreamPipeline"))
}

fn namespace(index: usize) -> String {
    format!("bench-{}", index % NAMESPACES)
}

/// `crds/examples/users.yaml` with a unique topic and a unique table.
fn pipeline(index: usize) -> Value {
    let fields: Vec<Value> = userstream_bench::FIELDS
        .iter()
        .map(|(name, kind, from)| {
            let required = ["id", "fetched_at"].contains(name);
            json!({"name": name, "type": kind, "from": from, "required": required})
        })
        .collect();
    json!({
        "apiVersion": "userstream.dev/v1alpha1",
        "kind": "UserStreamPipeline",
        "metadata": {"name": format!("users-{index:05}"), "namespace": namespace(index)},
        "spec": {
            "source": {"http": {
                "url": "https://randomuser.me/api/",
                "query": {"results": "50"},
                "interval": "10s",
                "recordsPath": "results",
            }},
            "schema": {"fields": fields},
            "kafka": {
                "bootstrapServers": "kafka:9092",
                "topic": {"name": format!("users_created_{index:05}")},
                "keyField": "id",
            },
            "sink": {"cassandra": {
                "contactPoints": ["cassandra:9042"],
                "keyspace": {
                    "name": "spark_streams",
                    "replication": {"class": "SimpleStrategy", "replication_factor": 1},
                },
                "table": {"name": format!("created_users_{index:05}"), "partitionKey": ["id"]},
            }},
        },
    })
}
