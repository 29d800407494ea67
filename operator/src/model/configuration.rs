//! The worker's configuration as an immutable ConfigMap, named by the hash of its content.
//!
//! A pod references its configuration by that name, so a changed configuration rolls pods and an unchanged one never
//! does. Fields on which the worker does not act are reset first, so that their edits restart nothing: replicas,
//! schedules, nonces, deletion policies.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use userstream_crds::autoscaling::AutoscalingSpec;
use userstream_crds::kafka::DeletionPolicy;
use userstream_crds::model::Pipeline;
use userstream_crds::names::Component;
use userstream_crds::pipeline::{Mode, PipelineSpec, UserStreamPipeline};
use userstream_crds::source::{ConcurrencyPolicy, ScheduleSpec};
use userstream_crds::worker_config::{CONTRACT_VERSION, LogFormat, PipelineIdentity, WorkerConfig};

use super::hash;
use super::names::Names;
use super::settings::Settings;
use super::workload::configuration_of_deployment;

/// The key of the document in its ConfigMap, and the file's name in the pod.
pub const FILE: &str = "worker.json";
/// The port on which the worker serves health, metrics and status.
pub const STATUS_PORT: u16 = 8080;
/// The folder of the pod where each Secret is mounted, under its name.
pub const SECRETS_DIRECTORY: &str = "/etc/userstream/secrets";
/// The file into which a container writes its termination message.
const TERMINATION_MESSAGE: &str = "/dev/termination-log";

/// A configuration and the model of its pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// Ten hexadecimal digits.
    pub hash: String,
    /// The document, JSON.
    pub text: String,
    config: WorkerConfig,
    /// The model of the pipeline in the document.
    pub pipeline: Pipeline,
}

/// What a configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Every command but cleanup.
    Work,
    /// Cleanup: the only one that reads the deletion policies.
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
            spec: worker_spec(&resource.spec, purpose),
            secrets_directory: SECRETS_DIRECTORY.into(),
            allowed_private_ranges: settings.allowed_private_ranges.clone(),
            listen: Some(([0, 0, 0, 0], STATUS_PORT).into()),
            termination_message_path: Some(TERMINATION_MESSAGE.into()),
            log_format: LogFormat::Json,
        };
        let text = serde_json::to_string(&config).unwrap_or_default();
        // A worker parses the text; only the parsed form compares equal to a configuration that is read back.
        let config = serde_json::from_str(&text).unwrap_or(config);
        Self { hash: hash::short(text.as_bytes()), text, config, pipeline: pipeline.clone() }
    }

    /// Reads a configuration back. `None` when this version's rules refuse it, or its content does not match the hash
    /// in the ConfigMap's name.
    #[must_use]
    pub fn read(config_map: &ConfigMap) -> Option<Self> {
        let text = config_map.data.as_ref()?.get(FILE)?;
        let hash = hash::short(text.as_bytes());
        config_map.metadata.name.as_ref()?.ends_with(&hash).then_some(())?;
        let (config, pipeline) = WorkerConfig::parse(text).ok()?;
        Some(Self { hash, text: text.clone(), config, pipeline })
    }

    /// The last good configuration of a pipeline whose spec is refused: that of its processors, or else any readable
    /// one.
    #[must_use]
    pub fn last_good(config_maps: &[Arc<ConfigMap>], deployments: &[Arc<Deployment>]) -> Option<Self> {
        let processors = deployments.iter().find(|it| it.name_any().ends_with(Component::Processor.name()));
        let running = processors.and_then(|it| configuration_of_deployment(it));
        let is_running = |it: &&Arc<ConfigMap>| running.is_some_and(|hash| it.name_any().ends_with(hash));
        let of_processors = config_maps.iter().find(is_running).and_then(|it| Self::read(it));
        of_processors.or_else(|| config_maps.iter().find_map(|it| Self::read(it)))
    }

    /// The resource with this configuration as its spec, and with its own deletion policies. A configuration does not
    /// contain those, and a refused spec still declares them.
    #[must_use]
    pub fn as_spec_of(&self, resource: &UserStreamPipeline) -> UserStreamPipeline {
        let mut spec = self.config.spec.clone();
        spec.kafka.topic.deletion_policy = resource.spec.kafka.topic.deletion_policy;
        spec.sink.cassandra.keyspace.deletion_policy = resource.spec.sink.cassandra.keyspace.deletion_policy;
        spec.sink.cassandra.table.deletion_policy = resource.spec.sink.cassandra.table.deletion_policy;
        UserStreamPipeline { spec, ..resource.clone() }
    }

    /// This configuration, or an existing one that a worker parses to the same: an operator of another version that
    /// only serializes it differently must not restart anything.
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

    /// Its ConfigMap, without an owner reference.
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

/// The schedule in every configuration of a scheduled source: the CronJob schedules runs, but the worker's spec
/// requires one.
fn placeholder_schedule() -> ScheduleSpec {
    ScheduleSpec {
        cron: "@yearly".to_owned(),
        time_zone: "Etc/UTC".to_owned(),
        concurrency_policy: ConcurrencyPolicy::Forbid,
        starting_deadline_seconds: 120,
        successful_jobs_history_limit: 3,
        failed_jobs_history_limit: 3,
    }
}

/// The spec without the fields on which the worker does not act.
fn worker_spec(spec: &PipelineSpec, purpose: Purpose) -> PipelineSpec {
    let mut spec = spec.clone();
    spec.suspend = false;
    spec.mode = Mode::Apply;
    spec.processor.replicas = 1;
    // Processors have fewer writes in flight above the ceiling, with or without autoscaling.
    let sink_latency_ceiling = spec.autoscaling.sink_latency_ceiling;
    spec.autoscaling = AutoscalingSpec { sink_latency_ceiling, ..AutoscalingSpec::default() };
    spec.objectives = Default::default();
    spec.template = Default::default();
    spec.observability.pod_monitor = false;
    spec.replay = Default::default();
    spec.delivery.dead_letter.redrive_nonce = 0;
    if let Some(source) = spec.source.as_mut() {
        source.trigger_nonce = 0;
        source.schedule = source.schedule.is_some().then(placeholder_schedule);
    }
    if purpose == Purpose::Work {
        spec.kafka.topic.deletion_policy = DeletionPolicy::Retain;
        spec.sink.cassandra.keyspace.deletion_policy = DeletionPolicy::Retain;
        spec.sink.cassandra.table.deletion_policy = DeletionPolicy::Retain;
    }
    spec
}
