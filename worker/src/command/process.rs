//! `worker process`: from Kafka to Cassandra.

use std::time::Duration;

use super::{Context, Outcome};
use crate::command::exit::Exit;
use crate::log::kafka::{Assignor, KafkaConsumer, KafkaProducer};
use crate::loops::pipeline::process_settings;
use crate::loops::process::row_decoder::RowDecoder;
use crate::loops::process::{ProcessError, ProcessLoop};
use crate::observe::health::Component;
use crate::runtime::backoff::{Backoff, Jitter};
use crate::runtime::clock::Clock;
use crate::runtime::shutdown::{Shutdown, ShutdownSignal};
use crate::table::cassandra::CassandraTable;

/// How often the health is updated.
const HEALTH_CHECK: Duration = Duration::from_millis(500);
/// How often the depth of the dead-letter topic is requested.
const DEPTH_CHECK: Duration = Duration::from_secs(15);

pub(super) async fn run(context: &Context) -> Outcome {
    let (pipeline, secrets, clock) =
        (&context.pipeline, context.config.secrets_directory.as_path(), Clock::system());
    let decode = RowDecoder::new(pipeline, clock.clone());
    context.health.set_unready(Component::Group, "not joined yet");
    context.health.set_unready(Component::Table, "not connected yet");
    // The group is joined in the background while the session with the table is opened.
    let joined = KafkaConsumer::join(pipeline, secrets, Assignor::default());
    let producer = KafkaProducer::open(pipeline, secrets);
    let (consumer, producer) = match (joined, producer) {
        (Ok(consumer), Ok(producer)) => (consumer, producer),
        (Err(error), _) | (_, Err(error)) => return Outcome::failure(Exit::Unavailable, error),
    };
    let Some(table) = connect(context, context.shutdown.clone()).await else {
        return Outcome::success();
    };
    let process = ProcessLoop {
        consumer,
        producer: &producer,
        table: &table,
        decode,
        settings: process_settings(pipeline),
        stats: &context.stats,
        clock,
        jitter: Jitter::from_process(),
        shutdown: context.shutdown.clone(),
    };
    tokio::select! {
        ended = process.run() => match ended {
            Ok(()) => Outcome::success(),
            Err(error @ ProcessError::Record(_)) => Outcome::failure(Exit::DataPolicy, error),
            Err(error @ ProcessError::Log(_)) => Outcome::failure(Exit::Unavailable, error),
        },
        () = report_health(context, &table) => Outcome::success(),
        () = measure_dead_letters(context, &producer) => Outcome::success(),
    }
}

/// Connects, and retries while the table is unavailable. None when a shutdown is requested meanwhile.
async fn connect(context: &Context, mut shutdown: ShutdownSignal) -> Option<CassandraTable> {
    let mut backoff =
        Backoff::new(Duration::from_millis(200), Duration::from_secs(10), Jitter::from_process());
    loop {
        let attempt = tokio::select! {
            biased;
            () = shutdown.requested(Shutdown::Now) => return None,
            attempt = CassandraTable::connect(&context.pipeline, &context.config.secrets_directory) => attempt,
        };
        match attempt {
            Ok(table) => return Some(table),
            Err(error) => {
                let wait = backoff.next_wait();
                context.stats.error("table", "connect");
                context.health.set_unready(Component::Table, error.to_string());
                tracing::warn!(%error, ?wait, "no connection to Cassandra: retrying");
                tokio::select! {
                    biased;
                    () = shutdown.requested(Shutdown::Now) => return None,
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    }
}

/// Updates the health. Never returns.
async fn report_health(context: &Context, table: &CassandraTable) {
    let mut ticks = tokio::time::interval(HEALTH_CHECK);
    loop {
        ticks.tick().await;
        match table.unavailable_cause() {
            None => context.health.set_ready(Component::Table),
            Some(cause) => {
                context.health.set_unready(Component::Table, format!("rows cannot be written ({cause})"));
            }
        }
        match context.stats.table.progress() {
            Some(_) => context.health.set_ready(Component::Group),
            None => context.health.set_unready(Component::Group, "no partition assigned"),
        }
    }
}

/// Updates the depth of the dead-letter topic. Never returns.
async fn measure_dead_letters(context: &Context, producer: &KafkaProducer) {
    let Some(topic) = context.pipeline.dead_letter() else {
        return std::future::pending().await;
    };
    let mut ticks = tokio::time::interval(DEPTH_CHECK);
    loop {
        ticks.tick().await;
        match producer.depth(topic.name.as_str()).await {
            Ok(depth) => context.stats.table.dead_letter_depth.set(depth),
            Err(error) => {
                tracing::debug!(cause = error.cause(), %error, "the depth of the dead-letter topic is unknown");
                context.stats.table.dead_letter_depth.clear();
            }
        }
    }
}
