//! Snapshots for tests, built from their differences to a ready pipeline.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::cluster::snapshot::{Operator, Snapshot};

pub(super) fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

pub(super) fn ago(seconds: i64) -> String {
    (now() - SignedDuration::from_secs(seconds)).to_string()
}

/// Conditions from tuples of type, status, reason and message.
pub(super) fn conditions(list: &[(&str, &str, &str, &str)]) -> Value {
    let condition = |(of, status, reason, message): &(&str, &str, &str, &str)| {
        json!({"type": of, "status": status, "reason": reason, "message": message, "observedGeneration": 3,
            "lastTransitionTime": ago(300)})
    };
    list.iter().map(condition).collect()
}

pub(super) const HEALTHY: [(&str, &str, &str, &str); 6] = [
    ("Ready", "True", "Running", "records flow"),
    ("TopicReady", "True", "Provisioned", "the topic matches the spec"),
    ("TableReady", "True", "Provisioned", "the table matches the spec"),
    ("ProcessorReady", "True", "Processing", "2 processors are up to date and report their lag"),
    ("ProducerReady", "True", "LastRunSucceeded", "the last run succeeded"),
    ("ReconciliationPaused", "False", "NotPaused", ""),
];

/// Before topic and table are provisioned.
pub(super) const PROCESSORS_WAIT: (&str, &str, &str, &str) = (
    "ProcessorReady",
    "False",
    "AwaitingProvisioning",
    "processors start once topic and table are provisioned",
);

/// Before the processors are ready.
pub(super) const PRODUCER_WAITS: (&str, &str, &str, &str) = (
    "ProducerReady",
    "False",
    "AwaitingProcessors",
    "the producer starts once processors are ready for its records",
);

pub(super) fn with(changes: &[(&'static str, &'static str, &'static str, &'static str)]) -> Value {
    let mut all = HEALTHY.to_vec();
    for change in changes {
        match all.iter_mut().find(|condition| condition.0 == change.0) {
            Some(condition) => *condition = *change,
            None => all.push(*change),
        }
    }
    conditions(&all)
}

pub(super) fn labels(component: &str) -> Value {
    json!({"userstream.dev/pipeline": "users", "app.kubernetes.io/component": component})
}

pub(super) fn pod(name: &str, component: &str, owner: &Value, container: &Value) -> Value {
    let mut container = container.clone();
    container["name"] = json!("worker");
    container["image"] = json!("example.org/worker:0.1.0");
    container["imageID"] = json!("");
    for (field, default) in [("restartCount", json!(0)), ("ready", json!(false))] {
        if container[field].is_null() {
            container[field] = default;
        }
    }
    json!({
        "metadata": {"name": name, "namespace": "demo", "labels": labels(component), "ownerReferences": [owner]},
        "status": {"phase": "Running", "containerStatuses": [container]},
    })
}

pub(super) fn owner(kind: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": kind, "name": name, "uid": "1"})
}

pub(super) fn job(name: &str, component: &str, status: &Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "demo", "labels": labels(component), "creationTimestamp": ago(400)},
        "status": status,
    })
}

pub(super) fn deployment(component: &str, replicas: i32, ready: i32) -> Value {
    json!({
        "metadata": {"name": format!("users-{component}"), "namespace": "demo", "labels": labels(component)},
        "spec": {"replicas": replicas, "selector": {}, "template": {}},
        "status": {"readyReplicas": ready},
    })
}

pub(super) fn succeeded(name: &str, component: &str) -> Value {
    job(
        name,
        component,
        &json!({
            "startTime": ago(400), "completionTime": ago(380),
            "conditions": [{"type": "Complete", "status": "True"}],
        }),
    )
}

pub(super) fn operator(ready: i32) -> Operator {
    let deployment = json!({
        "metadata": {"name": "userstream", "namespace": "userstream-system",
            "labels": {"app.kubernetes.io/version": "0.1.0"}},
        "spec": {"replicas": 1, "selector": {}, "template": {}},
        "status": {"readyReplicas": ready},
    });
    Operator::Installed(vec![serde_json::from_value(deployment).unwrap()])
}

