//! The resource usage of a phase: of the worker, and of the servers on the same cores.

use std::time::{Duration, Instant};

use userstream_bench::usage;
use userstream_e2e::rig::{Rig, Server};
use userstream_e2e::worker::Worker;

/// The servers whose CPU is reported separately.
const SERVERS: [Server; 2] = [Server::Cassandra, Server::Kafka];

/// The CPU time spent so far, in seconds.
#[derive(Debug)]
pub(crate) struct Usage {
    pub(crate) at: Instant,
    servers: [f64; 2],
    machine: f64,
}

/// The resource usage of a phase.
#[derive(Debug)]
pub(crate) struct Costs {
    wall: Duration,
    /// CPU-seconds of the measured process.
    pub(crate) worker: f64,
    /// In bytes; none when the process has exited.
    peak_memory: Option<u64>,
    servers: [f64; 2],
    other: f64,
}

impl Usage {
    /// The CPU time of the servers and of the whole machine so far.
    pub(crate) fn now(rig: &Rig) -> Self {
        Self {
            at: Instant::now(),
            servers: SERVERS.map(|server| usage::process(rig.pid(server))),
            machine: usage::machine(),
        }
    }
}

impl Costs {
    /// The usage since `before`, and that of the worker since its start, which was later.
    pub(crate) fn since(before: &Usage, rig: &Rig, worker: &Worker) -> Self {
        let now = Usage::now(rig);
        let servers = [0, 1].map(|server| now.servers[server] - before.servers[server]);
        let own = usage::process(worker.pid());
        Self {
            wall: now.at - before.at,
            worker: own,
            peak_memory: worker.peak_memory(),
            servers,
            other: now.machine - before.machine - own - servers.iter().sum::<f64>(),
        }
    }

    /// The same usage, of a phase that ended before the usage was read.
    pub(crate) fn within(self, wall: Duration) -> Self {
        Self { wall, ..self }
    }

    /// One line of the table.
    #[allow(clippy::cast_precision_loss, reason = "counts of records are far below 2^52")]
    pub(crate) fn line(&self, what: &str, records: usize) -> String {
        let (millions, seconds) = (records as f64 / 1e6, self.wall.as_secs_f64());
        format!(
            "| {what} | {seconds:.1} | {:.0} | {:.2} | {} | {:.1} | {:.1} | {:.1} |",
            records as f64 / seconds,
            self.worker / millions,
            self.peak_memory.map_or("-".to_owned(), |peak| (peak >> 20).to_string()),
            self.servers[0] / millions,
            self.servers[1] / millions,
            self.other,
        )
    }
}
