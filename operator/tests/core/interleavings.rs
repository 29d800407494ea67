//! Random sequences of events: edits during a rollout, crashes between two writes, failed Jobs, deleted objects.
//! Invariants hold after each event, and at the end, without further faults, the pipeline converges.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::*;
use serde_json::json;
use userstream_crds::PipelineSpec;
use userstream_crds::names::CONFIGURATION;
use userstream_crds::status::Phase;
use userstream_operator::manifest::Desired;
use userstream_operator::model::kind::Kind;

use crate::cluster::{Cluster, example};

/// An event.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The operator reconciles the pipeline.
    Reconcile,
    /// The operator is killed during a reconcile, after so many writes.
    Crash(usize),
    /// The user changes the spec to one of a few.
    Edit(usize),
    /// The user suspends or resumes the pipeline.
    Suspend(bool),
    /// A Job succeeds.
    JobSucceeds(usize),
    /// An attempt of a Job fails.
    JobFails(usize),
    /// A Deployment rolls out.
    RollOut(usize),
    /// A pod of a Deployment becomes unavailable.
    Unavailable(usize),
    /// Another client deletes an object.
    Delete(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => Just(Event::Reconcile),
        2 => (0usize..4).prop_map(Event::Crash),
        2 => (0usize..4).prop_map(Event::Edit),
        1 => any::<bool>().prop_map(Event::Suspend),
        3 => (0usize..4).prop_map(Event::JobSucceeds),
        1 => (0usize..4).prop_map(Event::JobFails),
        3 => (0usize..2).prop_map(Event::RollOut),
        1 => (0usize..2).prop_map(Event::Unavailable),
        1 => (0usize..8).prop_map(Event::Delete),
    ]
}

/// A few specs that differ in provisioning, scale, and the kind of producer.
fn spec(base: &PipelineSpec, which: usize) -> PipelineSpec {
    let mut spec = base.clone();
    match which {
        0 => {}
        1 => {
            let mut field = spec.schema.fields[1].clone();
            field.name = "nickname".to_owned();
            spec.schema.fields.push(field);
        }
        2 => {
            spec.kafka.topic.partitions = 6;
            spec.processor.replicas = 2;
        }
        _ => {
            let source = spec.source.as_mut().unwrap();
            source.mode = userstream_crds::source::SourceMode::Scheduled;
            let schedule = json!({"cron": "0 * * * *"});
            source.schedule = Some(serde_json::from_value(schedule).unwrap());
            source.trigger_nonce = 1;
        }
    }
    spec
}

/// The cluster, and the configurations that were ever provisioned.
struct Model {
    cluster: Cluster,
    base: PipelineSpec,
    provisioned: BTreeSet<String>,
}

impl Model {
    fn new() -> Self {
        let cluster = Cluster::with(example("users"));
        let base = cluster.resource.spec.clone();
        Self { cluster, base, provisioned: BTreeSet::new() }
    }

    fn names(&self, kind: Kind) -> Vec<String> {
        self.cluster.objects.keys().filter(|(of, _)| *of == kind).map(|(_, name)| name.clone()).collect()
    }

