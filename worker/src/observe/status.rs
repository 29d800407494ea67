//! What `/status` answers.

use userstream_crds::worker_status::{
    Fault, Partition, ProcessorStatus, ProducerStatus, Quantiles, WorkerStatus,
};

use crate::observe::health::Health;
use crate::observe::sliding_histogram::Recent;
use crate::observe::stats::Stats;

/// The status now.
pub fn of(stats: &Stats, health: &Health) -> WorkerStatus {
    let (source, table) = (&stats.source, &stats.table);
    let missing: Vec<String> =
        health.all_missing().into_iter().map(|(part, reason)| format!("{}: {reason}", part.name())).collect();
    WorkerStatus {
        ready: missing.is_empty(),
        missing,
        producer: ProducerStatus {
            pages: source.pages.get(),
            read: source.read.get(),
            appended: source.appended.get(),
            dead_lettered: source.dead_lettered.get(),
            skipped: source.skipped.get(),
            runs: source.runs.get(),
            failed_runs: source.failed_runs.get(),
            last_success_time: source.last_success.get(),
        },
        processor: ProcessorStatus {
            partitions: table.progress().map(|progress| {
                let partition = |one: &crate::log::Progress| Partition {
                    partition: one.partition,
                    position: Some(one.position),
                    committed: one.committed,
                    high_watermark: one.high_watermark,
                    lag: one.lag(),
                };
                progress.iter().map(partition).collect()
            }),
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
        },
        errors: stats
            .errors()
            .into_iter()
            .map(|(place, cause, count)| Fault { place: place.to_owned(), cause: cause.to_owned(), count })
            .collect(),
    }
}

fn quantiles(durations: &Recent) -> Option<Quantiles> {
    let counts = durations.recent();
    Some(Quantiles {
        p50_seconds: counts.quantile(0.5)?.as_secs_f64(),
        p99_seconds: counts.quantile(0.99)?.as_secs_f64(),
    })
}
