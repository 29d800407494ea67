//! The worker's configuration: the contract between the operator and the worker.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::model::Pipeline;
use crate::resource::pipeline::PipelineSpec;
use crate::scalar::field_path::FieldPath;
use crate::scalar::identifier::SecretName;
use crate::schema::nesting;
use crate::validate::{Violation, validate_spec};

/// The version of the contract. A worker refuses a configuration of another version.
pub const CONTRACT_VERSION: u32 = 1;

/// The complete configuration of a worker, as one JSON or YAML document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerConfig {
    /// The version of the contract, [`CONTRACT_VERSION`].
    pub version: u32,
    /// The resource that the pipeline comes from.
    pub pipeline: PipelineIdentity,
    /// The resource's spec.
    pub spec: PipelineSpec,
    /// The directory with the Secrets of the spec: a key of the Secret `NAME` is the file `NAME/<key>`.
    #[serde(default = "secrets_directory")]
    pub secrets_directory: PathBuf,
    /// Private address ranges that sources may connect to. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_private_ranges: Vec<IpNet>,
    /// The address of health, metrics and status. Default: none is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// The file for the result of a run, JSON of at most 4 KB. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination_message_path: Option<PathBuf>,
    /// The format of log lines. Default: Json.
    #[serde(default)]
    pub log_format: LogFormat,
}

fn secrets_directory() -> PathBuf {
    PathBuf::from("/etc/userstream/secrets")
}

