//! Provisioning in Kafka: describes topics by their id, metadata and settings, and applies one change at a time.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode;
use userstream_crds::identifier::TopicName;
use userstream_crds::model::Pipeline;

use super::admin::{AdminError, TopicAdmin};
use super::resource::Owner;
use super::topic::{DesiredTopic, ObservedTopic, same_setting};
use crate::log::LogError;
use crate::log::kafka::{OpenError, connection, from_client, from_code, spawn_blocking, topic_id};
use crate::runtime::backoff::{Backoff, Jitter};
use crate::security::credentials::{CredentialSource, CredentialWatch};

/// The timeout of one request to the brokers.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a change may take to reach the metadata of the brokers.
const PROPAGATION_TIMEOUT: Duration = Duration::from_secs(30);

/// Administers the topics of a pipeline's cluster.
pub struct KafkaTopicAdmin {
    client: Arc<AdminClient<DefaultClientContext>>,
}

impl KafkaTopicAdmin {
    /// Creates a client with the pipeline's credentials. It connects on the first request.
    ///
    /// # Errors
    /// When credentials are missing or the client refuses its settings.
    pub fn open(pipeline: &Pipeline, secrets: &Path) -> Result<Self, OpenError> {
        let credentials = CredentialWatch::start(CredentialSource::kafka(&pipeline.kafka, secrets))?;
        let client = connection(&pipeline.kafka, credentials.current()).create().map_err(from_client)?;
        Ok(Self { client: Arc::new(client) })
    }

    /// The number of partitions of a topic, and the smallest number of replicas among them.
    async fn metadata(&self, name: &str) -> Result<Option<(u32, u16)>, AdminError> {
        let (client, topic) = (Arc::clone(&self.client), name.to_owned());
        let request = spawn_blocking("topic-metadata", move || {
            let metadata = client.inner().fetch_metadata(Some(&topic), REQUEST_TIMEOUT)?;
            let found = metadata.topics().iter().find(|found| found.name() == topic);
            let Some(found) = found else { return Ok(None) };
            if let Some(error) = found.error() {
                return match RDKafkaErrorCode::from(error) {
                    RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => Ok(None),
                    code => Err(KafkaError::MetadataFetch(code)),
                };
            }
            let partitions = u32::try_from(found.partitions().len()).unwrap_or(u32::MAX);
            let replicas = found.partitions().iter().map(|partition| partition.replicas().len()).min();
            let replicas = replicas.and_then(|count| u16::try_from(count).ok()).unwrap_or_default();
            Ok((partitions > 0).then_some((partitions, replicas)))
        });
        let result: KafkaResult<_> = request.map_err(admin)?.await.unwrap_or(Err(KafkaError::Canceled));
        result.map_err(client_error)
    }

    /// The id that distinguishes the topic from one recreated under its name.
    async fn id(&self, name: &str) -> Result<Option<String>, AdminError> {
        let (client, topic) = (Arc::clone(&self.client), name.to_owned());
        let request = spawn_blocking("topic-id", move || topic_id(client.inner(), &topic, REQUEST_TIMEOUT));
        request.map_err(admin)?.await.unwrap_or(Err(KafkaError::Canceled)).map_err(client_error)
    }

    /// Every setting of a topic, and the subset that overrides the broker's defaults.
    async fn settings(
        &self,
        name: &str,
    ) -> Result<(BTreeMap<String, String>, BTreeMap<String, String>), AdminError> {
        let topic = [ResourceSpecifier::Topic(name)];
        let described = self.client.describe_configs(&topic, &options()).await.map_err(client_error)?;
        let mut all = BTreeMap::new();
        let mut overrides = BTreeMap::new();
        for resource in described {
            for entry in resource.map_err(code_error)?.entries {
                let Some(value) = entry.value else { continue };
                if entry.source == ConfigSource::DynamicTopic {
                    overrides.insert(entry.name.clone(), value.clone());
                }
                all.insert(entry.name, value);
            }
        }
        Ok((all, overrides))
    }

