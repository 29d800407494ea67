//! The specs that users choose from. They differ in what the operator has to do for them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;
use userstream_crds::model::{DeletionPolicy, Mode};
use userstream_crds::names::{FINALIZER, PAUSE};
use userstream_crds::source::SourceMode;
use userstream_crds::status::PipelineStatus;
use userstream_crds::{Pipeline, PipelineSpec, UserStreamPipeline, Violation, validate};

pub(crate) const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
pub(crate) const NAMESPACE: &str = "demo";
pub(crate) const NAME: &str = "users";

/// What a spec declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Shape {
    Base,
    /// More partitions: the topic has to change first.
    Partitions,
    /// One more column: the table has to change first.
    Field,
    /// Two processors, which workers do not read.
    Scaled,
    /// A CronJob instead of a Deployment.
    Scheduled,
    /// No producer.
    NoSource,
    /// Other resources: pod templates differ, the configuration does not.
    Resources,
    /// A manual run.
    Run,
    /// Breaks a rule.
    Invalid,
    /// Mode Plan.
    Plan,
}

/// A spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Spec {
    pub(crate) shape: Shape,
    pub(crate) suspend: bool,
    /// Whether topic and table are deleted with the pipeline.
    pub(crate) deletes: bool,
}

impl Spec {
    pub(crate) const fn new(shape: Shape) -> Self {
        Self { shape, suspend: false, deletes: false }
    }

    pub(crate) const fn suspended(self) -> Self {
        Self { suspend: true, ..self }
    }

    pub(crate) const fn deleting(self) -> Self {
        Self { deletes: true, ..self }
    }

    pub(crate) fn partitions(self) -> u32 {
        if self.shape == Shape::Partitions { 6 } else { 3 }
    }

    pub(crate) fn is_valid(self) -> bool {
        self.shape != Shape::Invalid
    }

    pub(crate) fn spec(self) -> PipelineSpec {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/examples/users.yaml");
        let text = std::fs::read_to_string(path).unwrap();
        let mut spec = serde_saphyr::from_str::<UserStreamPipeline>(&text).unwrap().spec;
        spec.schema.fields.retain(|field| ["id", "first_name"].contains(&field.name.as_str()));
        spec.kafka.topic.partitions = self.partitions().try_into().unwrap();
        spec.suspend = self.suspend;
        if self.deletes {
            spec.kafka.topic.deletion_policy = DeletionPolicy::Delete;
            spec.sink.cassandra.table.deletion_policy = DeletionPolicy::Delete;
        }
        match self.shape {
            Shape::Base | Shape::Partitions => {}
            Shape::Field => {
                let mut field = spec.schema.fields[1].clone();
                field.name = "nickname".to_owned();
                spec.schema.fields.push(field);
            }
            Shape::Scaled => spec.processor.replicas = 2,
            Shape::Scheduled => {
                let source = spec.source.as_mut().unwrap();
                source.mode = SourceMode::Scheduled;
                source.schedule = Some(serde_json::from_value(json!({"cron": "0 * * * *"})).unwrap());
            }
            Shape::NoSource => spec.source = None,
            Shape::Resources => {
                let limits = json!({"limits": {"memory": "1Gi"}});
                spec.template.resources = serde_json::from_value(limits).unwrap();
            }
            Shape::Run => spec.source.as_mut().unwrap().trigger_nonce = 1,
            Shape::Invalid => spec.kafka.key_field = Some("missing".to_owned()),
            Shape::Plan => spec.mode = Mode::Plan,
        }
        spec
    }
}

/// The pipeline in the API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PipelineState {
    /// Counts the pipelines of the name. Each has another UID.
    pub(crate) incarnation: u8,
    pub(crate) spec: Spec,
    pub(crate) generation: u8,
    pub(crate) paused: bool,
    pub(crate) deleting: bool,
    pub(crate) finalizer: bool,
    /// The number of the status; 0: none.
    pub(crate) status: u32,
}

pub(crate) fn uid(incarnation: u8) -> String {
    format!("0b5bd1f6-6f5a-4d1c-9a2e-6f3b5d0c9e1{incarnation}")
}

/// When an incarnation was created.
pub(crate) fn created_at(incarnation: u8) -> Timestamp {
    NOW - SignedDuration::from_secs(1000 - i64::from(incarnation))
}

impl PipelineState {
    /// A pipeline that was just created.
    pub(crate) const fn new(incarnation: u8, spec: Spec) -> Self {
        let (paused, deleting, finalizer) = (false, false, false);
        Self { incarnation, spec, generation: 1, paused, deleting, finalizer, status: 0 }
    }

    pub(crate) fn resource(&self, spec: PipelineSpec, status: Option<PipelineStatus>) -> UserStreamPipeline {
        let mut resource = UserStreamPipeline::new(NAME, spec);
        resource.metadata.namespace = Some(NAMESPACE.to_owned());
        resource.metadata.uid = Some(uid(self.incarnation));
        resource.metadata.creation_timestamp = Some(Time(created_at(self.incarnation)));
        resource.metadata.generation = Some(self.generation.into());
        resource.metadata.deletion_timestamp = self.deleting.then_some(Time(NOW));
        resource.metadata.finalizers = self.finalizer.then(|| vec![FINALIZER.to_owned()]);
        resource.metadata.annotations = self.paused.then(|| [(PAUSE.to_owned(), "true".to_owned())].into());
        resource.status = status;
        resource
    }
}

/// A validated spec.
pub(crate) type Validated = Arc<(PipelineSpec, Result<Pipeline, Vec<Violation>>)>;

pub(crate) fn validated(spec: Spec) -> Validated {
    let resource = PipelineState::new(1, spec).resource(spec.spec(), None);
    let result = validate(&resource);
    assert_eq!(result.is_ok(), spec.is_valid(), "{spec:?}: {result:?}");
    Arc::new((resource.spec, result))
}
