//! The conditions that figures were measured under.

use std::fs::read_to_string;

/// The machine, its load, and the binary, as lines to print above the figures.
pub(crate) fn conditions() -> String {
    let processors = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> = processors
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, model)| model))
        .collect();
    let load = read_to_string("/proc/loadavg").unwrap_or_default();
    let worker = userstream_e2e::worker::binary();
    let bytes = worker.metadata().map_or(0, |file| file.len());
    format!(
        "{} × {}; load {}; {} ({} KiB); Kafka 4.3.0 and Cassandra 5.0.8 on the same cores",
        models.len(),
        models.first().unwrap_or(&"an unnamed processor"),
        load.split(' ').next().unwrap_or_default(),
        worker.display(),
        bytes >> 10,
    )
}
