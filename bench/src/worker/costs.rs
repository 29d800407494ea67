//! What a phase costs the worker and the servers that share the cores with it.

use std::time::{Duration, Instant};

use userstream_bench::usage;
use userstream_e2e::rig::Rig;
use userstream_e2e::worker::Worker;

use crate::SERVERS;

/// What had been spent at a moment, in CPU-seconds.
#[derive(Debug)]
pub(crate) struct Usage {
    pub(crate) at: Instant,
    servers: [f64; 2],
    machine: f64,
}

/// What a phase cost.
#[derive(Debug)]
pub(crate) struct Costs {
    wall: Duration,
    /// Of the process that was measured.
    pub(crate) worker: f64,
    /// None when the worker ended by itself.
    peak_memory: Option<u64>,
    servers: [f64; 2],
    other: f64,
}

impl Usage {
    /// What the servers and the whole machine have spent so far.
    pub(crate) fn now(rig: &Rig) -> Self {
        Self {
            at: Instant::now(),
            servers: SERVERS.map(|server| usage::process(rig.pid(server))),
            machine: usage::machine(),
        }
    }
}

impl Costs {
    /// What was spent since `before`, and what the worker, started since then, has spent in its life.
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

    /// The same costs of a phase whose end was seen earlier than they were read.
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
