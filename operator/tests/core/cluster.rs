//! A model of a cluster with one pipeline: it contains the applied objects. [`crate::workloads`] has the controllers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use userstream_crds::names::CONFIGURATION;
use userstream_crds::status::PipelineStatus;
use userstream_crds::validate::Violation;
use userstream_crds::{Pipeline, PipelineSpec, UserStreamPipeline, validate};
use userstream_operator::diff::last_applied::{differs, with_hash};
use userstream_operator::lifecycle::rollout::RolloutPlan;
use userstream_operator::manifest::{Desired, build};
use userstream_operator::model::input::{Input, ValidInput};
use userstream_operator::model::kind::Kind;
use userstream_operator::model::observed::{Observed, WorkerReport};
use userstream_operator::model::settings::Settings;
use userstream_operator::plan::Decision;
use userstream_operator::runtime::watch::transform::StoreTransform;

pub(crate) const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
pub(crate) const UID: &str = "0b5bd1f6-6f5a-4d1c-9a2e-6f3b5d0c9e11";

/// One pipeline and its objects.
pub(crate) struct Cluster {
    pub(crate) resource: UserStreamPipeline,
    pub(crate) settings: Settings,
    pub(crate) now: Timestamp,
    pub(crate) objects: BTreeMap<(Kind, String), Value>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) reports: BTreeMap<String, WorkerReport>,
    /// How many partitions the topic has, where that differs from the spec.
    pub(crate) actual_partitions: Option<u32>,
    /// Every write so far, such as `apply Deployment users-processor`.
    pub(crate) writes: Vec<String>,
    validated: RefCell<Option<(PipelineSpec, Pipeline)>>,
}

pub(crate) fn settings() -> Settings {
    Settings::with_worker_image("example.org/userstream-worker:1")
}

