//! What the cluster does with the objects: the controllers of Jobs, Deployments and CronJobs, and the garbage
//! collector.

use serde_json::json;
use userstream_crds::names::Component;

use crate::model::Model;
use crate::objects::{CONFIG_MAPS, CRON_JOBS, DEPLOYMENTS, JOBS, Object, PODS};
use crate::specs::{NAMESPACE, created_at};
use crate::state::{Environment, State};

impl Model {
    pub(crate) fn ids(&self, state: &State, watch: usize) -> Vec<u32> {
        (*self.groups.get(state.actual[watch])).clone()
    }

    pub(crate) fn environment(&mut self, state: &mut State, change: impl FnOnce(&mut Environment)) {
        let mut environment = (*self.environments.get(state.environment)).clone();
        change(&mut environment);
        state.environment = self.environments.put(environment);
    }

    pub(crate) fn pods_of(&self, state: &State, owner: &Object) -> Vec<u32> {
        let mut pods = self.ids(state, PODS);
        pods.retain(|id| self.objects.get(*id).owner.as_deref() == Some(owner.uid.as_str()));
        pods
    }

    pub(crate) fn has_configuration(&self, state: &State, object: &Object) -> bool {
        let name = object.config_map.as_ref();
        name.is_some_and(|name| self.find(&state.actual, CONFIG_MAPS, name).is_some())
    }

    pub(crate) fn has_owner(&self, state: &State, object: &Object) -> bool {
        let Some(owner) = &object.owner else { return true };
        if object.incarnation.is_some() {
            return self.pipeline(state).map(|pipeline| pipeline.incarnation) == object.incarnation;
        }
        let owners = [JOBS, CRON_JOBS, DEPLOYMENTS].into_iter().flat_map(|watch| self.ids(state, watch));
        owners.into_iter().any(|id| self.objects.get(id).uid == *owner)
    }

    /// Creates a pod from the template of its owner.
    fn pod(&mut self, state: &State, owner: u32, index: u8, kind: &'static str) -> u32 {
        let incarnation = self.environments.get(state.environment).newest_incarnation;
        let parameter = index + 10 * incarnation + if kind == "Job" { 100 } else { 0 };
        self.objects.child(owner, "pod", parameter, PODS, |owner| {
            let template = &owner.body["spec"]["template"];
            let configuration = owner.configuration.clone().unwrap_or_default();
            let name = format!("{}-{configuration}-{index}", owner.name);
            let mut annotations = template["metadata"]["annotations"].clone();
            annotations["incarnation"] = json!(incarnation.to_string());
            json!({
                "metadata": {
                    "name": name, "namespace": NAMESPACE, "uid": format!("pod {name}"),
                    "labels": template["metadata"]["labels"], "annotations": annotations,
                    "creationTimestamp": created_at(incarnation),
                    "ownerReferences": [{"apiVersion": "v1", "kind": kind, "name": owner.name, "uid": owner.uid, "controller": true}],
                },
                "spec": template["spec"],
                "status": {"phase": "Running"},
            })
        })
    }

    /// A pod whose container has terminated; unless this is the last attempt, it is about to restart.
    pub(crate) fn terminated_pod(&mut self, pod: u32, exit_code: i32, partitions: u32, is_last: bool) -> u32 {
        let parameter = u8::from(is_last) + 2 * u8::try_from(partitions).unwrap();
        self.objects.derive(pod, "end", parameter, |body| {
            let report = json!({
                "outcome": "Ok", "message": if exit_code == 0 { "" } else { "no broker answers" }, "mode": "Apply",
                "topic": {"name": "users_created", "topicId": "AAAA", "partitions": partitions, "replicas": 1},
                "table": {"keyspace": "spark_streams", "name": "created_users", "tableId": "1-2"},
            });
            let report = if exit_code == 0 { report } else { json!({"message": "no broker answers"}) };
            let ended = json!({"terminated": {"exitCode": exit_code, "message": report.to_string(), "finishedAt": "2027-01-01T00:00:00Z"}});
            let status = if is_last {
                body["status"]["phase"] = json!(if exit_code == 0 { "Succeeded" } else { "Failed" });
                json!({"name": "worker", "state": ended})
            } else {
                json!({"name": "worker", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended})
            };
            body["status"]["containerStatuses"] = json!([status]);
        })
    }

    pub(crate) fn start_job(&mut self, state: &mut State, id: u32) {
        let pod = self.pod(state, id, 0, "Job");
        self.replace(state, None, Some(pod));
    }

    pub(crate) fn fail_attempt(&mut self, state: &mut State, id: u32) {
        for pod in self.pods_of(state, &self.objects.get(id).clone()) {
            let ended = self.terminated_pod(pod, 69, 3, false);
            self.replace(state, Some(pod), Some(ended));
        }
    }