    fn pick(&self, kind: Kind, which: usize) -> Option<String> {
        let names = self.names(kind);
        names.get(which % names.len().max(1)).cloned()
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Reconcile => drop(self.cluster.reconcile()),
            Event::Crash(writes) => {
                let Desired { manifests, kept, .. } = self.cluster.desired();
                let all: Vec<_> = self.cluster.objects.keys().cloned().collect();
                let manifests = manifests.into_iter().take(writes).collect();
                // Deletions come last, so none has happened yet.
                let kept = kept.into_iter().chain(all).collect();
                self.cluster.apply(Desired { manifests, kept, ..Desired::default() });
            }
            Event::Edit(which) => {
                let (suspend, spec) = (self.cluster.resource.spec.suspend, spec(&self.base, which));
                self.cluster.edit(|edited| *edited = PipelineSpec { suspend, ..spec });
            }
            Event::Suspend(suspend) => self.cluster.edit(|spec| spec.suspend = suspend),
            Event::JobSucceeds(which) => {
                if let Some(job) = self.pick(Kind::Job, which) {
                    self.succeed(&job);
                }
            }
            Event::JobFails(which) => {
                if let Some(job) = self.pick(Kind::Job, which) {
                    let body = self.cluster.object(Kind::Job, &job);
                    if body["status"].is_null() {
                        self.cluster.end_pod(&job, 69, r#"{"message": "no broker answers"}"#, false);
                    }
                }
            }
            Event::RollOut(which) => {
                if let Some(deployment) = self.pick(Kind::Deployment, which) {
                    self.cluster.roll_out(&deployment);
                }
            }
            Event::Unavailable(which) => {
                if let Some(deployment) = self.pick(Kind::Deployment, which) {
                    self.cluster.object(Kind::Deployment, &deployment)["status"]["availableReplicas"] =
                        json!(0);
                }
            }
            Event::Delete(which) => self.delete(which),
        }
    }

    /// Deletes an object, and its pods.
    fn delete(&mut self, which: usize) {
        let keys: Vec<_> = self.cluster.objects.keys().cloned().collect();
        if let Some(key) = keys.get(which % keys.len().max(1)) {
            self.cluster.objects.remove(key);
            let is_owner = |pod: &Pod| pod.metadata.owner_references.as_ref().unwrap()[0].name == key.1;
            self.cluster.pods.retain(|pod| !is_owner(pod));
        }
    }

    fn succeed(&mut self, job: &str) {
        if job.contains("-provision-") {
            let hash = configuration(self.cluster.object(Kind::Job, job), "/spec/template");
            self.provisioned.extend(hash);
        }
        self.cluster.succeed(job);
    }

    /// The invariants.
    fn check(&mut self) -> Result<(), String> {
        let templates = ["/spec/template", "/spec/jobTemplate/spec/template"];
        for ((kind, name), body) in &self.cluster.objects {
            if !matches!(kind, Kind::Deployment | Kind::CronJob) {
                continue;
            }
            let hash = templates.iter().find_map(|place| configuration(body, place)).unwrap();
            if !self.provisioned.contains(&hash) {
                return Err(format!("{name} runs {hash}, which was never provisioned"));
            }
        }
        let producers = self.names(Kind::CronJob).len()
            + self.names(Kind::Deployment).iter().filter(|name| name.ends_with("-producer")).count();
        if producers > 2 {
            return Err(format!("{producers} producers"));
        }
        Ok(())
    }

    /// Without further faults the pipeline converges, and records flow.
    fn converge(&mut self) -> Result<(), String> {
        self.cluster.edit(|spec| spec.suspend = false);
        for _ in 0..40 {
            let changed = self.cluster.reconcile();
            for job in self.names(Kind::Job) {
                self.succeed(&job);
            }
            let progressed = self.cluster.progress();
            self.check()?;
            if !changed && !progressed {
                let status = self.cluster.status();
                if status.phase != Some(Phase::Running) {
                    return Err(format!("it has converged and does not run: {:#?}", status.conditions));
                }
                let configurations = self.names(Kind::ConfigMap);
                return if configurations.len() == 1 {
                    Ok(())
                } else {
                    Err(format!("{configurations:?} are left"))
                };
            }
        }
        Err("it does not converge".to_owned())
    }
}

fn configuration(body: &serde_json::Value, template: &str) -> Option<String> {
    body.pointer(template)?["metadata"]["annotations"][CONFIGURATION].as_str().map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_runs_unprovisioned_and_records_flow_in_the_end(
        events in proptest::collection::vec(event(), 1..40)
    ) {
        let mut model = Model::new();
        for event in events {
            model.apply(event);
            if let Err(violation) = model.check() {
                return Err(TestCaseError::fail(format!("after {event:?}: {violation}\n{:#?}", model.cluster.writes)));
            }
        }
        if let Err(violation) = model.converge() {
            return Err(TestCaseError::fail(format!("{violation}\n{:#?}", model.cluster.writes)));
        }
    }
}