/// The resource in an example file, as the API server returns it.
pub(crate) fn example(name: &str) -> UserStreamPipeline {
    let path = format!("{}/../crds/examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut resource: UserStreamPipeline = serde_saphyr::from_str(&text).unwrap();
    resource.metadata.namespace.get_or_insert_with(|| "demo".to_owned());
    resource.metadata.uid = Some(UID.to_owned());
    resource.metadata.generation = Some(1);
    resource
}

pub(crate) fn add_a_column(spec: &mut PipelineSpec) {
    let mut field = spec.schema.fields[1].clone();
    field.name = "nickname".to_owned();
    spec.schema.fields.push(field);
}

impl Cluster {
    pub(crate) fn with(resource: UserStreamPipeline) -> Self {
        Self {
            resource,
            settings: settings(),
            now: NOW,
            objects: BTreeMap::new(),
            pods: Vec::new(),
            reports: BTreeMap::new(),
            actual_partitions: None,
            writes: Vec::new(),
            validated: RefCell::default(),
        }
    }

    /// The cluster in which the pipeline of an example runs.
    pub(crate) fn running(name: &str) -> Self {
        let mut cluster = Self::with(example(name));
        cluster.converge();
        cluster.writes.clear();
        cluster
    }

    /// The model of the current spec. Compiling its expressions takes most of a test's time, so each spec is validated
    /// once.
    pub(crate) fn pipeline(&self) -> Pipeline {
        let mut known = self.validated.borrow_mut();
        match &*known {
            Some((spec, pipeline)) if *spec == self.resource.spec => pipeline.clone(),
            _ => {
                let pipeline = validate(&self.resource).unwrap();
                *known = Some((self.resource.spec.clone(), pipeline.clone()));
                pipeline
            }
        }
    }

    pub(crate) fn topic_partitions(&self) -> u32 {
        self.actual_partitions.unwrap_or_else(|| self.pipeline().topic.partitions.get())
    }

    pub(crate) fn edit(&mut self, edit: impl FnOnce(&mut userstream_crds::PipelineSpec)) {
        edit(&mut self.resource.spec);
        *self.resource.metadata.generation.as_mut().unwrap() += 1;
    }

    pub(crate) fn observed(&self) -> Observed {
        fn stored<K: StoreTransform>(mut object: K) -> Arc<K> {
            object.transform();
            Arc::new(object)
        }
        fn all<K: StoreTransform + DeserializeOwned>(cluster: &Cluster, kind: Kind) -> Vec<Arc<K>> {
            let of_kind = cluster.objects.iter().filter(|((of, _), _)| *of == kind);
            of_kind.map(|(_, body)| stored(serde_json::from_value(body.clone()).unwrap())).collect()
        }
        Observed {
            config_maps: all(self, Kind::ConfigMap),
            jobs: all(self, Kind::Job),
            cron_jobs: all(self, Kind::CronJob),
            deployments: all(self, Kind::Deployment),
            pod_disruption_budgets: all(self, Kind::PodDisruptionBudget),
            network_policies: all(self, Kind::NetworkPolicy),
            pod_monitors: all(self, Kind::PodMonitor),
            kafka_topics: all(self, Kind::KafkaTopic),
            pods: self.pods.iter().cloned().map(stored).collect(),
            reports: self.reports.clone(),
        }
    }

    /// What a function returns for the rollout that is due.
    pub(crate) fn decide<T>(&self, of: impl FnOnce(&ValidInput<'_>, &RolloutPlan) -> T) -> T {
        let (pipeline, observed) = (self.pipeline(), self.observed());
        let input = ValidInput {
            resource: &self.resource,
            pipeline: &pipeline,
            settings: &self.settings,
            observed: &observed,
            low_since: None,
            now: self.now,
        };
        of(&input, &RolloutPlan::of(&input))
    }

    /// The decision of a reconcile, also of an invalid spec.
    pub(crate) fn decision(&self) -> Decision {
        let (observed, validated) = (self.observed(), validate(&self.resource));
        Decision::of(&self.input(&observed, validated.as_ref().map_err(Vec::as_slice)))
    }

    pub(crate) fn input<'a>(
        &'a self,
        observed: &'a Observed,
        validated: Result<&'a Pipeline, &'a [Violation]>,
    ) -> Input<'a> {
        Input {
            resource: &self.resource,
            validated,
            conflict: None,
            settings: &self.settings,
            observed,
            low_since: None,
            now: self.now,
        }
    }

    pub(crate) fn desired(&self) -> Desired {
        self.decide(build)
    }

    pub(crate) fn status(&self) -> PipelineStatus {
        let (pipeline, observed) = (self.pipeline(), self.observed());
        let input = self.input(&observed, Ok(&pipeline));
        match Decision::of(&input) {
            Decision::Apply(plan) => plan.status(&input, None),
            other => panic!("{other:?} has no status"),
        }
    }

    /// One reconcile: applies, prunes, writes the status. Returns whether anything was written.
    pub(crate) fn reconcile(&mut self) -> bool {
        let desired = self.desired();
        let status = self.status();
        let before = self.writes.len();
        self.apply(desired);
        if self.resource.status.as_ref() != Some(&status) {
            self.writes.push("status".to_owned());
            self.resource.status = Some(status);
        }
        self.writes.len() > before
    }

    pub(crate) fn apply(&mut self, desired: Desired) {
        let gone: Vec<_> =
            self.objects.keys().filter(|(kind, name)| !desired.contains(*kind, name)).cloned().collect();
        for manifest in desired.manifests.into_iter().map(with_hash) {
            let key = (manifest.kind, manifest.name.clone());
            let existing = self.objects.get(&key);
            if existing.is_some_and(|existing| !differs(&manifest, existing)) {
                continue;
            }
            self.writes.push(format!("apply {} {}", key.0.name(), key.1));
            let mut body = manifest.body;
            body["metadata"]["uid"] = json!(format!("uid of {} {}", key.0.name(), key.1));
            body["metadata"]["generation"] =
                json!(existing.and_then(|it| it["metadata"]["generation"].as_i64()).unwrap_or_default() + 1);
            if let Some(status) = existing.and_then(|existing| existing.get("status")) {
                body["status"] = status.clone();
            }
            self.objects.insert(key, body);
        }
        for (kind, name) in gone {
            self.writes.push(format!("delete {} {name}", kind.name()));
            // As the garbage collector does with the pods of a Job or a Deployment.
            self.pods.retain(|pod| pod.metadata.owner_references.as_ref().unwrap()[0].name != name);
            self.objects.remove(&(kind, name));
        }
    }

    /// Reconciles and makes progress until nothing changes any more.
    pub(crate) fn converge(&mut self) {
        for _ in 0..30 {
            let changed = self.reconcile();
            let progressed = self.progress();
            if !changed && !progressed {
                return;
            }
        }
        panic!("it does not converge: {:#?}", self.writes);
    }

    pub(crate) fn has(&self, kind: Kind, name: &str) -> bool {
        self.objects.contains_key(&(kind, name.to_owned()))
    }

    /// The hash of the configuration in a workload's pod template.
    pub(crate) fn configuration(&mut self, kind: Kind, name: &str) -> String {
        let template =
            if kind == Kind::CronJob { "/spec/jobTemplate/spec/template" } else { "/spec/template" };
        let body = self.object(kind, name);
        body.pointer(template).unwrap()["metadata"]["annotations"][CONFIGURATION].as_str().unwrap().to_owned()
    }

    pub(crate) fn object(&mut self, kind: Kind, name: &str) -> &mut Value {
        let names: Vec<_> = self.objects.keys().cloned().collect();
        self.objects.get_mut(&(kind, name.to_owned())).unwrap_or_else(|| panic!("no {name} among {names:?}"))
    }

    pub(crate) fn names_of(&self, kind: Kind) -> Vec<String> {
        self.objects.keys().filter(|(of, _)| *of == kind).map(|(_, name)| name.clone()).collect()
    }

    /// The only Job whose name has this part.
    pub(crate) fn job(&self, part: &str) -> String {
        let jobs: Vec<&String> = self
            .objects
            .keys()
            .filter(|(kind, name)| *kind == Kind::Job && name.contains(part))
            .map(|key| &key.1)
            .collect();
        assert_eq!(jobs.len(), 1, "{part}: {jobs:?}");
        jobs[0].clone()
    }
}
