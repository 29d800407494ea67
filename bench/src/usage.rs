//! CPU time and memory of processes, as Linux counts them.

/// User and system time of a process with all its threads, in seconds.
///
/// # Panics
/// When it does not run.
pub fn process(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    // The second field, the command, may hold spaces; the ones behind its bracket do not.
    let fields = stat.rsplit(") ").next().expect("the line has a command");
    seconds(fields.split(' ').skip(11).take(2))
}

/// How much memory a process holds now, and held at most, in bytes.
///
/// # Panics
/// When it does not run.
pub fn memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let field = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
        value.and_then(|value| value.parse::<u64>().ok()).expect("Linux tells a process's memory") << 10
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Busy time of all cores, in seconds.
///
/// # Panics
/// When Linux does not tell.
pub fn machine() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").expect("Linux tells");
    let fields: Vec<&str> =
        stat.lines().next().expect("the first line is all cores").split_whitespace().collect();
    // user, nice, system; idle and waiting are left out; then the interrupts.
    seconds([1, 2, 3, 6, 7].map(|field| fields[field]).into_iter())
}

#[allow(clippy::cast_precision_loss, reason = "ticks of a run are far below 2^52")]
fn seconds<'a>(ticks: impl Iterator<Item = &'a str>) -> f64 {
    let ticks: u64 = ticks.map(|text| text.parse::<u64>().expect("ticks are a number")).sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}
