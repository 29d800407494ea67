//! `worker produce`: from the source to Kafka.

use super::{Ended, Job};
use crate::command::exit::Exit;
use crate::log::kafka::KafkaProducer;
use crate::loops::pipeline::produce_settings;
use crate::loops::produce::transformer::Transformer;
use crate::loops::produce::{ProduceError, Producing, Run};
use crate::observe::health::Part;
use crate::runtime::backoff::Jitter;
use crate::runtime::clock::Clock;
use crate::source::from_pipeline;
use userstream_crds::model::Cadence;

pub(super) async fn run(job: &Job, once: bool) -> Ended {
    let (pipeline, secrets, clock) = (&job.pipeline, job.config.secrets_directory.as_path(), Clock::system());
    let Some(described) = &pipeline.source else {
        return Ended::badly(Exit::Config, "the pipeline has no source: there is nothing to produce");
    };
    let interval = match &described.cadence {
        Cadence::Continuous { interval } if !once => Some(*interval),
        Cadence::Continuous { .. } | Cadence::Scheduled(_) => None,
    };
    let mut jitter = Jitter::from_process();
    let source = match from_pipeline(pipeline, secrets, &job.config.allowed_private_ranges, clock.clone()) {
        Ok(source) => source,
        Err(error) => return Ended::badly(Exit::Config, error),
    };
    let transform = match Transformer::new(pipeline, jitter.split()) {
        Ok(transform) => transform,
        Err(error) => return Ended::badly(Exit::Config, error),
    };
    let log = match KafkaProducer::open(pipeline, secrets) {
        Ok(log) => log,
        Err(error) => return Ended::badly(Exit::Unavailable, error),
    };
    job.health.missing(Part::Log, "not reached yet");
    let mut producing = Producing {
        source,
        log: &log,
        transform,
        settings: produce_settings(pipeline, interval.is_some()),
        stats: &job.stats,
        health: &job.health,
        clock,
        jitter,
        stop: job.stop.clone(),
    };
    let ended = match interval {
        Some(interval) => producing.run_continuously(interval).await,
        None => match producing.run_once().await {
            // Whoever started it has to know that there is something left: a node that is drained ends runs like this.
            Ok(Run::Stopped) => {
                let why = "told to stop before the run had ended; the next one goes on behind its last page";
                return Ended::badly(Exit::Unavailable, why);
            }
            ended => ended.map(|_| ()),
        },
    };
    match ended {
        Ok(()) => Ended::well(),
        Err(error @ ProduceError::Poison(_)) => Ended::badly(Exit::DataPolicy, error),
        Err(error) => Ended::badly(Exit::Unavailable, error),
    }
}
