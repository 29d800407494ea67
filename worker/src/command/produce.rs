//! `worker produce`: from the source to Kafka.

use userstream_crds::model::Cadence;

use super::{Context, Outcome};
use crate::command::exit::Exit;
use crate::log::kafka::KafkaProducer;
use crate::loops::pipeline::produce_settings;
use crate::loops::produce::transformer::Transformer;
use crate::loops::produce::{ProduceError, ProduceLoop, Run};
use crate::observe::health::Component;
use crate::runtime::backoff::Jitter;
use crate::runtime::clock::Clock;
use crate::source::from_pipeline;

pub(super) async fn run(context: &Context, once: bool) -> Outcome {
    let (pipeline, secrets, clock) =
        (&context.pipeline, context.config.secrets_directory.as_path(), Clock::system());
    let Some(declared) = &pipeline.source else {
        return Outcome::failure(Exit::Config, "the pipeline has no source: nothing to produce");
    };
    let interval = match &declared.cadence {
        Cadence::Continuous { interval } if !once => Some(*interval),
        Cadence::Continuous { .. } | Cadence::Scheduled(_) => None,
    };
    let mut jitter = Jitter::from_process();
    let source = match from_pipeline(pipeline, secrets, &context.config.allowed_private_ranges, clock.clone())
    {
        Ok(source) => source,
        Err(error) => return Outcome::failure(Exit::Config, error),
    };
    let transform = Transformer::new(pipeline, jitter.split());
    let log = match KafkaProducer::open(pipeline, secrets) {
        Ok(log) => log,
        Err(error) => return Outcome::failure(Exit::Unavailable, error),
    };
    context.health.set_unready(Component::Log, "not reached yet");
    let mut produce = ProduceLoop {
        source,
        log: &log,
        transform,
        settings: produce_settings(pipeline, interval.is_some()),
        stats: &context.stats,
        health: &context.health,
        clock,
        jitter,
        shutdown: context.shutdown.clone(),
    };
    match interval {
        Some(interval) => produce.run_continuously(interval).await.into(),
        None => produce.run_once().await.into(),
    }
}

impl From<Result<(), ProduceError>> for Outcome {
    fn from(ended: Result<(), ProduceError>) -> Self {
        match ended {
            Ok(()) => Self::success(),
            Err(error @ ProduceError::Record(_)) => Self::failure(Exit::DataPolicy, error),
            Err(error) => Self::failure(Exit::Unavailable, error),
        }
    }
}

impl From<Result<Run, ProduceError>> for Outcome {
    fn from(ended: Result<Run, ProduceError>) -> Self {
        match ended {
            // The Job must not count as complete: a drained node ends runs this way.
            Ok(Run::Stopped) => {
                let why = "shut down before the end of the run: the next run continues behind its last page";
                Self::failure(Exit::Unavailable, why)
            }
            ended => ended.map(|_| ()).into(),
        }
    }
}