/// The identity of a resource.
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

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogFormat {
    /// A JSON object on each line.
    #[default]
    Json,
    /// Text for reading.
    Text,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum WorkerConfigError {
    /// The text does not decode into a configuration.
    #[error("the configuration cannot be read: {0}")]
    Decode(#[source] Box<serde_saphyr::Error>),
    /// The text has fields that this version does not know and would ignore.
    #[error("the configuration has fields that do not exist: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    UnknownFields(Vec<FieldPath>),
    /// The text has another contract version.
    #[error("the configuration has contract version {found}, this worker reads version {CONTRACT_VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// The pipeline breaks rules.
    #[error("the pipeline is invalid: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Violation>),
}

impl WorkerConfig {
    /// Parses a configuration and validates its pipeline.
    ///
    /// # Errors
    /// When the text does not decode, has another contract version or unknown fields, or its pipeline breaks a rule.
    pub fn parse(text: &str) -> Result<(Self, Pipeline), WorkerConfigError> {
        let mut unknown = Vec::new();
        let config: Self =
            serde_saphyr::with_deserializer_from_str_with_options(text, nesting::bounded(), |deserializer| {
                serde_ignored::deserialize(deserializer, |path| unknown.push(field_path(&path)))
            })
            .map_err(|error| WorkerConfigError::Decode(Box::new(error)))?;
        // Another version has other fields, which would be misleading to report.
        if config.version != CONTRACT_VERSION {
            return Err(WorkerConfigError::Version { found: config.version });
        }
        if !unknown.is_empty() {
            return Err(WorkerConfigError::UnknownFields(unknown));
        }
        let pipeline = validate_spec(&config.pipeline.namespace, &config.pipeline.name, &config.spec)
            .map_err(WorkerConfigError::Invalid)?;
        Ok((config, pipeline))
    }

    /// The termination message path of a configuration, even one that [`WorkerConfig::parse`] refuses, so that the
    /// refusal can be reported.
    #[must_use]
    pub fn termination_message_path(text: &str) -> Option<PathBuf> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Path {
            termination_message_path: Option<PathBuf>,
        }
        serde_saphyr::from_str_with_options::<Path>(text, nesting::bounded()).ok()?.termination_message_path
    }

    /// The file of a key of a Secret.
    #[must_use]
    pub fn secret_path(&self, secret: &SecretName, key: &str) -> PathBuf {
        self.secrets_directory.join(Path::new(secret.as_str())).join(key)
    }
}

fn field_path(path: &serde_ignored::Path<'_>) -> FieldPath {
    match path {
        serde_ignored::Path::Root => FieldPath::root(),
        serde_ignored::Path::Seq { parent, index } => field_path(parent).index(*index),
        serde_ignored::Path::Map { parent, key } => field_path(parent).property(key.clone()),
        serde_ignored::Path::Some { parent }
        | serde_ignored::Path::NewtypeStruct { parent }
        | serde_ignored::Path::NewtypeVariant { parent } => field_path(parent),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn config() -> Value {
        json!({
            "version": 1,
            "pipeline": {"namespace": "demo", "name": "users"},
            "spec": {
                "source": {"generator": {"seed": 7}},
                "schema": {"fields": [{"name": "id", "type": "uuid", "required": true}]},
                "kafka": {"bootstrapServers": "kafka:9092", "topic": {"name": "users"}},
                "sink": {"cassandra": {
                    "contactPoints": ["cassandra"],
                    "keyspace": {"name": "users", "replication": {"class": "SimpleStrategy", "replication_factor": 1}},
                    "table": {"name": "users", "partitionKey": ["id"]},
                }},
                "template": {"resources": {"limits": {"memory": "64Mi"}}},
            },
        })
    }

    fn parse(config: &Value) -> Result<(WorkerConfig, Pipeline), WorkerConfigError> {
        WorkerConfig::parse(&config.to_string())
    }

    #[test]
    fn written_configuration_is_parsed_as_itself() {
        let (mut config, _) = parse(&config()).unwrap();
        config.listen = Some("127.0.0.1:8080".parse().unwrap());
        config.allowed_private_ranges = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        config.termination_message_path = Some("/dev/termination-log".into());
        config.log_format = LogFormat::Text;
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(WorkerConfig::parse(&text).unwrap().0, config);
        let yaml = serde_saphyr::to_string(&config).unwrap();
        assert_eq!(WorkerConfig::parse(&yaml).unwrap().0, config);
    }

    #[test]
    fn refused_configuration_still_has_a_termination_message_path() {
        let text = r#"{"version": 99, "terminationMessagePath": "/dev/termination-log", "pipelines": []}"#;
        assert!(WorkerConfig::parse(text).is_err());
        assert_eq!(WorkerConfig::termination_message_path(text), Some("/dev/termination-log".into()));
        assert_eq!(WorkerConfig::termination_message_path("{"), None);
    }

    #[test]
    fn omitted_fields_have_their_defaults() {
        let (config, pipeline) = parse(&config()).unwrap();
        assert_eq!(config.secrets_directory, Path::new("/etc/userstream/secrets"));
        assert_eq!(config.log_format, LogFormat::Json);
        assert_eq!(
            (config.listen, config.termination_message_path, config.allowed_private_ranges),
            (None, None, vec![])
        );
        assert_eq!((config.pipeline.uid.as_str(), config.pipeline.generation), ("", 0));
        assert_eq!(pipeline.processor.consumer_group.as_str(), "demo.users");
    }

    #[test]
    fn unknown_field_is_refused_at_every_level() {
        for (pointer, name, expected) in [
            ("", "retries", "retries"),
            ("/pipeline", "kind", "pipeline.kind"),
            ("/spec", "sauce", "spec.sauce"),
            ("/spec/source/generator", "sed", "spec.source.generator.sed"),
            ("/spec/schema/fields/0", "form", "spec.schema.fields[0].form"),
            ("/spec/sink/cassandra/table", "colums", "spec.sink.cassandra.table.colums"),
            ("/spec/template/resources", "limit", "spec.template.resources.limit"),
        ] {
            let mut config = config();
            config.pointer_mut(pointer).unwrap()[name] = json!({"a": 1});
            let error = parse(&config).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("the configuration has fields that do not exist: {expected}")
            );
        }
    }

    #[test]
    fn other_contract_version_is_the_only_error_reported() {
        let mut config = config();
        config["version"] = json!(2);
        config["novelty"] = json!(true);
        assert!(matches!(parse(&config), Err(WorkerConfigError::Version { found: 2 })));
    }

    #[test]
    fn configuration_with_an_invalid_pipeline_is_refused() {
        let mut config = config();
        config["spec"]["sink"]["cassandra"]["table"]["partitionKey"] = json!(["uuid"]);
        let error = parse(&config).unwrap_err().to_string();
        assert!(
            error.contains(
                "spec.sink.cassandra.table.partitionKey[0]: partitionKey and clusteringKey must name"
            ),
            "{error}"
        );
    }

    #[test]
    fn secret_is_a_directory_with_a_file_for_each_key() {
        let (config, _) = parse(&config()).unwrap();
        let path = config.secret_path(&"users-kafka".parse().unwrap(), "username");
        assert_eq!(path, Path::new("/etc/userstream/secrets/users-kafka/username"));
    }
}
