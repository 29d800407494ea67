//! The response of `/status`.

use userstream_crds::worker_status::{
    ErrorCount, Partition, ProcessorStatus, ProducerStatus, Quantiles, WorkerStatus,
};

use crate::log::Progress;
use crate::observe::health::Health;
use crate::observe::sliding_histogram::SlidingHistogram;
use crate::observe::stats::{SourceStats, Stats, TableStats};

/// The current status.
pub fn of(stats: &Stats, health: &Health) -> WorkerStatus {
    let missing: Vec<String> = health
        .unready()
        .into_iter()
        .map(|(component, reason)| format!("{}: {reason}", component.name()))
        .collect();
    WorkerStatus {
        ready: missing.is_empty(),
        missing,
        producer: producer(&stats.source),
        processor: processor(&stats.table),
        truncated_dead_letters: stats.truncated_letters.get(),
        refused_dead_letters: stats.refused_letters.get(),
        errors: stats
            .errors()
            .into_iter()
            .map(|(place, cause, count)| ErrorCount {
                place: place.to_owned(),
                cause: cause.to_owned(),
                count,
            })
            .collect(),
    }
}

fn producer(source: &SourceStats) -> ProducerStatus {
    ProducerStatus {
        pages: source.pages.get(),
        read: source.read.get(),
        appended: source.appended.get(),
        dead_lettered: source.dead_lettered.get(),
        skipped: source.skipped.get(),
        runs: source.runs.get(),
        failed_runs: source.failed_runs.get(),
        last_success_time: source.last_success.get(),
    }
}

fn processor(table: &TableStats) -> ProcessorStatus {
    let partition = |progress: &Progress| Partition {
        partition: progress.partition,
        position: Some(progress.position),
        committed: progress.committed,
        high_watermark: progress.high_watermark,
        lag: progress.lag(),
    };
    ProcessorStatus {
        partitions: table.progress().map(|progress| progress.iter().map(partition).collect()),
        topic_partitions: table.topic_partitions.get().and_then(|count| u32::try_from(count).ok()),
        lag: table.lag(),
        read: table.read.get(),
        filtered: table.filtered.get(),
        written: table.written.get(),
        retries: table.retries.get(),
        dead_lettered: table.dead_lettered.get(),
        skipped: table.skipped.get(),
        dead_letter_depth: table.dead_letter_depth.get(),
        last_row_time: table.last_row.get(),
        freshness: quantiles(&table.freshness),
        write_latency: quantiles(&table.latency),
    }
}

fn quantiles(durations: &SlidingHistogram) -> Option<Quantiles> {
    let window = durations.window();
    Some(Quantiles {
        p50_seconds: window.quantile(0.5)?.as_secs_f64(),
        p99_seconds: window.quantile(0.99)?.as_secs_f64(),
    })
}