    pub(crate) fn finish_job(&mut self, state: &mut State, job: u32, succeeds: bool) {
        let object = self.objects.get(job).clone();
        let partitions = self.partitions_after(state, &object);
        for pod in self.pods_of(state, &object) {
            let ended = self.terminated_pod(pod, if succeeds { 0 } else { 69 }, partitions, true);
            self.replace(state, Some(pod), Some(ended));
        }
        let condition = if succeeds { "Complete" } else { "Failed" };
        let next = self.objects.derive(job, condition, 0, |body| {
            body["status"] = json!({"conditions": [{"type": condition, "status": "True"}]});
        });
        self.replace(state, Some(job), Some(next));
        if !succeeds {
            return;
        }
        let configuration = object.configuration.clone().unwrap_or_default();
        let incarnation = self.pipeline(state).map_or(0, |pipeline| pipeline.incarnation);
        self.environment(state, |environment| match object.component.as_str() {
            "provision" => {
                environment.provisioned.insert(configuration);
                environment.partitions = partitions;
                environment.has_data = incarnation.max(environment.has_data);
            }
            "cleanup" => {
                environment.has_data = 0;
                environment.owes_cleanup = false;
            }
            _ => {}
        });
    }

    /// The partitions of the topic after a Job. Its pod has read the configuration, which may be deleted since.
    fn partitions_after(&self, state: &State, job: &Object) -> u32 {
        let existing = self.environments.get(state.environment).partitions;
        let configuration = job.config_map.as_ref().and_then(|name| self.objects.ever(CONFIG_MAPS, name));
        let declared = configuration.map_or(existing, |it| {
            let text = it.body["data"]["worker.json"].as_str().unwrap();
            if text.contains("\"partitions\":6") { 6 } else { 3 }
        });
        existing.max(declared)
    }

    pub(crate) fn start_rollout(&mut self, state: &mut State, id: u32) {
        let deployment = self.objects.get(id).clone();
        if deployment.replicas == 0 {
            return self.finish_rollout(state, id);
        }
        if deployment.body["spec"]["strategy"]["type"] == "Recreate" {
            for pod in self.pods_of(state, &deployment) {
                self.replace(state, Some(pod), None);
            }
        }
        let updated = u8::try_from(deployment.replicas).unwrap();
        for index in 0..updated {
            let pod = self.pod(state, id, index, "ReplicaSet");
            self.replace(state, Some(pod), Some(pod));
        }
        let replicas = self.pods_of(state, &deployment).len();
        let next = self.objects.derive(id, "start", u8::try_from(replicas).unwrap(), |body| {
            body["metadata"]["generation"] = json!(1);
            body["status"] = json!({"observedGeneration": 1, "replicas": replicas, "updatedReplicas": updated, "availableReplicas": 0});
        });
        self.replace(state, Some(id), Some(next));
    }

    pub(crate) fn finish_rollout(&mut self, state: &mut State, id: u32) {
        let deployment = self.objects.get(id).clone();
        let updated: Vec<u32> = (0..u8::try_from(deployment.replicas).unwrap())
            .map(|index| self.pod(state, id, index, "ReplicaSet"))
            .collect();
        for pod in self.pods_of(state, &deployment) {
            self.replace(state, Some(pod), None);
        }
        for pod in updated {
            self.replace(state, None, Some(pod));
        }
        let replicas = deployment.replicas;
        let next = self.objects.derive(id, "done", 0, |body| {
            body["metadata"]["generation"] = json!(1);
            body["status"] = json!({"observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas,
                "readyReplicas": replicas, "availableReplicas": replicas});
        });
        self.replace(state, Some(id), Some(next));
        if deployment.component == Component::Processor.name() {
            let configuration = deployment.configuration.clone().unwrap_or_default();
            self.environment(state, |environment| {
                environment.rolled_out.insert(configuration);
            });
        }
    }

    pub(crate) fn lose_pod(&mut self, state: &mut State, id: u32) {
        let pod = self.pods_of(state, &self.objects.get(id).clone()).into_iter().next();
        self.replace(state, pod, None);
        let next = self.objects.derive(id, "lost", 0, |body| {
            for field in ["availableReplicas", "updatedReplicas", "replicas"] {
                body["status"][field] = json!(0);
            }
        });
        self.replace(state, Some(id), Some(next));
    }

    pub(crate) fn run_schedule(&mut self, state: &mut State, id: u32) {
        self.environment(state, |environment| environment.runs = 1);
        let job = self.objects.child(id, "run", 0, JOBS, |cron_job| {
            let template = &cron_job.body["spec"]["jobTemplate"];
            json!({"apiVersion": "batch/v1", "kind": "Job",
                "metadata": {"name": format!("{}-1", cron_job.name), "namespace": NAMESPACE,
                    "uid": format!("run of {}", cron_job.uid), "labels": template["metadata"]["labels"],
                    "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": cron_job.name,
                        "uid": cron_job.uid, "controller": true}]},
                "spec": template["spec"]})
        });
        self.replace(state, None, Some(job));
    }

    pub(crate) fn collect_garbage(&mut self, state: &mut State, watch: usize) {
        for id in self.ids(state, watch) {
            if !self.has_owner(state, self.objects.get(id)) {
                self.replace(state, Some(id), None);
            }
        }
    }
}
