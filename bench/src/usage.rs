//! CPU time and memory of processes, from `/proc`.

/// User and system time of a process with all its threads, in seconds.
///
/// # Panics
/// When the process does not exist.
pub fn process(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    // Only the second field, the command in parentheses, may contain spaces.
    let fields = stat.rsplit(") ").next().expect("the line has a command");
    seconds(fields.split(' ').skip(11).take(2))
}

/// The current and the peak resident memory of a process, in bytes.
///
/// # Panics
/// When the process does not exist.
pub fn resident_memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let field = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
        value.and_then(|value| value.parse::<u64>().ok()).expect("/proc reports the memory of a process")
            << 10
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Busy time of all cores, in seconds.
///
/// # Panics
/// When `/proc/stat` cannot be read.
pub fn machine() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").expect("/proc/stat can be read");
    let fields: Vec<&str> =
        stat.lines().next().expect("the first line is all cores").split_whitespace().collect();
    // user, nice, system, irq and softirq; not idle, iowait and steal.
    seconds([1, 2, 3, 6, 7].map(|field| fields[field]).into_iter())
}

#[allow(clippy::cast_precision_loss, reason = "ticks of a run are far below 2^52")]
fn seconds<'a>(ticks: impl Iterator<Item = &'a str>) -> f64 {
    let ticks: u64 = ticks.map(|text| text.parse::<u64>().expect("ticks are a number")).sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}
