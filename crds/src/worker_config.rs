//! The worker's configuration: the one contract between the operator and the worker.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::identifier::SecretName;
use crate::model::Pipeline;
use crate::pipeline::PipelineSpec;
use crate::validate::{Violation, validate_spec};

/// The version of this contract. A worker refuses a configuration of another one.
pub const CONTRACT_VERSION: u32 = 1;

/// Everything a worker is told, as one JSON or YAML document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerConfig {
    /// The version of the contract, [`CONTRACT_VERSION`].
    pub version: u32,
    /// Whose pipeline it is.
    pub pipeline: PipelineIdentity,
    /// The resource's spec.
    pub spec: PipelineSpec,
    /// The folder where each Secret `NAME` that the spec refers to is mounted as `NAME/<key>`.
    #[serde(default = "secrets_directory")]
    pub secrets_directory: PathBuf,
    /// Private address ranges that sources may dial all the same. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_private_ranges: Vec<IpNet>,
    /// Where health, metrics and status are served. Default: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// The file that a run's result is written to, as JSON of at most 4 KB. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination_message_path: Option<PathBuf>,
    /// How log lines are written. Default: Json.
    #[serde(default)]
    pub log_format: LogFormat,
}

fn secrets_directory() -> PathBuf {
    PathBuf::from("/etc/userstream/secrets")
}

/// Whose pipeline it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PipelineIdentity {
    /// The namespace of the resource.
    pub namespace: String,
    /// The name of the resource.
    pub name: String,
    /// The UID of the resource; empty outside a cluster.
    #[serde(default)]
    pub uid: String,
    /// The generation of the spec; 0 outside a cluster.
    #[serde(default)]
    pub generation: i64,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum WorkerConfigError {
    /// It is not a document of the expected shape.
    #[error("the configuration cannot be read: {0}")]
    Decode(#[source] Box<serde_saphyr::Error>),
    /// It is for another worker.
    #[error("the configuration has contract version {found}, this worker reads version {CONTRACT_VERSION}")]
    Version {
        /// The version it has.
        found: u32,
    },
    /// The pipeline breaks rules.
    #[error("the pipeline is invalid: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Violation>),
}

impl WorkerConfig {
    /// Reads a configuration and checks its pipeline with the same rules as everyone else.
    ///
    /// # Errors
    /// When the text is no such document, has another contract version, or its pipeline breaks a rule.
    pub fn parse(text: &str) -> Result<(Self, Pipeline), WorkerConfigError> {
        let config: Self =
            serde_saphyr::from_str(text).map_err(|error| WorkerConfigError::Decode(Box::new(error)))?;
        if config.version != CONTRACT_VERSION {
            return Err(WorkerConfigError::Version { found: config.version });
        }
        let pipeline = validate_spec(&config.pipeline.namespace, &config.pipeline.name, &config.spec)
            .map_err(WorkerConfigError::Invalid)?;
        Ok((config, pipeline))
    }

    /// The file that holds a key of a Secret.
    #[must_use]
    pub fn secret_path(&self, secret: &SecretName, key: &str) -> PathBuf {
        self.secrets_directory.join(Path::new(secret.as_str())).join(key)
    }
}
