//! The response of `/status`.

use userstream_crds::worker_status::{
    Fault, Partition, ProcessorStatus, ProducerStatus, Quantiles, WorkerStatus,
};

use crate::observe::health::Health;
use crate::observe::sliding_histogram::SlidingHistogram;
use crate::observe::stats::Stats;

/// The current status.
pub fn of(stats: &Stats, health: &Health) -> WorkerStatus {
    let (source, table) = (&stats.source, &stats.table);
    let missing: Vec<String> = health
        .unready()
        .into_iter()
        .map(|(component, reason)| format!("{}: {reason}", component.name()))
        .collect();
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

fn quantiles(durations: &SlidingHistogram) -> Option<Quantiles> {
    let window = durations.window();
    Some(Quantiles {
        p50_seconds: window.quantile(0.5)?.as_secs_f64(),
        p99_seconds: window.quantile(0.99)?.as_secs_f64(),
    })
}
