//! Topics in a Kafka cluster.

use std::path::Path;

use userstream_crds::model::Pipeline;
use userstream_worker::log::kafka::{Assignor, KafkaConsumer, KafkaProducer, OpenError};
use userstream_worker::provision::kafka::KafkaTopicAdmin;

use super::{BackendError, LogBackend};

/// The Kafka cluster of a pipeline.
#[derive(Debug)]
pub(crate) struct KafkaBackend<'p> {
    pipeline: &'p Pipeline,
    secrets: &'p Path,
}

impl<'p> KafkaBackend<'p> {
    /// Creates the backend without connecting. `secrets` is the directory of Secrets.
    pub(crate) fn new(pipeline: &'p Pipeline, secrets: &'p Path) -> Self {
        Self { pipeline, secrets }
    }
}

fn client(error: OpenError) -> BackendError {
    BackendError::Client { server: "Kafka", source: error.into() }
}

impl LogBackend for KafkaBackend<'_> {
    type Admin = KafkaTopicAdmin;
    type Consumer = KafkaConsumer;
    type Producer = KafkaProducer;

    async fn admin(&self) -> Result<Self::Admin, BackendError> {
        KafkaTopicAdmin::open(self.pipeline, self.secrets).map_err(client)
    }

    async fn consumer(&self) -> Result<Self::Consumer, BackendError> {
        KafkaConsumer::join(self.pipeline, self.secrets, Assignor::default()).map_err(client)
    }

    async fn producer(&self) -> Result<Self::Producer, BackendError> {
        KafkaProducer::open(self.pipeline, self.secrets).map_err(client)
    }
}
