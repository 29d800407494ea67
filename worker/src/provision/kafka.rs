//! Provisioning in Kafka: describes topics by their id, metadata and settings, and makes one change at a time.

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

/// How long one request to the brokers may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a change may take to be seen by every client.
const SETTLING: Duration = Duration::from_secs(30);

/// Administers the topics of a pipeline's cluster.
pub struct KafkaTopicAdmin {
    client: Arc<AdminClient<DefaultClientContext>>,
}

impl KafkaTopicAdmin {
    /// An administrator with the pipeline's credentials. The brokers are asked when there is something to ask.
    ///
    /// # Errors
    /// When credentials are missing or the client refuses its settings.
    pub fn open(pipeline: &Pipeline, secrets: &Path) -> Result<Self, OpenError> {
        let credentials = CredentialWatch::start(CredentialSource::kafka(&pipeline.kafka, secrets))?;
        let client = connection(&pipeline.kafka, credentials.current()).create().map_err(from_client)?;
        Ok(Self { client: Arc::new(client) })
    }

    /// How many partitions a topic has, and how many copies the partition has that has the fewest.
    async fn shape(&self, name: &str) -> Result<Option<(u32, u16)>, AdminError> {
        let (client, topic) = (Arc::clone(&self.client), name.to_owned());
        let asked = spawn_blocking("topic-metadata", move || {
            let metadata = client.inner().fetch_metadata(Some(&topic), PATIENCE)?;
            let found = metadata.topics().iter().find(|found| found.name() == topic);
            let Some(found) = found else { return Ok(None) };
            if let Some(error) = found.error() {
                return match RDKafkaErrorCode::from(error) {
                    RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => Ok(None),
                    code => Err(KafkaError::MetadataFetch(code)),
                };
            }
            let partitions = u32::try_from(found.partitions().len()).unwrap_or(u32::MAX);
            let copies = found.partitions().iter().map(|partition| partition.replicas().len()).min();
            Ok((partitions > 0)
                .then(|| (partitions, copies.and_then(|n| u16::try_from(n).ok()).unwrap_or_default())))
        });
        let answer = asked.map_err(admin)?.await;
        let answered: KafkaResult<_> = answer.unwrap_or(Err(KafkaError::Canceled));
        answered.map_err(client_error)
    }

    /// The id that tells the topic from another one made later under its name.
    async fn id(&self, name: &str) -> Result<Option<String>, AdminError> {
        let (client, topic) = (Arc::clone(&self.client), name.to_owned());
        let asked = spawn_blocking("topic-id", move || topic_id(client.inner(), &topic, PATIENCE));
        let answer = asked.map_err(admin)?.await;
        answer.unwrap_or(Err(KafkaError::Canceled)).map_err(client_error)
    }

    /// Every setting of a topic, and those of them that are its own.
    async fn settings(
        &self,
        name: &str,
    ) -> Result<(BTreeMap<String, String>, BTreeMap<String, String>), AdminError> {
        let topic = [ResourceSpecifier::Topic(name)];
        let described = self.client.describe_configs(&topic, &options()).await.map_err(client_error)?;
        let mut all = BTreeMap::new();
        let mut own = BTreeMap::new();
        for resource in described {
            for entry in resource.map_err(code_error)?.entries {
                let Some(value) = entry.value else { continue };
                if entry.source == ConfigSource::DynamicTopic {
                    own.insert(entry.name.clone(), value.clone());
                }
                all.insert(entry.name, value);
            }
        }
        Ok((all, own))
    }

    /// Waits until a change is to be seen: brokers learn of it one after the other.
    async fn until<F: Future<Output = Result<bool, AdminError>>>(
        &self,
        seen: impl Fn() -> F,
    ) -> Result<(), AdminError> {
        let mut backoff =
            Backoff::new(Duration::from_millis(20), Duration::from_millis(500), Jitter::from_process());
        let waiting = async {
            while !seen().await? {
                tokio::time::sleep(backoff.next_wait()).await;
            }
            Ok(())
        };
        match tokio::time::timeout(SETTLING, waiting).await {
            Ok(seen) => seen,
            Err(_) => Err(admin(from_code(RDKafkaErrorCode::OperationTimedOut))),
        }
    }
}

impl TopicAdmin for KafkaTopicAdmin {
    async fn topic(&self, name: &TopicName) -> Result<Option<ObservedTopic>, AdminError> {
        let Some((partitions, replicas)) = self.shape(name.as_str()).await? else { return Ok(None) };
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
        let made = self.client.create_topics([&new], &options()).await.map_err(client_error)?;
        for result in made {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(code_error(code)),
            }
        }
        self.until(|| async { Ok(self.shape(topic.name.as_str()).await?.is_some()) }).await
    }

    async fn grow_topic(&self, name: &TopicName, partitions: u32) -> Result<(), AdminError> {
        let new = NewPartitions::new(name.as_str(), partitions as usize);
        let made = self.client.create_partitions([&new], &options()).await.map_err(client_error)?;
        for result in made {
            result.map_err(|(_, code)| code_error(code))?;
        }
        self.until(|| async {
            Ok(self.shape(name.as_str()).await?.is_some_and(|(now, _)| now >= partitions))
        })
        .await
    }

    async fn configure_topic(
        &self,
        name: &TopicName,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), AdminError> {
        // The request replaces all of a topic's own settings: those that are there are sent along.
        let (_, own) = self.settings(name.as_str()).await?;
        let wanted: BTreeMap<String, String> = own.into_iter().chain(settings.clone()).collect();
        let mut change = AlterConfig::new(ResourceSpecifier::Topic(name.as_str()));
        for (name, value) in &wanted {
            change = change.set(name, value);
        }
        let made = self.client.alter_configs([&change], &options()).await.map_err(client_error)?;
        for result in made {
            result.map_err(|(_, code)| code_error(code))?;
        }
        let has = |all: &BTreeMap<String, String>| {
            settings.iter().all(|(name, value)| all.get(name).is_some_and(|has| same_setting(has, value)))
        };
        self.until(|| async { Ok(has(&self.settings(name.as_str()).await?.0)) }).await
    }

    // Brokers delete by name only, as far as the client goes: between the look and the deletion lies one round trip.
    async fn delete_topic(&self, name: &TopicName, id: &str) -> Result<bool, AdminError> {
        if self.id(name.as_str()).await?.as_deref() != Some(id) {
            return Ok(false);
        }
        let deleted = self.client.delete_topics(&[name.as_str()], &options()).await.map_err(client_error)?;
        for result in deleted {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                Err((_, code)) => return Err(code_error(code)),
            }
        }
        self.until(|| async { Ok(self.shape(name.as_str()).await?.is_none()) }).await?;
        Ok(true)
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
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
