//! The worker's configuration as an immutable ConfigMap, named by the hash of its content.
//!
//! A pod is bound to a configuration by that name, so a changed configuration rolls pods and an unchanged one never does.
//! Whatever the worker does not act on is therefore taken out first: how many processors there are, when runs are due,
//! nonces, what becomes of the data when the pipeline is deleted.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use userstream_crds::kafka::DeletionPolicy;
use userstream_crds::model::Pipeline;
use userstream_crds::names::Component;
use userstream_crds::pipeline::{Mode, PipelineSpec, UserStreamPipeline};
use userstream_crds::source::{ConcurrencyPolicy, ScheduleSpec};
use userstream_crds::worker_config::{CONTRACT_VERSION, LogFormat, PipelineIdentity, WorkerConfig};

use crate::model::hash;
use crate::model::names::Names;
use crate::model::settings::Settings;
use crate::model::workload::configuration_of_deployment;

/// The key of the document in its ConfigMap, and the file's name in the pod.
pub const FILE: &str = "worker.json";
/// Where the worker serves health, metrics and status.
pub const STATUS_PORT: u16 = 8080;
/// Where a container leaves its report.
const TERMINATION_MESSAGE: &str = "/dev/termination-log";

/// A configuration and the model of its pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// Ten hexadecimal digits.
    pub hash: String,
    /// The document, JSON.
    pub text: String,
    config: WorkerConfig,
    /// The pipeline that a worker makes of it.
    pub pipeline: Pipeline,
}

/// What a configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Everything but cleaning up.
    Work,
    /// Cleaning up: it says what is to be deleted.
    Cleanup,
}

impl Configuration {
    /// The configuration of a valid resource.
    #[must_use]
    pub fn of(
        resource: &UserStreamPipeline,
        pipeline: &Pipeline,
        purpose: Purpose,
        settings: &Settings,
    ) -> Self {
        let config = WorkerConfig {
            version: CONTRACT_VERSION,
            pipeline: PipelineIdentity {
                namespace: pipeline.namespace.to_string(),
                name: pipeline.name.to_string(),
                uid: resource.metadata.uid.clone().unwrap_or_default(),
                generation: 0,
            },
            spec: essential(&resource.spec, purpose),
            secrets_directory: crate::manifest::SECRETS_DIRECTORY.into(),
            allowed_private_ranges: settings.allowed_private_ranges.clone(),
            listen: Some(([0, 0, 0, 0], STATUS_PORT).into()),
            termination_message_path: Some(TERMINATION_MESSAGE.into()),
            log_format: LogFormat::Json,
        };
        let text = serde_json::to_string(&config).unwrap_or_default();
        // As a worker reads it, so that it can be compared with what was read.
        let config = serde_json::from_str(&text).unwrap_or(config);
        Self { hash: hash::short(text.as_bytes()), text, config, pipeline: pipeline.clone() }
    }

    /// Reads a configuration back; `None` when this version's rules refuse it, or the ConfigMap is not what its name says.
    #[must_use]
    pub fn read(config_map: &ConfigMap) -> Option<Self> {
        let text = config_map.data.as_ref()?.get(FILE)?;
        let hash = hash::short(text.as_bytes());
        config_map.metadata.name.as_ref()?.ends_with(&hash).then_some(())?;
        let (config, pipeline) = WorkerConfig::parse(text).ok()?;
        Some(Self { hash, text: text.clone(), config, pipeline })
    }

    /// The last good configuration of a pipeline whose spec is refused: the one that its processors have, or any.
    #[must_use]
    pub fn last_good(config_maps: &[Arc<ConfigMap>], deployments: &[Arc<Deployment>]) -> Option<Self> {
        let processors = deployments.iter().find(|it| it.name_any().ends_with(Component::Processor.name()));
        let running = processors.and_then(|it| configuration_of_deployment(it));
        let is_running = |it: &&Arc<ConfigMap>| running.is_some_and(|hash| it.name_any().ends_with(hash));
        let first = config_maps.iter().find(is_running).and_then(|it| Self::read(it));
        first.or_else(|| config_maps.iter().find_map(|it| Self::read(it)))
    }

