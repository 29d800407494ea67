//! Topics in a real Kafka.

use std::path::Path;

use userstream_crds::model::Pipeline;
use userstream_worker::log::kafka::{Assignor, KafkaConsumer, KafkaProducer, OpenError};
use userstream_worker::provision::kafka::KafkaTopicAdmin;

use super::{LogPlace, PlaceError};

/// The cluster that a pipeline names.
#[derive(Debug)]
pub(crate) struct KafkaPlace<'p> {
    pipeline: &'p Pipeline,
    secrets: &'p Path,
}

impl<'p> KafkaPlace<'p> {
    /// The cluster of a pipeline, with the Secrets in this folder. Nothing is dialled yet.
    pub(crate) fn new(pipeline: &'p Pipeline, secrets: &'p Path) -> Self {
        Self { pipeline, secrets }
    }
}

fn client(error: OpenError) -> PlaceError {
    PlaceError::Client { server: "Kafka", source: error.into() }
}

impl LogPlace for KafkaPlace<'_> {
    type Admin = KafkaTopicAdmin;
    type Consumer = KafkaConsumer;
    type Producer = KafkaProducer;

    async fn admin(&self) -> Result<Self::Admin, PlaceError> {
        KafkaTopicAdmin::open(self.pipeline, self.secrets).map_err(client)
    }

    async fn consumer(&self) -> Result<Self::Consumer, PlaceError> {
        KafkaConsumer::join(self.pipeline, self.secrets, Assignor::default()).map_err(client)
    }

    async fn producer(&self) -> Result<Self::Producer, PlaceError> {
        KafkaProducer::open(self.pipeline, self.secrets).map_err(client)
    }
}
