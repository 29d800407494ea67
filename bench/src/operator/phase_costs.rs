//! What a phase costs the operator and whoever shares the cores with it.

use std::time::Duration;

use userstream_e2e::operator::Operator;

use userstream_bench::usage;

/// The head of the table of phases.
pub(super) const HEADER: &str = "\
| phase | seconds | pipelines/s | operator CPU-s | ms of it/pipeline | MiB | peak MiB | reconciles | writes | API server CPU-s | etcd CPU-s | stand-in CPU-s | other CPU-s |
|---|---|---|---|---|---|---|---|---|---|---|---|---|";

/// The processes that share the cores.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processes {
    pub(super) operator: u32,
    pub(super) api_server: u32,
    pub(super) etcd: u32,
    /// This one, which plays everybody else.
    pub(super) own: u32,
}

impl Processes {
    fn spent(self) -> [f64; 4] {
        [self.operator, self.api_server, self.etcd, self.own].map(usage::process)
    }
}

/// What an operator has done since its start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    /// How often it has looked at a pipeline.
    pub(super) reconciles: u64,
    /// How many objects it has written.
    pub(super) writes: u64,
}

impl Counters {
    pub(super) async fn of(operator: &Operator) -> Self {
        Self {
            reconciles: operator.metric("controller_runtime_reconcile_total").await,
            writes: operator.writes().await,
        }
    }
}

/// What had been spent and done when a phase began.
#[derive(Debug)]
pub(super) struct Phase {
    processes: Processes,
    spent: [f64; 4],
    machine: f64,
    before: Counters,
}

impl Phase {
    /// Begins a phase in an operator's life, which has done so much before it.
    pub(super) fn start(processes: Processes, before: Counters) -> Self {
        Self { processes, spent: processes.spent(), machine: usage::machine(), before }
    }

    /// The line of the table for a phase that took so long, and concerned so many pipelines.
    #[allow(clippy::cast_precision_loss, reason = "counts of pipelines and bytes are far below 2^52")]
    pub(super) async fn line(
        &self,
        phase: &str,
        took: Duration,
        pipelines: Option<usize>,
        operator: &Operator,
    ) -> String {
        let now = self.processes.spent();
        let [own, api_server, etcd, fake_kubelet] =
            [0, 1, 2, 3].map(|process| now[process] - self.spent[process]);
        let other = usage::machine() - self.machine - own - api_server - etcd - fake_kubelet;
        let (memory, peak) = usage::memory(self.processes.operator);
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let of_pipelines = |figure: &dyn Fn(f64) -> f64| {
            pipelines.map_or_else(|| "-".to_owned(), |count| format!("{:.1}", figure(count as f64)))
        };
        let done = Counters::of(operator).await;
        let (reconciles, writes) =
            (done.reconciles - self.before.reconciles, done.writes - self.before.writes);
        let seconds = took.as_secs_f64();
        format!(
            "| {phase} | {seconds:.1} | {} | {own:.2} | {} | {:.1} | {:.1} | {reconciles} | {writes} | {api_server:.1} | {etcd:.1} | {fake_kubelet:.1} | {other:.1} |",
            of_pipelines(&|count| count / seconds),
            of_pipelines(&|count| own * 1000.0 / count),
            mebibytes(memory),
            mebibytes(peak),
        )
    }
}