pub(super) fn typed<T: serde::de::DeserializeOwned>(objects: &[Value]) -> Vec<T> {
    objects.iter().map(|object| serde_json::from_value(object.clone()).unwrap()).collect()
}

/// The status and the objects of a pipeline.
pub(super) struct Case {
    pub(super) conditions: Value,
    pub(super) status: Value,
    pub(super) deployments: Vec<Value>,
    pub(super) jobs: Vec<Value>,
    pub(super) pods: Vec<Value>,
    pub(super) operator: Operator,
}

impl Case {
    /// A ready pipeline.
    pub(super) fn healthy() -> Self {
        let running = json!({"ready": true, "state": {"running": {}}});
        let set = owner("ReplicaSet", "users-processor-1");
        Self {
            conditions: with(&[]),
            status: json!({
                "phase": "Running",
                "topic": {"name": "users_created", "topicId": "a", "partitions": 6, "replicas": 3},
                "table": {"keyspace": "shop", "name": "created_users"},
                "producer": {"kind": "CronJob", "name": "users-producer", "lastSuccessTime": ago(70)},
                "processor": {"replicas": 2, "readyReplicas": 2, "lag": 1234, "lagObservedTime": ago(9), "lastRowTime": ago(3)},
                "deadLetter": {"depth": 0},
            }),
            deployments: vec![deployment("processor", 2, 2)],
            jobs: vec![
                succeeded("users-provision-1f2e3d4c5b", "provision"),
                succeeded("users-producer-29", "producer"),
            ],
            pods: vec![
                pod("users-processor-1-a", "processor", &set, &running),
                pod("users-processor-1-b", "processor", &set, &running),
            ],
            operator: operator(1),
        }
    }

    /// A pipeline without workloads, whose provision Job is given.
    pub(super) fn provisioning(conditions: Value, job: Value, pod: Value) -> Self {
        Self {
            conditions,
            status: json!({"phase": "Provisioning"}),
            deployments: Vec::new(),
            jobs: vec![job],
            pods: vec![pod],
            operator: operator(1),
        }
    }

    pub(super) fn status(mut self, field: &str, value: Value) -> Self {
        self.status[field] = value;
        self
    }

    pub(super) fn snapshot(self) -> Snapshot {
        let mut status = self.status;
        status["observedGeneration"] = json!(3);
        status["conditions"] = self.conditions;
        let pipeline = json!({
            "apiVersion": "userstream.dev/v1alpha1", "kind": "UserStreamPipeline",
            "metadata": {"name": "users", "namespace": "demo", "generation": 3, "creationTimestamp": ago(7200)},
            "spec": {
                "source": {"mode": "Scheduled"},
                "kafka": {"topic": {"name": "users_created"}},
                "sink": {"cassandra": {"keyspace": {"name": "shop"}, "table": {"name": "created_users"}}},
            },
            "status": status,
        });
        let cron_job = json!({
            "metadata": {"name": "users-producer", "namespace": "demo", "labels": labels("producer")},
            "spec": {"schedule": "*/5 * * * *", "timeZone": "Etc/UTC", "jobTemplate": {}},
            "status": {"lastScheduleTime": ago(75)},
        });
        let has_producer = !self.deployments.is_empty();
        Snapshot {
            pipeline: serde_json::from_value(pipeline).unwrap(),
            deployments: typed(&self.deployments),
            cron_jobs: typed(if has_producer { std::slice::from_ref(&cron_job) } else { &[] }),
            jobs: typed(&self.jobs),
            pods: typed(&self.pods),
            reports: std::collections::BTreeMap::new(),
            forbidden: Vec::new(),
            operator: self.operator,
            now: now(),
        }
    }
}