    /// Polls until a change is visible, because it propagates from broker to broker.
    async fn await_propagation<F: Future<Output = Result<bool, AdminError>>>(
        &self,
        is_visible: impl Fn() -> F,
    ) -> Result<(), AdminError> {
        let mut backoff =
            Backoff::new(Duration::from_millis(20), Duration::from_millis(500), Jitter::from_process());
        let poll = async {
            while !is_visible().await? {
                tokio::time::sleep(backoff.next_wait()).await;
            }
            Ok(())
        };
        match tokio::time::timeout(PROPAGATION_TIMEOUT, poll).await {
            Ok(result) => result,
            Err(_) => Err(admin(from_code(RDKafkaErrorCode::OperationTimedOut))),
        }
    }
}

impl TopicAdmin for KafkaTopicAdmin {
    async fn topic(&self, name: &TopicName) -> Result<Option<ObservedTopic>, AdminError> {
        let Some((partitions, replicas)) = self.metadata(name.as_str()).await? else { return Ok(None) };
        let (config, _) = self.settings(name.as_str()).await?;
        let id = self.id(name.as_str()).await?;
        Ok(Some(ObservedTopic { id, created_by: None, partitions, replicas: Some(replicas), config }))
    }

    async fn create_topic(&self, topic: &DesiredTopic, _: &Owner) -> Result<(), AdminError> {
        let partitions = i32::try_from(topic.partitions).unwrap_or(i32::MAX);
        let replication = TopicReplication::Fixed(topic.replicas.map_or(-1, i32::from));
        let mut new = NewTopic::new(topic.name.as_str(), partitions, replication);
        for (name, value) in &topic.config {
            new = new.set(name, value);
        }
        let results = self.client.create_topics([&new], &options()).await.map_err(client_error)?;
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(code_error(code)),
            }
        }
        self.await_propagation(|| async { Ok(self.metadata(topic.name.as_str()).await?.is_some()) }).await
    }

    async fn grow_topic(&self, name: &TopicName, partitions: u32) -> Result<(), AdminError> {
        let new = NewPartitions::new(name.as_str(), partitions as usize);
        let results = self.client.create_partitions([&new], &options()).await.map_err(client_error)?;
        for result in results {
            result.map_err(|(_, code)| code_error(code))?;
        }
        self.await_propagation(|| async {
            Ok(self.metadata(name.as_str()).await?.is_some_and(|(current, _)| current >= partitions))
        })
        .await
    }

    async fn configure_topic(
        &self,
        name: &TopicName,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), AdminError> {
        // The request replaces all overrides of a topic, so the existing ones are included.
        let (_, overrides) = self.settings(name.as_str()).await?;
        let desired: BTreeMap<String, String> = overrides.into_iter().chain(settings.clone()).collect();
        let mut change = AlterConfig::new(ResourceSpecifier::Topic(name.as_str()));
        for (name, value) in &desired {
            change = change.set(name, value);
        }
        let results = self.client.alter_configs([&change], &options()).await.map_err(client_error)?;
        for result in results {
            result.map_err(|(_, code)| code_error(code))?;
        }
        let has_all = |observed: &BTreeMap<String, String>| {
            settings.iter().all(|(name, desired)| {
                observed.get(name).is_some_and(|observed| same_setting(observed, desired))
            })
        };
        self.await_propagation(|| async { Ok(has_all(&self.settings(name.as_str()).await?.0)) }).await
    }

    // The client deletes by name alone, so a recreation between the check and the deletion goes unnoticed.
    async fn delete_topic(&self, name: &TopicName, id: &str) -> Result<bool, AdminError> {
        if self.id(name.as_str()).await?.as_deref() != Some(id) {
            return Ok(false);
        }
        let results = self.client.delete_topics(&[name.as_str()], &options()).await.map_err(client_error)?;
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                Err((_, code)) => return Err(code_error(code)),
            }
        }
        self.await_propagation(|| async { Ok(self.metadata(name.as_str()).await?.is_none()) }).await?;
        Ok(true)
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT)).operation_timeout(Some(REQUEST_TIMEOUT))
}

fn client_error(error: KafkaError) -> AdminError {
    admin(from_client(error))
}

fn code_error(code: RDKafkaErrorCode) -> AdminError {
    admin(from_code(code))
}

fn admin(error: LogError) -> AdminError {
    const WHAT: &str = "Kafka";
    match error {
        LogError::Unavailable { cause, source } => AdminError::Unavailable { what: WHAT, cause, source },
        LogError::Refused { cause, source } => AdminError::Refused { what: WHAT, cause, source },
    }
}