    /// A resource that has this configuration for its spec, and deletes what the given resource says is to be deleted. What
    /// becomes of data is not in a configuration, and can be read from a spec that is refused as well.
    #[must_use]
    pub fn as_spec_of(&self, resource: &UserStreamPipeline) -> UserStreamPipeline {
        let mut spec = self.config.spec.clone();
        spec.kafka.topic.deletion_policy = resource.spec.kafka.topic.deletion_policy;
        spec.sink.cassandra.keyspace.deletion_policy = resource.spec.sink.cassandra.keyspace.deletion_policy;
        spec.sink.cassandra.table.deletion_policy = resource.spec.sink.cassandra.table.deletion_policy;
        UserStreamPipeline { spec, ..resource.clone() }
    }

    /// This configuration, or the one of these that tells a worker the same in other words: an operator that only spells
    /// things differently than the one before it must not restart anything.
    #[must_use]
    pub fn or_equivalent<'a>(self, existing: impl Iterator<Item = &'a ConfigMap> + Clone) -> Self {
        let name = self.name();
        if existing.clone().any(|config_map| config_map.metadata.name.as_ref() == Some(&name)) {
            return self;
        }
        let same = |config_map: &ConfigMap| Self::read(config_map).filter(|old| old.config == self.config);
        existing.into_iter().find_map(same).unwrap_or(self)
    }

    /// The name of its ConfigMap.
    #[must_use]
    pub fn name(&self) -> String {
        config_map_name(&self.pipeline, &self.hash)
    }

    /// Its ConfigMap, without an owner.
    #[must_use]
    pub fn config_map(&self) -> ConfigMap {
        ConfigMap {
            metadata: ObjectMeta {
                name: Some(self.name()),
                namespace: Some(self.pipeline.namespace.to_string()),
                labels: Some(Names(&self.pipeline.name).labels(Component::Configuration)),
                ..ObjectMeta::default()
            },
            data: Some([(FILE.to_owned(), self.text.clone())].into()),
            immutable: Some(true),
            ..ConfigMap::default()
        }
    }
}

/// The name of the ConfigMap with this hash.
#[must_use]
pub fn config_map_name(pipeline: &Pipeline, hash: &str) -> String {
    Names(&pipeline.name).numbered(Component::Configuration, hash)
}

/// When runs are due is the CronJob's to know; the worker is told a schedule only because its spec must have one.
fn any_schedule() -> ScheduleSpec {
    ScheduleSpec {
        cron: "@yearly".to_owned(),
        time_zone: "Etc/UTC".to_owned(),
        concurrency_policy: ConcurrencyPolicy::Forbid,
        starting_deadline_seconds: 120,
        successful_jobs_history_limit: 3,
        failed_jobs_history_limit: 3,
    }
}

fn essential(spec: &PipelineSpec, purpose: Purpose) -> PipelineSpec {
    let mut spec = spec.clone();
    spec.suspend = false;
    spec.mode = Mode::Apply;
    spec.processor.replicas = 1;
    spec.autoscaling = Default::default();
    spec.objectives = Default::default();
    spec.template = Default::default();
    spec.observability.pod_monitor = false;
    spec.replay = Default::default();
    spec.delivery.dead_letter.redrive_nonce = 0;
    if let Some(source) = spec.source.as_mut() {
        source.trigger_nonce = 0;
        source.schedule = source.schedule.is_some().then(any_schedule);
    }
    if purpose == Purpose::Work {
        spec.kafka.topic.deletion_policy = DeletionPolicy::Retain;
        spec.sink.cassandra.keyspace.deletion_policy = DeletionPolicy::Retain;
        spec.sink.cassandra.table.deletion_policy = DeletionPolicy::Retain;
    }
    spec
}
