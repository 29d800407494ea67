//! `worker process`: from Kafka to Cassandra.

use std::time::Duration;

use super::{Ended, Job};
use crate::command::exit::Exit;
use crate::log::kafka::{Assignor, KafkaConsumer, KafkaProducer};
use crate::loops::pipeline::{check_all_is_done, process_settings};
use crate::loops::process::row_decoder::RowDecoder;
use crate::loops::process::{ProcessError, Processor};
use crate::observe::health::Part;
use crate::runtime::backoff::{Backoff, Jitter};
use crate::runtime::clock::Clock;
use crate::runtime::shutdown::{Stop, StopSignal};
use crate::table::cassandra::CassandraTable;

/// How often the health is brought up to date.
const HEALTH_CHECK: Duration = Duration::from_millis(500);
/// How often the brokers are asked for the depth of the dead-letter topic.
const DEPTH_CHECK: Duration = Duration::from_secs(15);

pub(super) async fn run(job: &Job) -> Ended {
    let (pipeline, secrets, clock) = (&job.pipeline, job.config.secrets_directory.as_path(), Clock::system());
    if let Err(error) = check_all_is_done(pipeline) {
        return Ended::badly(Exit::Config, error);
    }
    let decode = match RowDecoder::new(pipeline, clock.clone()) {
        Ok(decode) => decode,
        Err(error) => return Ended::badly(Exit::Config, error),
    };
    job.health.missing(Part::Group, "not joined yet");
    job.health.missing(Part::Table, "not connected yet");
    // Joining the group goes on in the background while the session with the table is made.
    let joined = KafkaConsumer::join(pipeline, secrets, Assignor::default());
    let letters = KafkaProducer::open(pipeline, secrets);
    let (consumer, letters) = match (joined, letters) {
        (Ok(consumer), Ok(letters)) => (consumer, letters),
        (Err(error), _) | (_, Err(error)) => return Ended::badly(Exit::Unavailable, error),
    };
    let Some(table) = until_connected(job, job.stop.clone()).await else {
        return Ended::well();
    };
    let processor = Processor {
        consumer,
        letters: &letters,
        table: &table,
        decode,
        settings: process_settings(pipeline),
        stats: &job.stats,
        clock,
        jitter: Jitter::from_process(),
        stop: job.stop.clone(),
    };
    tokio::select! {
        ended = processor.run() => match ended {
            Ok(()) => Ended::well(),
            Err(error @ ProcessError::Poison(_)) => Ended::badly(Exit::DataPolicy, error),
            Err(error @ ProcessError::Log(_)) => Ended::badly(Exit::Unavailable, error),
        },
        () = watch(job, &table) => Ended::well(),
        () = measure_dead_letters(job, &letters) => Ended::well(),
    }
}

/// Tries until there is a session, however long the table is away. None when told to stop meanwhile.
async fn until_connected(job: &Job, mut stop: StopSignal) -> Option<CassandraTable> {
    let mut backoff =
        Backoff::new(Duration::from_millis(200), Duration::from_secs(10), Jitter::from_process());
    loop {
        let attempt = tokio::select! {
            biased;
            () = stop.reached(Stop::Now) => return None,
            attempt = CassandraTable::connect(&job.pipeline, &job.config.secrets_directory) => attempt,
        };
        match attempt {
            Ok(table) => return Some(table),
            Err(error) => {
                let wait = backoff.next_wait();
                job.stats.error("table", "connect");
                job.health.missing(Part::Table, error.to_string());
                tracing::warn!(%error, ?wait, "the table cannot be reached");
                tokio::select! {
                    biased;
                    () = stop.reached(Stop::Now) => return None,
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    }
}

/// Keeps the health up to date. Never returns.
async fn watch(job: &Job, table: &CassandraTable) {
    let mut ticks = tokio::time::interval(HEALTH_CHECK);
    loop {
        ticks.tick().await;
        match table.trouble() {
            None => job.health.present(Part::Table),
            Some(cause) => job.health.missing(Part::Table, format!("rows cannot be written ({cause})")),
        }
        match job.stats.table.progress() {
            Some(_) => job.health.present(Part::Group),
            None => job.health.missing(Part::Group, "no partition assigned"),
        }
    }
}

/// Keeps the depth of the dead-letter topic up to date. Never returns.
async fn measure_dead_letters(job: &Job, letters: &KafkaProducer) {
    let Some(topic) = job.pipeline.dead_letter() else {
        return std::future::pending().await;
    };
    let mut ticks = tokio::time::interval(DEPTH_CHECK);
    loop {
        ticks.tick().await;
        match letters.depth(topic.name.as_str()).await {
            Ok(depth) => job.stats.table.dead_letter_depth.set(depth),
            Err(error) => {
                tracing::debug!(cause = error.cause(), %error, "the depth of the dead-letter topic is not known");
                job.stats.table.dead_letter_depth.clear();
            }
        }
    }
}
