//! The conditions of a measurement.

use std::fs::read_to_string;
use std::path::Path;

/// One line about the machine, its load, the measured program and the servers on the same cores.
pub fn conditions(program: &Path, servers: &str) -> String {
    let processors = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> = processors
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, model)| model))
        .collect();
    let load = read_to_string("/proc/loadavg").unwrap_or_default();
    let bytes = program.metadata().map_or(0, |file| file.len());
    format!(
        "{} × {}; load {}; {} ({} KiB); {servers} on the same cores",
        models.len(),
        models.first().unwrap_or(&"an unnamed processor"),
        load.split(' ').next().unwrap_or_default(),
        program.display(),
        bytes >> 10,
    )
}
