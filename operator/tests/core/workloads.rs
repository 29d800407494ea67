//! The controllers of Jobs, CronJobs and Deployments, and the workers' reports.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use userstream_operator::model::kind::Kind;

use crate::cluster::Cluster;
use crate::worker_reports::report_of;

impl Cluster {
    /// Jobs succeed, Deployments roll out, workers report. Returns whether anything changed.
    pub(crate) fn progress(&mut self) -> bool {
        let before = (self.objects.clone(), self.reports.clone());
        for (kind, name) in self.objects.keys().cloned().collect::<Vec<_>>() {
            match kind {
                Kind::Job => self.succeed(&name),
                Kind::Deployment => self.roll_out(&name),
                _ => {}
            }
        }
        before != (self.objects.clone(), self.reports.clone())
    }

    pub(crate) fn succeed(&mut self, job: &str) {
        let partitions = self.pipeline().topic.partitions;
        self.object(Kind::Job, job)["status"] =
            json!({"conditions": [{"type": "Complete", "status": "True"}]});
        let report = json!({
            "outcome": "Ok", "message": "", "mode": "Apply", "changes": [{"resource": "topic/users_created", "text": "topic users_created: create"}],
            "topic": {"name": "users_created", "topicId": "AAAA", "partitions": partitions, "replicas": 1, "createdByUs": true},
            "table": {"keyspace": "spark_streams", "name": "created_users", "tableId": "1-2", "createdByUs": true, "lastDdl": "CREATE TABLE"},
        });
        self.end_pod(job, 0, &report.to_string(), true);
    }

    /// The CronJob has created a Job at this time, and the Job has finished.
    pub(crate) fn run_of_schedule(&mut self, started: &str, completed: Option<&str>) {
        let cron_job = self.object(Kind::CronJob, "users-producer").clone();
        let name = format!("users-producer-{}", self.objects.len());
        let job = json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": name,
                "uid": format!("uid-of-{name}"),
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "users-producer", "uid": cron_job["metadata"]["uid"], "controller": true}],
            },
            "spec": cron_job["spec"]["jobTemplate"]["spec"],
            "status": {
                "startTime": started,
                "completionTime": completed,
                "conditions": [{"type": if completed.is_some() { "Complete" } else { "Failed" }, "status": "True"}],
            },
        });
        self.objects.insert((Kind::Job, name.clone()), job);
        let report = json!({"message": "no answer from https://randomuser.me/api/"});
        self.end_pod(&name, if completed.is_some() { 0 } else { 69 }, &report.to_string(), true);
    }

    /// The pod of a Job with a terminated container; unless this is the last attempt, it is about to restart.
    pub(crate) fn end_pod(&mut self, job: &str, exit_code: i32, message: &str, is_last: bool) {
        let ended = json!({"terminated": {"exitCode": exit_code, "message": message, "finishedAt": "2027-01-01T00:00:00Z"}});
        let status = if is_last {
            json!({"name": "worker", "state": ended})
        } else {
            json!({"name": "worker", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended})
        };
        self.put_pod(
            job,
            Kind::Job,
            &format!("{job}-abcde"),
            &json!({"phase": if is_last { "Succeeded" } else { "Running" }, "containerStatuses": [status]}),
        );
    }

    fn put_pod(&mut self, owner: &str, kind: Kind, name: &str, status: &Value) {
        let body = self.object(kind, owner).clone();
        let pod = json!({
            "metadata": {
                "name": name,
                "labels": body["spec"]["template"]["metadata"]["labels"],
                "ownerReferences": [{"apiVersion": "v1", "kind": kind.name(), "name": owner, "uid": body["metadata"]["uid"], "controller": true}],
            },
            "spec": body["spec"]["template"]["spec"],
            "status": status,
        });
        let pod: Pod = serde_json::from_value(pod).unwrap();
        self.pods.retain(|old| old.metadata.name != pod.metadata.name);
        self.pods.push(pod);
    }

    /// All pods of a Deployment have its newest template, are available, and report their status.
    pub(crate) fn roll_out(&mut self, deployment: &str) {
        let body = self.object(Kind::Deployment, deployment);
        let replicas = body["spec"]["replicas"].as_u64().unwrap();
        let generation = body["metadata"]["generation"].clone();
        body["status"] = json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
        });
        let prefix = format!("{deployment}-");
        self.pods.retain(|pod| !pod.metadata.name.as_ref().unwrap().starts_with(&prefix));
        self.reports.retain(|name, _| !name.starts_with(&prefix));
        for index in 0..replicas {
            let name = format!("{prefix}{index}");
            self.put_pod(deployment, Kind::Deployment, &name, &json!({"phase": "Running"}));
            let topic_partitions = self.topic_partitions();
            let partitions = (0..topic_partitions)
                .filter(|partition| u64::from(*partition) % replicas == index)
                .map(|partition| i32::try_from(partition).unwrap());
            let report = report_of(partitions, topic_partitions, self.now);
            self.reports.insert(name, report);
        }
    }
}
