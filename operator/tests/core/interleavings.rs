//! Whatever happens, in whatever order: edits during a change, crashes between two writes, Jobs that fail, objects that
//! somebody deletes. What must never be is looked for after every step; in the end everything goes well, and the pipeline
//! comes to rest.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;
use userstream_crds::PipelineSpec;
use userstream_crds::names::CONFIGURATION;
use userstream_crds::status::Phase;
use userstream_operator::manifest::Desired;
use userstream_operator::model::kind::Kind;

use crate::cluster::{Cluster, example};

/// Something that happens.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// The operator looks at the pipeline.
    Reconcile,
    /// It does, and is killed after so many writes.
    Crash(usize),
    /// The spec becomes this one of a few.
    Edit(usize),
    /// It is suspended, or goes on.
    Suspend(bool),
    /// A Job of the pipeline succeeds.
    JobSucceeds(usize),
    /// A Job's attempt fails.
    JobFails(usize),
    /// A Deployment rolls out.
    RollOut(usize),
    /// A pod of a Deployment goes away.
    Unavailable(usize),
    /// Somebody deletes an object.
    Delete(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => Just(Happening::Reconcile),
        2 => (0usize..4).prop_map(Happening::Crash),
        2 => (0usize..4).prop_map(Happening::Edit),
        1 => any::<bool>().prop_map(Happening::Suspend),
        3 => (0usize..4).prop_map(Happening::JobSucceeds),
        1 => (0usize..4).prop_map(Happening::JobFails),
        3 => (0usize..2).prop_map(Happening::RollOut),
        1 => (0usize..2).prop_map(Happening::Unavailable),
        1 => (0usize..8).prop_map(Happening::Delete),
    ]
}

/// A few specs that differ in what has to be provisioned, in scale, and in the kind of producer.
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

/// The cluster, and which configurations have ever been provisioned.
struct World {
    cluster: Cluster,
    base: PipelineSpec,
    provisioned: BTreeSet<String>,
}

impl World {
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

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Reconcile => drop(self.cluster.reconcile()),
            Happening::Crash(writes) => {
                let Desired { manifests, kept, .. } = self.cluster.desired();
                let all: Vec<_> = self.cluster.objects.keys().cloned().collect();
                let manifests = manifests.into_iter().take(writes).collect();
                // Nothing is deleted yet: that comes after the writes.
                let kept = kept.into_iter().chain(all).collect();
                self.cluster.apply(Desired { manifests, kept, ..Desired::default() });
            }
            Happening::Edit(which) => {
                let (suspend, spec) = (self.cluster.resource.spec.suspend, spec(&self.base, which));
                self.cluster.edit(|edited| *edited = PipelineSpec { suspend, ..spec });
            }
            Happening::Suspend(suspend) => self.cluster.edit(|spec| spec.suspend = suspend),
            Happening::JobSucceeds(which) => {
                if let Some(job) = self.pick(Kind::Job, which) {
                    self.succeed(&job);
                }
            }
            Happening::JobFails(which) => {
                if let Some(job) = self.pick(Kind::Job, which) {
                    let body = self.cluster.object(Kind::Job, &job);
                    if body["status"].is_null() {
                        self.cluster.end_pod(&job, 69, r#"{"message": "no broker answers"}"#, false);
                    }
                }
            }
            Happening::RollOut(which) => {
                if let Some(deployment) = self.pick(Kind::Deployment, which) {
                    self.cluster.roll_out(&deployment);
                }
            }
            Happening::Unavailable(which) => {
                if let Some(deployment) = self.pick(Kind::Deployment, which) {
                    self.cluster.object(Kind::Deployment, &deployment)["status"]["availableReplicas"] =
                        json!(0);
                }
            }
            Happening::Delete(which) => {
                let keys: Vec<_> = self.cluster.objects.keys().cloned().collect();
                if let Some(key) = keys.get(which % keys.len().max(1)) {
                    self.cluster.objects.remove(key);
                    let name = &key.1;
                    self.cluster
                        .pods
                        .retain(|pod| pod.metadata.owner_references.as_ref().unwrap()[0].name != *name);
                }
            }
        }
    }

    fn succeed(&mut self, job: &str) {
        if job.contains("-provision-") {
            let hash = configuration(self.cluster.object(Kind::Job, job), "/spec/template");
            self.provisioned.extend(hash);
        }
        self.cluster.succeed(job);
    }

    /// What must never be.
    fn check(&mut self) -> Result<(), String> {
        let producing = ["/spec/template", "/spec/jobTemplate/spec/template"];
        for ((kind, name), body) in &self.cluster.objects {
            if !matches!(kind, Kind::Deployment | Kind::CronJob) {
                continue;
            }
            let hash = producing.iter().find_map(|place| configuration(body, place)).unwrap();
            if !self.provisioned.contains(&hash) {
                return Err(format!("{name} works with {hash}, which was never provisioned"));
            }
        }
        let producers = self.names(Kind::CronJob).len()
            + self.names(Kind::Deployment).iter().filter(|name| name.ends_with("-producer")).count();
        if producers > 2 {
            return Err(format!("{producers} producers"));
        }
        Ok(())
    }

    /// From here on everything goes well: it comes to rest, runs, and is left alone.
    fn come_to_rest(&mut self) -> Result<(), String> {
        self.cluster.edit(|spec| spec.suspend = false);
        for _ in 0..40 {
            let changed = self.cluster.reconcile();
            for job in self.names(Kind::Job) {
                self.succeed(&job);
            }
            let moved = self.cluster.everything_goes_well();
            self.check()?;
            if !changed && !moved {
                let status = self.cluster.status();
                if status.phase != Some(Phase::Running) {
                    return Err(format!("it rests and does not run: {:#?}", status.conditions));
                }
                let configurations = self.names(Kind::ConfigMap);
                return if configurations.len() == 1 {
                    Ok(())
                } else {
                    Err(format!("{configurations:?} are left"))
                };
            }
        }
        Err("it does not come to rest".to_owned())
    }
}

fn configuration(body: &serde_json::Value, template: &str) -> Option<String> {
    body.pointer(template)?["metadata"]["annotations"][CONFIGURATION].as_str().map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_works_unprovisioned_and_in_the_end_records_flow(
        happenings in proptest::collection::vec(happening(), 1..40)
    ) {
        let mut world = World::new();
        for happening in happenings {
            world.happen(happening);
            if let Err(wrong) = world.check() {
                return Err(TestCaseError::fail(format!("after {happening:?}: {wrong}\n{:#?}", world.cluster.writes)));
            }
        }
        if let Err(wrong) = world.come_to_rest() {
            return Err(TestCaseError::fail(format!("{wrong}\n{:#?}", world.cluster.writes)));
        }
    }
}
